// A stand-in for the admin port: the page with the headers that it is served with, and a /status and /metrics that say
// what a test wants, or what a real gateway says.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** The same policy as `src/admin/page.rs` makes. */
export function policyOf(page) {
  const hash = (tag) => {
    const text = page.split(`<${tag}>`)[1].split(`</${tag}>`)[0];
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  };
  return (
    `default-src 'none'; style-src ${hash("style")}; script-src ${hash("script")}; connect-src 'self'; img-src data:; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
  );
}

export class StandIn {
  status = {};
  metrics = "";
  /** What /status answers instead of `status`: `{code, body}`, or "silence". */
  instead = null;
  asked = { "/status": 0, "/metrics": 0 };
  #server;
  #sockets = new Set();
  #page;
  #gateway;
  #policy;
  #port = 0;

  /** Serves the page in `file`; with `gateway`, a base URL, in front of that one. */
  constructor(file, { gateway = null, policy = null } = {}) {
    this.#page = readFileSync(file, "utf8");
    this.#policy = policy ?? policyOf(this.#page);
    this.#gateway = gateway;
  }

  async start() {
    this.#server = createServer((request, response) => this.#answer(request.url, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await new Promise((listening) => this.#server.listen(this.#port, "127.0.0.1", listening));
    this.#port = this.#server.address().port;
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Goes away like a process that was killed; `start` brings it back at the same place. */
  async stop() {
    const closed = new Promise((done) => this.#server.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(path, response) {
    if (path in this.asked) this.asked[path] += 1;
    if (path === "/")
      return this.#send(response, 200, "text/html; charset=utf-8", this.#page, pageHeaders(this.#policy));
    if (this.#gateway && path in this.asked) return this.#pass(path, response);
    if (path === "/status" && this.instead === "silence") return undefined;
    if (path === "/status" && this.instead)
      return this.#send(response, this.instead.code, "application/json", this.instead.body);
    if (path === "/status") return this.#send(response, 200, "application/json", JSON.stringify(this.status));
    if (path === "/metrics")
      return this.#send(
        response,
        this.metrics === null ? 500 : 200,
        "text/plain; version=0.0.4; charset=utf-8",
        this.metrics ?? "",
      );
    return this.#send(response, 404, "application/json", "{}");
  }

  async #pass(path, response) {
    const answer = await fetch(new URL(path, this.#gateway));
    this.#send(response, answer.status, answer.headers.get("content-type"), await answer.text());
  }

  #send(response, code, kind, body, more = {}) {
    response.writeHead(code, {
      "content-type": kind,
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
      ...more,
    });
    response.end(body);
  }
}

export function pageHeaders(policy) {
  return {
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
}
