// What /status and /metrics say in every state that the page must tell from the others.

const SECOND = 1000;

export function ago(seconds) {
  return new Date(Date.now() - seconds * SECOND).toISOString();
}

export function ahead(seconds) {
  return ago(-seconds);
}

/** All well, with every field that there is or is to be. */
export function well() {
  return {
    version: "0.1.0",
    revision: "b11af65",
    started: ago(93_784),
    uptime_seconds: 93_784,
    ready: true,
    draining: false,
    config: {
      generation: 4,
      file: "/home/ops/sidegate.yaml",
      last_reload: { at: ago(5400), result: "ok", mistakes: [] },
      pending_restart: [],
    },
    lanes: [
      {
        name: "interactive",
        streams: 3,
        capacity: 32,
        waiting: 0,
        queue: 64,
        oldest_seconds: null,
        patience_seconds: 5,
      },
      {
        name: "batch",
        streams: 6,
        capacity: 8,
        waiting: 12,
        queue: 512,
        oldest_seconds: 21.4,
        patience_seconds: 300,
      },
    ],
    routes: [
      route("chat", ["qwen3-32b", "default"], "interactive", [
        target("vllm-a", "Qwen/Qwen3-32B", 0),
        target("vllm-b", "Qwen/Qwen3-32B", 0),
        target("spare", "some-model", 1),
      ]),
      route("code", ["code", "devstral"], "interactive", [target("vllm-b", "Devstral-Small", 0)]),
      route("night", ["night"], "batch", [target("llama", null, 0)]),
    ],
    upstreams: [
      upstream("vllm-a", "vllm", 5, 16, 2, 0.62, true),
      upstream("vllm-b", "vllm", 3, 16, 0, 0.31, true),
      upstream("llama", "llama.cpp", 1, 4, 0, null, true),
      upstream("spare", "openai", 0, 16, null, null, null),
    ],
    breaker_shared: true,
    shared: { state: "together", since: ago(93_000), reason: null },
    log_dropped: { access: 0, gateway: 0, "raw-errors": 0 },
    budgets: [
      {
        scope: "route",
        name: "chat",
        kind: "tokens",
        limit: 2_000_000,
        used: 412_300,
        reserved: 18_000,
        renews_at: ahead(11_520),
      },
      { scope: "caller", name: "agent-7", kind: "requests", limit: 60, used: 14, reserved: 0, renews_at: ahead(41) },
    ],
    disk: [{ path: "/home/ops", used_ratio: 0.41, free_bytes: 250 * 2 ** 30, alert_ratio: 0.8 }],
    recent_failures: [
      {
        ts: ago(7200),
        route: "chat",
        upstream: "vllm-a",
        code: "upstream_first_token_timeout",
        correlation_id: "01a20355-44d2-76ab-93af-8867f4686e03",
        hint: "The model server took the request but wrote nothing for 60 s; look at its queue.",
      },
      {
        ts: ago(8000),
        route: null,
        upstream: null,
        code: "invalid_token",
        correlation_id: "01a20355-4560-7c79-86b2-4d5dff6e3493",
        hint: "Send the token that `sidegate token new` printed.",
      },
    ],
  };
}

export function route(name, aliases, lane, targets) {
  return { name, aliases, lane, targets };
}

export function target(upstreamName, model, tier, breaker = closed()) {
  return { upstream: upstreamName, model, tier, weight: 1, breaker };
}

export function closed(failures = 0) {
  return { state: "closed", consecutive_failures: failures, retry_in_seconds: null };
}

export function open(seconds) {
  return { state: "open", consecutive_failures: 5, retry_in_seconds: seconds };
}

export function halfOpen() {
  return { state: "half_open", consecutive_failures: 5, retry_in_seconds: null };
}

function upstream(name, family, in_flight, streams, waiting, kv_cache_ratio, healthy) {
  return { name, family, in_flight, streams, waiting, kv_cache_ratio, draining: false, healthy, last_failure: null };
}

/** A night with everything wrong at once. */
export function night() {
  const status = well();
  const [chat, code] = status.routes;
  chat.targets[0].breaker = open(252);
  chat.targets[1].breaker = halfOpen();
  code.targets[0].breaker = open(101);
  status.config.last_reload = {
    at: ago(1260),
    result: "rejected",
    mistakes: [
      "sidegate.yaml:14:5: routes.chat.targets[0].upstream: no upstream `vlm-a`; did you mean `vllm-a`?",
      "sidegate.yaml:31:12: lanes.batch.patience: `5 minutes` is no duration; write 5m",
    ],
  };
  status.config.pending_restart = ["listen", "threads"];
  Object.assign(status.lanes[0], { streams: 32, waiting: 64, oldest_seconds: 4.6 });
  status.upstreams[1].kv_cache_ratio = 0.981;
  status.upstreams[1].waiting = 41;
  status.upstreams[2].healthy = false;
  status.upstreams[3].draining = true;
  status.upstreams[0].last_failure = {
    at: ago(12),
    code: "upstream_unreachable",
    correlation_id: "01a20355-44d2-76ab-93af-000000000009",
  };
  status.budgets[1].used = 60;
  status.shared = { state: "alone", since: ago(300), reason: "connection refused" };
  status.breaker_shared = false;
  status.log_dropped.access = 1204;
  status.disk[0].used_ratio = 0.93;
  status.disk[0].free_bytes = 29.4 * 2 ** 30;
  const fresh = [14, 21, 35, 36].map((seconds, index) => ({
    ts: ago(seconds),
    route: index % 2 ? "code" : "chat",
    upstream: "vllm-a",
    code: index === 3 ? "upstream_overloaded" : "upstream_unreachable",
    correlation_id: `01a20355-44d2-76ab-93af-00000000000${index}`,
    hint: "The model server refuses connections; start it again, then: sidegate breakers reset.",
  }));
  status.recent_failures.unshift(...fresh);
  return status;
}

/** Metrics with `first` and `overhead` as the counts of single buckets, `requests` as `[status_class, code, count]`. */
export function metrics({ first = {}, overhead = {}, requests = [], more = "" } = {}) {
  return [
    "# HELP sidegate_time_to_first_token_seconds Time …",
    "# TYPE sidegate_time_to_first_token_seconds histogram",
    ...histogram(
      "sidegate_time_to_first_token_seconds",
      'route="chat",upstream="vllm-a"',
      [0.1, 0.25, 0.5, 1, 2.5, 600],
      first,
    ),
    ...histogram("sidegate_overhead_seconds", 'route="chat"', [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 1], overhead),
    ...histogram("sidegate_overhead_seconds", 'route="quiet"', [0.00005, 1], {}),
    ...requests.map(
      ([status_class, code, count]) =>
        `sidegate_requests_total{code="${code}",lane="interactive",route="chat",status_class="${status_class}"} ${count}`,
    ),
    more,
  ].join("\n");
}

function histogram(name, labels, bounds, counts) {
  let sum = 0;
  const lines = [...bounds, "+Inf"].map((bound) => {
    sum += counts[bound] ?? 0;
    return `${name}_bucket{${labels},le="${bound}"} ${sum}`;
  });
  return [...lines, `${name}_sum{${labels}} 1.5`, `${name}_count{${labels}} ${sum}`];
}
