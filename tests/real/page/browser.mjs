// A headless Chromium, spoken to over its debugging pipe: no driver to install, nothing listens on a port.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The longest that anything here waits. */
const PATIENCE_MS = 30_000;

const CANDIDATES = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export function findChromium() {
  const found = CANDIDATES.find((path) => path && existsSync(path));
  if (!found) throw new Error("no Chromium: apt-get install chromium, or name one in $CHROMIUM");
  return found;
}

export class Browser {
  #child;
  #profile;
  #next = 1;
  #answers = new Map();
  #listeners = [];

  constructor() {
    this.#profile = mkdtempSync(join(tmpdir(), "sidegate-page-"));
    // No sandbox: in containers there often is none to be had, and only our own page is loaded.
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--remote-debugging-pipe",
      `--user-data-dir=${this.#profile}`,
      "about:blank",
    ];
    // A group of its own, so that its children, which go on writing to the profile, can be ended with it.
    this.#child = spawn(findChromium(), flags, {
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    this.#child.once("exit", () => this.#fail(new Error("Chromium has ended")));
    this.#listen(this.#child.stdio[4]);
  }

  /** A fresh page; what it asks for, what it logs and what goes wrong in it is kept. */
  async open({ width, height, dark = false }) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    await page.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
    });
    return page;
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return bounded(new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject })), method);
  }

  onEvent(listener) {
    this.#listeners.push(listener);
  }

  async close() {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    process.kill(-this.#child.pid, "SIGKILL");
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #listen(pipe) {
    let rest = "";
    pipe.setEncoding("utf8");
    pipe.on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      for (const message of messages) this.#take(JSON.parse(message));
    });
  }

  #take({ id, result, error, method, params, sessionId }) {
    if (id === undefined) return this.#listeners.forEach((listener) => listener({ method, params, sessionId }));
    const { resolve, reject } = this.#answers.get(id);
    this.#answers.delete(id);
    return error ? reject(new Error(error.message)) : resolve(result);
  }

  #fail(error) {
    for (const { reject } of this.#answers.values()) reject(error);
    this.#answers.clear();
  }
}

class Page {
  /** Every address that was asked for. */
  asked = [];
  /** Exceptions, `console.error` and what the browser itself complains of, policy violations among it. */
  complaints = [];
  #browser;
  #session;

  constructor(browser, session) {
    this.#browser = browser;
    this.#session = session;
    browser.onEvent(({ method, params, sessionId }) => sessionId === session && this.#note(method, params));
  }

  send(method, params) {
    return this.#browser.send(method, params, this.#session);
  }

  /** Loads `url`; `first` runs in it before its own scripts. */
  async go(url, first = "") {
    if (first) await this.send("Page.addScriptToEvaluateOnNewDocument", { source: first });
    await this.send("Page.navigate", { url });
    await this.until("document.readyState === 'complete' && location.href !== 'about:blank'");
  }

  /** What `expression` is in the page. */
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails)
      throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Waits until `expression` holds, looking at every frame and change; says what the page showed when it never does. */
  async until(expression) {
    const deadline = Date.now() + PATIENCE_MS;
    while (Date.now() < deadline) {
      const holds = await this.value(
        `new Promise((done) => requestAnimationFrame(() => done(Boolean(${expression}))))`,
      ).catch(() => false);
      if (holds) return;
    }
    throw new Error(`never: ${expression}\n${await this.text("body")}`);
  }

  /** The text of the first element that matches, with white space made single. */
  async text(selector) {
    return this.value(
      `(document.querySelector(${JSON.stringify(selector)})?.innerText ?? "").replace(/\\s+/g, " ").trim()`,
    );
  }

  async screenshot(height) {
    const metrics = height ? { clip: { x: 0, y: 0, width: await this.value("innerWidth"), height, scale: 1 } } : {};
    const { data } = await this.send("Page.captureScreenshot", {
      format: "png",
      captureBeyondViewport: true,
      ...metrics,
    });
    return Buffer.from(data, "base64");
  }

  #note(method, params) {
    if (method === "Network.requestWillBeSent") this.asked.push(params.request.url);
    if (method === "Runtime.exceptionThrown")
      this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning"].includes(params.type))
      this.complaints.push(JSON.stringify(params.args.map(({ value }) => value)));
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level))
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
  }
}

async function bounded(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer from Chromium`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
