#!/usr/bin/env node
// The openai npm SDK against a gateway, with the SDK's own defaults, retries included.
//
//     sdk_node.mjs BASE_URL TOKEN MODEL [--direct BASE_URL] [--dead MODEL] [--server]
//
// Prints what sdk_python.py prints: one JSON line a check, exit 1 when one failed. Correlation ids are
// `node-<check>`. The SDK is looked for under target/real/node, where install.sh puts it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const home = fileURLToPath(new URL("../../target/real/node/package.json", import.meta.url));
const { default: OpenAI } = await import(createRequire(home).resolve("openai"));
const hello = [{ role: "user", content: "hello" }];
const same = { temperature: 0, seed: 7, cache_prompt: false };
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { direct: { type: "string" }, dead: { type: "string" }, server: { type: "boolean", default: false } },
});
const [baseURL, token, model] = positionals;

class Stage {
  constructor(name) {
    this.correlationId = `node-${name}`;
    this.requests = [];
    this.usage = null;
  }

  client(apiKey = token) {
    const noted = (url, init) => {
      const retry = new Headers(init.headers).get("x-stainless-retry-count");
      this.requests.push({ path: new URL(url).pathname, retry });
      return fetch(url, init);
    };
    return new OpenAI({
      baseURL,
      apiKey,
      fetch: noted,
      defaultHeaders: { "x-correlation-id": this.correlationId },
    });
  }

  count(usage) {
    this.usage = { prompt: usage.prompt_tokens, completion: usage.completion_tokens };
  }

  detail() {
    return { correlation_id: this.correlationId, requests: this.requests, usage: this.usage };
  }
}

const direct = () => new OpenAI({ baseURL: options.direct, apiKey: "none" });

function askChat(client, asked, more = {}) {
  return client.chat.completions.create({ model: asked, messages: hello, max_tokens: 24, ...same, ...more });
}

async function readChatStream(stream) {
  const seen = { text: "", usages: [], finish: [], chunks: 0 };
  for await (const chunk of stream) {
    seen.chunks += 1;
    if (chunk.usage) seen.usages.push(chunk.usage);
    for (const choice of chunk.choices) {
      seen.text += choice.delta.content ?? "";
      if (choice.finish_reason) seen.finish.push(choice.finish_reason);
    }
  }
  return seen;
}

async function expectRefusal(stage, kind, code, status, ask) {
  const refused = await ask().then(() => assert.fail("it was answered"), (problem) => problem);
  assert.equal(refused.constructor.name, kind.name, String(refused));
  assert.deepEqual([refused.status, refused.code], [status, code]);
  assert.ok(refused.message.includes(refused.error.remediation_hint.split("; ")[0]), "the hint isn't in the message");
  assert.equal(refused.headers.get("x-correlation-id"), stage.correlationId);
  assert.equal(refused.headers.get("x-should-retry"), "false");
  assert.deepEqual(stage.requests.map((sent) => sent.retry), ["0"], "retries of the SDK");
}

const checks = {
  async chat(stage) {
    const answer = await askChat(stage.client(), model);
    stage.count(answer.usage);
    assert.equal(answer.usage.completion_tokens, 24);
    if (options.direct) {
      const other = await askChat(direct(), "tiny");
      assert.deepEqual([answer.choices, answer.usage], [other.choices, other.usage]);
    }
  },

  async chat_stream(stage) {
    const seen = await readChatStream(await askChat(stage.client(), model, { stream: true }));
    assert.deepEqual([seen.finish, seen.usages], [["length"], []]);
    if (options.direct) {
      const other = await readChatStream(await askChat(direct(), "tiny", { stream: true }));
      assert.deepEqual(seen, other);
    }
  },

  async chat_stream_with_usage(stage) {
    const more = { stream: true, stream_options: { include_usage: true } };
    const seen = await readChatStream(await askChat(stage.client(), model, more));
    assert.equal(seen.usages.length, 1);
    stage.count(seen.usages[0]);
  },

  async chat_stream_left_early(stage) {
    const stream = await askChat(stage.client(), model, { stream: true, max_tokens: 2000 });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break;
    }
    assert.equal(stage.requests.length, 1);
  },

  async completions_stream(stage) {
    const asked = { model, prompt: "hello", max_tokens: 24, stream: true, ...same };
    let text = "";
    for await (const chunk of await stage.client().completions.create(asked)) text += chunk.choices[0].text;
    assert.ok(text.length > 24, text);
  },

  async responses(stage) {
    const answer = await stage.client().responses.create({ model, input: "hello", max_output_tokens: 24 });
    assert.equal(answer.usage.output_tokens, 24);
    assert.ok(answer.output_text);
  },

  async responses_stream(stage) {
    const asked = { model, input: "hello", max_output_tokens: 24, stream: true };
    const kinds = [];
    for await (const event of await stage.client().responses.create(asked)) kinds.push(event.type);
    assert.equal(kinds.at(-1), "response.completed");
  },
};

const gatewayChecks = {
  async models(stage) {
    const ids = [];
    for await (const one of stage.client().models.list()) ids.push(one.id);
    assert.ok(ids.includes(model), ids.join());
  },

  async wrong_token(stage) {
    const client = stage.client("sk-wrong-0123456789-0123456789");
    await expectRefusal(stage, OpenAI.AuthenticationError, "invalid_token", 401, () => askChat(client, model));
  },

  async unknown_model(stage) {
    const ask = () => askChat(stage.client(), "nobody-has-this");
    await expectRefusal(stage, OpenAI.NotFoundError, "unknown_model", 404, ask);
  },

  async dead_upstream(stage) {
    const ask = () => askChat(stage.client(), options.dead);
    if (options.dead) await expectRefusal(stage, OpenAI.InternalServerError, "upstream_unreachable", 502, ask);
  },
};

let failed = false;
for (const [name, run] of Object.entries(options.server ? checks : { ...checks, ...gatewayChecks })) {
  const stage = new Stage(name);
  const line = { check: name, ok: true, detail: null };
  try {
    await run(stage);
    line.detail = stage.detail();
  } catch (problem) {
    line.ok = false;
    line.detail = { error: String(problem), ...stage.detail() };
    failed = true;
  }
  console.log(JSON.stringify(line));
}
process.exit(failed ? 1 : 0);
