// The official `openai` SDK for Node.js; driven by tests/sdks/test_node.py.

import OpenAI from "openai";

import { CITY, WORDS, caught, check, collect, run } from "./shared.mjs";

const ask = { model: "demo", messages: [{ role: "user", content: WORDS }] };
const tools = [{ type: "function", function: { name: "get_weather", parameters: CITY } }];
const schema = { type: "json_schema", json_schema: { name: "city", schema: CITY } };

const cases = {
  async chat(client) {
    const answer = await client().chat.completions.create({ ...ask, n: 2, seed: 7 });
    check(answer.choices.length === 2, "two choices");
    return [answer, answer._request_id];
  },
  async chat_stream(client) {
    const stream = await client().chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    check(chunks.at(-1).usage.completion_tokens > 10, "usage at the end");
    return chunks;
  },
  async logprobs(client) {
    const answer = await client().chat.completions.create({ ...ask, logprobs: true, top_logprobs: 20 });
    check(answer.choices[0].logprobs.content[0].top_logprobs.length === 20, "twenty alternatives");
    return answer;
  },
  async logprobs_stream(client) {
    const stream = await client().chat.completions.create({
      ...ask,
      logprobs: true,
      top_logprobs: 3,
      stream: true,
    });
    return collect(stream);
  },
  async tools(client) {
    const answer = await client().chat.completions.create({ ...ask, tools });
    check(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments).city === "demo", "a call");
    return answer;
  },
  async tools_stream(client) {
    const stream = client().chat.completions.stream({ ...ask, tools });
    const answer = await stream.finalChatCompletion();
    check(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments).city === "demo", "a call");
    return answer;
  },
  async schema(client) {
    const answer = await client().chat.completions.parse({ ...ask, response_format: schema });
    check(answer.choices[0].message.parsed === null || answer.choices[0].message.content, "an answer");
    check(JSON.parse(answer.choices[0].message.content).city === "demo", "an instance");
    return answer;
  },
  async embeddings(client) {
    const answer = await client().embeddings.create({ model: "demo", input: ["red fox", "bank rates"] });
    check(answer.data[1].embedding.length === 256, "a vector of numbers");
    return answer;
  },
  async completions(client) {
    const answer = await client().completions.create({ model: "demo", prompt: ["a", "b"], logprobs: 3 });
    check(answer.choices.length === 2, "two choices");
    return answer;
  },
  async responses(client) {
    const answer = await client().responses.create({ model: "demo", input: WORDS });
    check(answer.output_text.startsWith("This is the demo"), "text");
    return answer;
  },
  async responses_stream(client) {
    const stream = client().responses.stream({ model: "demo-reasoner", input: WORDS });
    const events = await collect(stream);
    const final = await stream.finalResponse();
    check(final.status === "completed", "a complete response");
    return [events, final];
  },
  async models(client) {
    const listed = await collect(client().models.list());
    check(listed.length === 3, "three models");
    return listed;
  },
  async bad_request(client) {
    const error = await caught(client().chat.completions.create({ ...ask, top_logprobs: 5 }));
    check(error instanceof OpenAI.BadRequestError, "BadRequestError");
    return [error.status, error.param, error.requestID];
  },
  async together(client) {
    const numbers = [...Array(20).keys()];
    const shared = client();
    const answers = await Promise.all(
      numbers.map((seed) => shared.chat.completions.create({ ...ask, seed })),
    );
    return answers.map((answer) => answer.choices[0].message.content);
  },

  // --- through a gateway only ---

  async refused(client) {
    const error = await caught(client(undefined, "refuse", { maxRetries: 5 }).chat.completions.create(ask));
    check(error instanceof OpenAI.PermissionDeniedError, "PermissionDeniedError");
    return { status: error.status, code: error.code, id: error.requestID };
  },
  async throttled(client) {
    await client(undefined, "throttle").chat.completions.create(ask);
    const error = await caught(client(undefined, "throttle").chat.completions.create(ask));
    check(error instanceof OpenAI.RateLimitError, "RateLimitError");
    const patient = client(undefined, "throttle", { maxRetries: 3 });
    const answer = await patient.chat.completions.create(ask);
    return { status: error.status, wait: error.headers.get("retry-after"), text: answer.choices[0].message };
  },
  async narrow(client) {
    const asked = { ...ask, logprobs: true, top_logprobs: 20 };
    const answer = await client(undefined, "narrow").chat.completions.create(asked);
    const stream = await client(undefined, "narrow").chat.completions.create({ ...asked, stream: true });
    const streamed = (await collect(stream)).flatMap((chunk) => chunk.choices[0].logprobs?.content ?? []);
    const whole = answer.choices[0].logprobs.content;
    check(JSON.stringify(streamed) === JSON.stringify(whole), "the same streamed and not");
    return whole.map((entry) => entry.top_logprobs.length);
  },
  async aborted(client) {
    const headers = { "x-pace": "slow" };
    const stream = await client().chat.completions.create({ ...ask, stream: true }, { headers });
    for await (const chunk of stream) {
      check(chunk.choices.length === 1, "a first chunk");
      break;
    }
    stream.controller.abort();
    return "aborted";
  },
};

await run((options) => new OpenAI({ ...options, baseURL: `${options.baseURL}/v1` }), cases);
