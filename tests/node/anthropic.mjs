// The official `@anthropic-ai/sdk` for Node.js; driven by tests/sdks/test_node.py.

import Anthropic from "@anthropic-ai/sdk";

import { CITY, WORDS, caught, check, collect, run } from "./shared.mjs";

const ask = { model: "demo", max_tokens: 180, messages: [{ role: "user", content: WORDS }] };
const tools = [{ name: "get_weather", input_schema: CITY }];
const thinking = { type: "enabled", budget_tokens: 1024 };

const cases = {
  async message(client) {
    const answer = await client().messages.create(ask);
    check(answer.content[0].text.startsWith("This is the demo"), "text");
    return [answer, answer._request_id];
  },
  async message_stream(client) {
    const events = await collect(await client().messages.create({ ...ask, stream: true }));
    check(events.at(-1).type === "message_stop", "the end");
    return events;
  },
  async stream_helper(client) {
    const stream = client().messages.stream({ ...ask, thinking });
    const answer = await stream.finalMessage();
    check(answer.content[0].type === "thinking", "thinking");
    return answer;
  },
  async tool(client) {
    const answer = await client().messages.create({ ...ask, tools });
    check(answer.content[0].input.city === "demo", "a call");
    return answer;
  },
  async tool_stream(client) {
    const answer = await client().messages.stream({ ...ask, tools }).finalMessage();
    check(answer.content[0].input.city === "demo", "a call");
    return answer;
  },
  async count_tokens(client) {
    const { model, messages } = ask;
    return client().messages.countTokens({ model, messages });
  },
  async models(client) {
    return collect(client().models.list());
  },
  async bad_request(client) {
    const error = await caught(client().messages.create({ ...ask, max_tokens: 0 }));
    check(error instanceof Anthropic.BadRequestError, "BadRequestError");
    return [error.status, error.error, error.requestID];
  },

  // --- through a gateway only ---

  async refused(client) {
    const error = await caught(client(undefined, "refuse", { maxRetries: 5 }).messages.create(ask));
    check(error instanceof Anthropic.PermissionDeniedError, "PermissionDeniedError");
    return { status: error.status, code: error.error.error.type, id: error.requestID };
  },
  async throttled(client) {
    await client(undefined, "throttle").messages.create(ask);
    const error = await caught(client(undefined, "throttle").messages.create(ask));
    check(error instanceof Anthropic.RateLimitError, "RateLimitError");
    const answer = await client(undefined, "throttle", { maxRetries: 3 }).messages.create(ask);
    return { status: error.status, wait: error.headers.get("retry-after"), text: answer.content };
  },
  async stripped(client) {
    const answer = await client(undefined, "perturb").messages.stream({ ...ask, thinking }).finalMessage();
    return answer.content.map((block) => block.thinking ?? block.type);
  },
  async aborted(client) {
    const headers = { "x-pace": "slow" };
    const stream = await client().messages.create({ ...ask, stream: true }, { headers });
    for await (const event of stream) {
      check(event.type === "message_start", "the first event");
      break;
    }
    stream.controller.abort();
    return "aborted";
  },
};

await run((options) => new Anthropic(options), cases);
