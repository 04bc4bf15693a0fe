// The status page in a real Chromium: `node --test tests/real/page/page.test.mjs`.
//
// With $SIDEGATE_ADMIN (`http://127.0.0.1:8788`) a running gateway's own page is tested too. Screenshots: `shots.mjs`.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Browser } from "./browser.mjs";
import { StandIn, pageHeaders, policyOf } from "./stand_in.mjs";
import { ago, ahead, halfOpen, metrics, night, open, well } from "./states.mjs";

const PAGE = fileURLToPath(new URL("../../../src/admin/page/page.html", import.meta.url));
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };
/** A plainer policy than the page's own; it only loses the tab's icon. */
const PLAIN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
/** Put before the page's own script: lets a test hide it, and move its clock. */
const LEVERS = `
  const realNow = Date.now;
  window.skipped = 0;
  Date.now = () => realNow() + window.skipped;
  window.isHidden = false;
  Object.defineProperty(document, "hidden", { get: () => window.isHidden });
  window.look = () => document.dispatchEvent(new Event("visibilitychange"));
`;

let browser;
before(() => {
  browser = new Browser();
});
after(() => browser.close());

/** Runs `check` with a stand-in that says `status` and a page that has shown it. */
async function shown(status, check, { size = DESKTOP, text = metrics(), policy, complaints = [] } = {}) {
  const standIn = new StandIn(PAGE, { policy });
  Object.assign(standIn, { status, metrics: text });
  await standIn.start();
  try {
    const page = await browser.open(size);
    await page.go(standIn.url, LEVERS);
    await page.until("document.getElementById('live').textContent !== ''");
    await check(page, standIn);
    assertAlone(page, standIn.url);
    assert.deepEqual(
      page.complaints.filter((one) => !complaints.some((known) => one.includes(known))),
      [],
    );
  } finally {
    await standIn.stop();
  }
}

/** Nothing came from anywhere else. The icons are in the page itself. */
function assertAlone(page, url) {
  const elsewhere = page.asked.filter(
    (address) => !address.startsWith("data:") && new URL(address).origin !== new URL(url).origin,
  );
  assert.deepEqual(elsewhere, []);
  assert.ok(page.asked.length > 0);
}

async function headline(page) {
  return page.text("#verdict h1 span:last-child");
}

async function assertSays(page, selector, ...words) {
  const text = await page.text(selector);
  for (const word of words) assert.ok(text.includes(word), `${selector} lacks “${word}”:\n${text}`);
}

/** Has the page look at once, at what the stand-in says now, until it shows it. */
async function lookUntil(page, expression) {
  await page.value("look()");
  await page.until(expression);
}

test("all_well_is_said_and_every_section_has_its_facts", () =>
  shown(well(), async (page) => {
    assert.equal(await headline(page), "All well");
    assert.equal(await page.value("document.getElementById('verdict').dataset.level"), "good");
    assert.equal(await page.value("document.title"), "✓ All well – sidegate");
    await assertSays(page, "#verdict", "3 routes, 4 upstreams, 9 requests running, 12 waiting");
    await assertSays(
      page,
      "#routes",
      "chat",
      "also qwen3-32b, default",
      "vllm-a / Qwen/Qwen3-32B tier 0",
      "spare / some-model tier 1",
      "closed",
    );
    await assertSays(
      page,
      "#lanes",
      "interactive",
      "3 of 32 places",
      "batch",
      "12 of at most 512",
      "21 s of at most 5 min",
    );
    await assertSays(
      page,
      "#upstreams",
      "vllm-a",
      "5 of 16",
      "62 % in use",
      "not told",
      "not probed",
      "passes its probe",
    );
    await assertSays(
      page,
      "#failures",
      "upstream_first_token_timeout",
      "on chat at vllm-a, ",
      "2 h ago",
      "01a20355-44d2-76ab-93af-8867f4686e03",
      "wrote nothing for 60 s",
      "invalid_token on no route, ",
    );
    await assertSays(
      page,
      "#budgets",
      "route chat",
      "1,569,700 of 2,000,000",
      "18,000",
      "in 3 h 1",
      "caller agent-7",
      "46 of 60",
    );
    await assertSays(
      page,
      "#upkeep",
      "generation 4",
      "/home/ops/sidegate.yaml",
      "taken,",
      "in the shared file",
      "together",
      "41 % used, 250.0 GiB free",
    );
    assert.ok(!(await page.text("#upstreams")).includes("last failure"));
    await assertSays(page, "#who", "up 1 d 2 h");
  }));

test("everything_wrong_at_once_is_listed_worst_first", () =>
  shown(night(), async (page) => {
    assert.equal(await headline(page), "Route code can't be served");
    await assertSays(page, "#verdict > p", "no target takes requests; it is tried again in 1 min");
    assert.equal(await page.value("document.getElementById('verdict').dataset.level"), "bad");
    const others = await page.value("[...document.querySelectorAll('#verdict li a')].map((a) => a.textContent)");
    assert.deepEqual(others, [
      "Lane interactive is full",
      "Breaker open: vllm-a / Qwen/Qwen3-32B",
      "Breaker half-open: vllm-b / Qwen/Qwen3-32B",
      "Requests failed in the last 5 min",
      "Upstream vllm-b: KV cache full",
      "Upstream llama fails its health probe",
      "Budget of caller agent-7 is used up",
      "The last configuration was refused",
      "Disk nearly full: /home/ops",
      "Shared budgets: this gateway counts alone",
      "Upstream spare is draining",
      "Waits for a restart",
      "Breakers are in private memory",
      "Log lines were dropped",
    ]);
    await assertSays(
      page,
      "#verdict",
      "tried again in 4 min 1",
      "route chat goes on with its others",
      "64 of 64 waiting; more are refused",
      "3 × upstream_unreachable, 1 × upstream_overloaded",
      "98 % in use",
      "did you mean `vllm-a`? (and 1 more)",
      "listen, threads",
      "1,204 of access",
      "93 % used, 29.4 GiB free",
      "connection refused, since",
    );
    await assertSays(
      page,
      "#upkeep",
      "refused,",
      "sidegate.yaml:31:12",
      "listen, threads",
      "1,204 lines",
      "alone, since",
    );
    await assertSays(page, "#upstreams", "upstream_unreachable, ", "fails its probe", "yes, takes no new requests");
    assert.equal(await page.text("#spoken"), "Route code can't be served, and 10 more");
    assert.equal(await page.value("document.querySelectorAll('#failures > div > ol > li').length"), 6);
    await assertSays(page, "#upstreams", "last failure", "upstream_unreachable, ", "ID 01a20355-44d2-76ab-93af-000000000009");
  }));

test("a_breakers_countdown_goes_on_between_answers_and_ends_at_the_next_request", async () => {
  const status = well();
  status.routes[1].targets[0].breaker = open(90);
  await shown(status, async (page) => {
    await page.value("isHidden = true");
    await page.value("skipped += 31000; draw()");
    await assertSays(page, "#routes", "open, tried again in 5");
    await page.value("skipped += 120000; draw()");
    await assertSays(page, "#routes", "open, tried again with the next request");
  });
});

test("a_route_all_of_whose_upstreams_drain_cannot_be_served", async () => {
  const status = well();
  status.upstreams[2].draining = true;
  await shown(status, async (page) => assert.equal(await headline(page), "Route night can't be served"));
});

test("several_dead_routes_are_one_line", async () => {
  const status = well();
  for (const route of status.routes) for (const target of route.targets) target.breaker = open(40);
  await shown(status, async (page) => {
    assert.equal(await headline(page), "3 routes can't be served");
    await assertSays(
      page,
      "#verdict > p",
      "chat, code, night: no target takes requests; the first is tried again in",
    );
    assert.equal(await page.value("document.querySelectorAll('#verdict li').length"), 0);
  });
});

test("a_probe_that_is_out_is_no_outage", async () => {
  const status = well();
  status.routes[1].targets[0].breaker = halfOpen();
  await shown(status, async (page) => {
    assert.equal(await headline(page), "Breaker half-open: vllm-b / Devstral-Small");
    await assertSays(page, "#verdict > p", "one request tries it out; 1 route: code");
  });
});

test("draining_is_said_before_anything_else", async () => {
  const status = { ...night(), draining: true, ready: false };
  await shown(status, async (page) => assert.equal(await headline(page), "Draining"));
});

test("a_full_lane_that_moves_and_a_batch_that_waits_are_well", async () => {
  const status = well();
  Object.assign(status.lanes[1], { streams: 8, waiting: 300, oldest_seconds: 100 });
  await shown(status, async (page) => assert.equal(await headline(page), "All well"));
});

test("a_long_wait_is_judged_by_the_lanes_own_patience", async () => {
  const status = well();
  Object.assign(status.lanes[0], { streams: 32, waiting: 2, oldest_seconds: 3.2 });
  await shown(status, async (page) => {
    assert.equal(await headline(page), "Requests wait long in lane interactive");
    await assertSays(page, "#verdict > p", "2 waiting, the oldest for 3.2 s of at most 5.0 s");
  });
});

test("failures_of_callers_and_old_ones_raise_no_alarm", async () => {
  const status = well();
  const failure = (code, seconds) => ({ ts: ago(seconds), route: "chat", code, correlation_id: code, hint: "" });
  const callers = ["invalid_token", "unknown_model", "client_closed", "budget_exhausted"].map((code) =>
    failure(code, 5),
  );
  const old = ["upstream_error", "upstream_truncated", "internal"].map((code) => failure(code, 310));
  status.recent_failures = [...callers, ...old];
  await shown(status, async (page) => {
    assert.equal(await headline(page), "All well");
    assert.equal(await page.value("document.querySelectorAll('#verdict li').length"), 0);
  });
});

test("spent_route_budget_is_an_outage", async () => {
  const status = well();
  status.budgets[0] = {
    scope: "route",
    name: "chat",
    kind: "tokens",
    limit: 100,
    used: 90,
    reserved: 10,
    renews_at: ahead(7200),
  };
  await shown(status, async (page) => {
    assert.equal(await headline(page), "Budget of route chat is used up");
    await assertSays(page, "#verdict > p", "no tokens left; renews in");
  });
});

test("percentiles_are_bounds_of_buckets_and_nothing_finer", async () => {
  // The 50th and the 95th of a hundred stand last in their buckets.
  const first = { 0.25: 50, 1: 45, 2.5: 4, "+Inf": 1 };
  const text = metrics({
    first,
    overhead: { 0.0001: 94, "+Inf": 6 },
    requests: [
      ["2xx", "ok", 95],
      ["5xx", "upstream_error", 3],
      ["2xx", "stream_interrupted", 1],
      ["4xx", "unknown_model", 2],
      ["4xx", "client_closed", 1],
    ],
  });
  await shown(
    well(),
    async (page) => {
      const [firstToken, overhead] = await page.value(
        "[...document.querySelectorAll('#speed tbody')].map((body) => body.innerText.replace(/\\s+/g, ' ').trim())",
      );
      assert.equal(firstToken, "chat vllm-a – p50 ≤ 250 ms p95 ≤ 1 s of 100");
      assert.equal(overhead, "chat – p50 ≤ 0.1 ms p95 > 1 s of 100");
      await assertSays(page, "#speed", "Since the start: 102 requests ended, 4 failed, 2 refused.");
    },
    { text },
  );
});

test("the_last_minutes_are_the_difference_of_two_readings", async () => {
  const before = metrics({ first: { 0.1: 1000 }, requests: [["2xx", "ok", 1000]] });
  await shown(
    well(),
    async (page, standIn) => {
      await page.until("document.querySelector('#speed tbody')?.innerText.includes('of 1,000')");
      standIn.metrics = metrics({
        first: { 0.1: 1000, 2.5: 10 },
        requests: [
          ["2xx", "ok", 1004],
          ["5xx", "upstream_error", 6],
        ],
      });
      await page.value("skipped += 120000");
      await lookUntil(
        page,
        "document.querySelector('#speed tbody').innerText.includes('of 10\\n') || document.querySelector('#speed tbody').innerText.includes('of 10\\t')",
      );
      await assertSays(page, "#speed thead", "last 2 min");
      await assertSays(page, "#speed tbody", "p50 ≤ 2.5 s p95 ≤ 2.5 s of 10", "p50 ≤ 100 ms p95 ≤ 100 ms of 1,010");
      await assertSays(
        page,
        "#speed",
        "10 requests ended, 6 failed, 0 refused. Since the start: 1,010 requests ended",
      );
      assert.equal(await headline(page), "Most requests fail");
      await assertSays(page, "#verdict > p", "6 of 10 in the last 2 min");
    },
    { text: before },
  );
});

test("readings_older_than_the_window_are_forgotten", () =>
  shown(
    well(),
    async (page, standIn) => {
      await page.until("document.querySelector('#speed tbody')?.innerText.includes('of 5')");
      await page.value("skipped += 3600000");
      standIn.metrics = metrics({ first: { 0.1: 9 } });
      await lookUntil(page, "document.querySelector('#speed tbody').innerText.includes('of 9')");
      await assertSays(page, "#speed thead", "last minutes");
    },
    { text: metrics({ first: { 0.1: 5 } }) },
  ));

test("counters_that_fell_are_a_new_process_and_begin_anew", () =>
  shown(
    well(),
    async (page, standIn) => {
      await page.until("document.querySelector('#speed tbody')?.innerText.includes('of 50')");
      await page.value("skipped += 60000");
      standIn.metrics = metrics({ first: { 0.1: 7 } });
      await lookUntil(page, "document.querySelector('#speed tbody').innerText.includes('of 7')");
      await assertSays(page, "#speed tbody", "chat vllm-a – p50 ≤ 100 ms p95 ≤ 100 ms of 7");
    },
    { text: metrics({ first: { 0.1: 50 } }) },
  ));

test("silence_is_said_with_its_time_and_ends_by_itself", () =>
  shown(
    well(),
    async (page, standIn) => {
      await standIn.stop();
      await lookUntil(page, "document.querySelector('#verdict h1').innerText.includes('No answer since')");
      assert.match(await headline(page), /^No answer since \d\d:\d\d:\d\d$/);
      await assertSays(page, "#verdict > p", "it can't be reached; what follows is from then");
      await assertSays(page, "#live", "asking again, every 4 s");
      assert.equal(await page.value("document.getElementById('sections').className"), "stale");
      await assertSays(page, "#routes", "vllm-a");
      await lookUntil(page, "document.getElementById('live').textContent.includes('every 8 s')");
      await lookUntil(page, "document.getElementById('live').textContent.includes('every 10 s')");
      await standIn.start();
      await lookUntil(page, "document.querySelector('#verdict h1').innerText.includes('All well')");
      assert.equal(await page.value("document.getElementById('sections').className"), "");
    },
    {
      complaints: [
        "ERR_CONNECTION_REFUSED",
        "ERR_CONNECTION_RESET",
        "ERR_EMPTY_RESPONSE",
        "ERR_SOCKET_NOT_CONNECTED",
      ],
    },
  ));

test("a_gateway_that_hangs_is_silent", () =>
  shown(well(), async (page, standIn) => {
    standIn.instead = "silence";
    await lookUntil(page, "document.querySelector('#verdict h1').innerText.includes('No answer since')");
    await assertSays(page, "#verdict > p", "it took longer than 5 s");
  }));

for (const [name, instead, words] of [
  ["another_status", { code: 421, body: "{}" }, "it answers /status with status 421"],
  ["no_json", { code: 200, body: "<html>" }, "what it answers isn't a status"],
  ["null", { code: 200, body: "null" }, "what it answers isn't a status"],
]) {
  test(`an_answer_that_is_${name}_is_no_answer`, () =>
    shown(
      well(),
      async (page, standIn) => {
        standIn.instead = instead;
        await lookUntil(page, "document.querySelector('#verdict h1').innerText.includes('No answer since')");
        await assertSays(page, "#verdict > p", words);
      },
      { complaints: ["status of 421"] },
    ));
}

test("a_hidden_page_asks_nothing_and_asks_at_once_when_seen_again", () =>
  shown(well(), async (page, standIn) => {
    await page.value("isHidden = true; look()");
    // An answer may be on its way; after it the page has no timer left.
    await page.until("!asking");
    const asked = standIn.asked["/status"];
    await page.value("poll()");
    assert.equal(standIn.asked["/status"], asked);
    await page.value("isHidden = false; look()");
    await page.until("!asking");
    assert.equal(standIn.asked["/status"], asked + 1);
  }));

test("it_asks_by_itself_and_metrics_less_often", () =>
  shown(well(), async (page, standIn) => {
    standIn.status.draining = true;
    await page.until("document.querySelector('#verdict h1').innerText.includes('Draining')");
    assert.ok(standIn.asked["/status"] >= 2);
    assert.equal(standIn.asked["/metrics"], 1);
  }));

test("without_metrics_the_rest_stands", () =>
  shown(
    well(),
    async (page) => {
      assert.equal(await headline(page), "All well");
      await assertSays(page, "#speed", "No numbers: asked for /metrics, it answers /metrics with status 500.");
    },
    { text: null, complaints: ["status of 500"] },
  ));

test("a_field_that_is_missing_takes_only_its_own_place", async () => {
  for (const key of Object.keys(well())) {
    const status = well();
    delete status[key];
    await shown(status, async (page) => assert.equal(await headline(page), "All well", `without ${key}`));
  }
  await shown({}, async (page) => assert.equal(await headline(page), "All well"));
});

test("a_field_that_is_null_takes_only_its_own_place", async () => {
  for (const key of [
    "lanes",
    "budgets",
    "disk",
    "shared",
    "config",
    "log_dropped",
    "recent_failures",
    "routes",
    "upstreams",
  ]) {
    await shown({ ...well(), [key]: null }, async (page) =>
      assert.equal(await headline(page), "All well", `${key} null`),
    );
  }
});

test("lanes_by_name_and_upstreams_with_capacity_are_the_same", async () => {
  const status = well();
  status.lanes = {
    interactive: { capacity: 32, streams: 3, waiting: 2, oldest_seconds: 1.2, queue: 64 },
    batch: { capacity: 8, streams: 0, waiting: 0, oldest_seconds: null, queue: 512 },
  };
  status.upstreams = [{ name: "vllm-a", family: "vllm", streams: 5, capacity: 16, waiting: 2, kv_cache_ratio: 0.5 }];
  await shown(status, async (page) => {
    await assertSays(page, "#lanes", "interactive 3 of 32 places", "2 of at most 64", "1.2 s", "batch 0 of 8 places");
    await assertSays(page, "#upstreams", "5 of 16", "50 % in use");
  });
});

test("what_status_lacks_is_taken_from_the_metrics", async () => {
  const status = well();
  for (const key of ["budgets", "disk"]) delete status[key];
  for (const upstream of status.upstreams) for (const key of ["waiting", "kv_cache_ratio"]) delete upstream[key];
  const more = [
    'sidegate_upstream_kv_cache_ratio{upstream="vllm-a"} 0.97',
    'sidegate_upstream_waiting{upstream="vllm-a"} 9',
    'sidegate_budget_remaining_tokens{scope="caller",name="agent-7"} 1500',
    'sidegate_disk_used_ratio{path="/srv"} 0.5',
  ].join("\n");
  await shown(
    status,
    async (page) => {
      assert.equal(await headline(page), "Upstream vllm-a: KV cache full");
      await assertSays(page, "#upstreams", "97 % in use");
      await assertSays(page, "#budgets", "caller agent-7", "1,500");
      await assertSays(page, "#upkeep", "/srv", "50 % used");
    },
    { text: metrics({ more }) },
  );
});

test("nothing_that_the_gateway_says_becomes_markup", async () => {
  const evil = '<img src=x onerror="document.title=1"><script>1</script>"\'`';
  const status = night();
  Object.assign(status, { version: evil, revision: evil });
  status.routes[0].name = evil;
  status.routes[0].aliases = [evil];
  status.routes[0].targets[0].model = evil;
  status.upstreams[0].name = evil;
  status.config.file = evil;
  status.config.last_reload.mistakes = [evil];
  status.budgets[0].name = evil;
  status.disk[0].path = evil;
  Object.assign(status.recent_failures[0], { code: evil, hint: evil, correlation_id: evil, route: evil });
  const label = evil.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  await shown(
    status,
    async (page) => {
      assert.equal(await page.value("document.querySelectorAll('img, #sections script, #verdict script').length"), 0);
      await assertSays(page, "#routes", evil);
      await assertSays(page, "#speed", evil);
    },
    { text: metrics({ first: { 0.1: 1 } }).replaceAll("vllm-a", label.replaceAll("$", "$$$$")) },
  );
});

test("focus_and_open_details_stay_through_an_update", async () => {
  const status = well();
  status.recent_failures = Array.from({ length: 12 }, (_, index) => ({
    ts: ago(1000),
    route: "chat",
    code: "upstream_error",
    correlation_id: `id-${index}`,
    hint: "",
  }));
  await shown(status, async (page, standIn) => {
    await page.value("document.querySelector('details').open = true; document.querySelector('summary').focus()");
    await page.value(
      "getSelection().selectAllChildren([...document.querySelectorAll('.id')].find((id) => id.textContent === 'id-1'))",
    );
    standIn.status.recent_failures.unshift({
      ts: ago(1),
      route: "chat",
      code: "upstream_error",
      correlation_id: "id-new",
      hint: "",
    });
    await lookUntil(page, "document.querySelector('.id').textContent === 'id-new'");
    assert.equal(await page.value("document.querySelector('details').open"), true);
    assert.equal(await page.value("document.activeElement.tagName"), "SUMMARY");
    assert.equal(await page.value("getSelection().toString()"), "id-1");
  });
});

test("the_page_runs_under_the_plain_policy_too", () =>
  shown(
    well(),
    async (page) => {
      assert.equal(await headline(page), "All well");
    },
    { policy: PLAIN_POLICY, complaints: ["Loading the image 'data:"] },
  ));

test("the_policy_forbids_markup_from_text", () =>
  shown(
    well(),
    async (page) => {
      await assert.rejects(page.value("document.body.innerHTML = '<p>'"), /TrustedHTML/);
    },
    { complaints: ["TrustedHTML"] },
  ));

test("a_page_that_has_failed_does_not_look_live", () =>
  shown(
    well(),
    async (page) => {
      await page.value("known.status.routes = [{ name: 'x', targets: 7 }]; setTimeout(draw)");
      await page.until("document.querySelector('#verdict h1').innerText.includes('This page has failed')");
    },
    { complaints: ["is not a function", "not iterable"] },
  ));

for (const [size, where] of [
  [PHONE, "phone"],
  [DESKTOP, "desktop"],
]) {
  for (const dark of [false, true]) {
    test(`nothing_overflows_and_all_text_can_be_read_on_a_${where}_in_${dark ? "the_dark" : "the_light"}`, () =>
      shown(
        night(),
        async (page) => {
          assert.ok((await page.value("document.documentElement.scrollWidth")) <= size.width);
          assert.deepEqual(await page.value(overflowing(size.width)), []);
          assert.deepEqual(await page.value(FAINT), []);
          assert.equal(await page.value("matchMedia('(prefers-color-scheme: dark)').matches"), dark);
        },
        { size: { ...size, dark }, text: metrics({ first: { 0.25: 60, "+Inf": 5 }, overhead: { 0.0001: 94 } }) },
      ));
  }
}

/** Elements that stand out of the window. A phone makes its window as wide as what is in it, so the width is given. */
const overflowing = (
  width,
) => `[...document.querySelectorAll("main *")].filter((element) => !element.closest(".unseen")
  && element.getBoundingClientRect().right > ${width} + 1).map((element) => element.outerHTML.slice(0, 120))`;

/** Text with less contrast than 4.5 to 1 (WCAG 2 AA) against the nearest painted ground. */
const FAINT = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => channels(colour).slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    const own = getComputedStyle(element).backgroundColor;
    return (channels(own)[3] ?? 1) > 0 || !element.parentElement ? own : ground(element.parentElement);
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) => element.checkVisibility()
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && !element.closest("script, style, noscript"));
  if (texts.length < 50) return ["hardly any text: " + texts.length];
  return texts.filter((element) => {
    const [one, other] = [light(getComputedStyle(element).color), light(ground(element))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5;
  }).map((element) => element.outerHTML.slice(0, 120));
})()`;

test("headings_landmarks_and_names_are_there_for_screen_readers", () =>
  shown(
    night(),
    async (page) => {
      await page.send("Accessibility.enable");
      const { nodes } = await page.send("Accessibility.getFullAXTree");
      const seen = nodes
        .filter((node) => !node.ignored)
        .map((node) => `${node.role?.value}: ${node.name?.value ?? ""}`);
      for (const wanted of [
        "banner: ",
        "main: ",
        "contentinfo: ",
        "status: ",
        "region: Routes",
        "region: Lanes",
        "region: Upstreams",
        "region: Last failures",
      ]) {
        assert.ok(seen.includes(wanted), `no ${wanted} in ${seen.slice(0, 40)}`);
      }
      assert.equal(seen.filter((one) => one.startsWith("heading")).at(0), "heading: Route code can't be served");
      assert.ok(seen.includes("columnheader: since the start"));
    },
    { text: metrics({ first: { 0.25: 60 } }) },
  ));

test("a_running_gateways_own_page_is_well", { skip: !process.env.SIDEGATE_ADMIN }, async () => {
  const { url, headers, close } = await ownPage(process.env.SIDEGATE_ADMIN);
  try {
    for (const [name, value] of Object.entries(headers.wanted)) assert.equal(headers.got.get(name), value, name);
    const page = await browser.open(PHONE);
    await page.go(url);
    await page.until("document.getElementById('live').textContent !== ''");
    const status = await (await fetch(new URL("/status", process.env.SIDEGATE_ADMIN))).json();
    for (const { name } of status.routes) await assertSays(page, "#routes", name);
    for (const { name, last_failure } of status.upstreams) {
      await assertSays(page, "#upstreams", name);
      if (last_failure) await assertSays(page, "#upstreams", last_failure.code, last_failure.correlation_id);
    }
    for (const { code, route, upstream, correlation_id, hint } of status.recent_failures) {
      await assertSays(page, "#failures", `${code} on ${route} at ${upstream}, `, correlation_id, hint);
    }
    await assertSays(page, "#lanes", "interactive", "batch");
    await assertSays(page, "#speed", "Since the start");
    await assertSays(page, "#upkeep", `generation ${status.config.generation}`);
    assert.ok((await page.value("document.documentElement.scrollWidth")) <= PHONE.width);
    assertAlone(page, url);
    assert.deepEqual(page.complaints, []);
  } finally {
    await close();
  }
});

/** The gateway's own page; with $SIDEGATE_PAGE=stand-in the file of this tree in front of that gateway. */
async function ownPage(admin) {
  const standIn =
    process.env.SIDEGATE_PAGE === "stand-in" ? await new StandIn(PAGE, { gateway: admin }).start() : null;
  const url = standIn?.url ?? new URL("/", admin).href;
  const answer = await fetch(url);
  assert.equal(answer.status, 200, `${url} answers ${answer.status}`);
  const wanted = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    ...pageHeaders(policyOf(await answer.text())),
  };
  return { url, headers: { wanted, got: answer.headers }, close: async () => standIn?.stop() };
}
