// Draws docs/page-desktop.png and docs/page-phone.png: `node tests/real/page/shots.mjs [FOLDER]`.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Browser } from "./browser.mjs";
import { StandIn } from "./stand_in.mjs";
import { metrics, night, well } from "./states.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const TEXT = metrics({
  first: { 0.25: 812, 0.5: 340, 1: 61, 2.5: 9 },
  overhead: { 0.00025: 1090, 0.0005: 130, 0.001: 2 },
  requests: [
    ["2xx", "ok", 1222],
    ["5xx", "upstream_error", 4],
  ],
});

/** A night on a phone, in the dark; a good day on a desktop. */
const SHOTS = [
  { file: "page-desktop.png", status: well(), size: { width: 1200, height: 900 } },
  { file: "page-phone.png", status: night(), size: { width: 360, height: 780, dark: true } },
];

async function shoot(browser, folder, { file, status, size }) {
  const standIn = new StandIn(join(ROOT, "src/admin/page/page.html"));
  Object.assign(standIn, { status, metrics: TEXT });
  await standIn.start();
  const page = await browser.open(size);
  await page.go(standIn.url);
  await page.until("document.querySelector('#speed tbody')");
  const whole = process.env.WHOLE ? await page.value("document.documentElement.scrollHeight") : size.height;
  writeFileSync(join(folder, file), await page.screenshot(whole));
  await standIn.stop();
}

const browser = new Browser();
try {
  for (const shot of SHOTS) await shoot(browser, process.argv[2] ?? join(ROOT, "docs"), shot);
} finally {
  await browser.close();
}
