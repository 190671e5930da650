// What the scripts for both SDKs share: cases run one after another, one JSON object on standard output.

export const WORDS = "Say something, and mention get_weather: größer 💧";
export const CITY = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

export function check(truth, what) {
  if (!truth) throw new Error(`expected: ${what}`);
}

export async function caught(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected: an error");
}

export async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

// usage: node SCRIPT BASE_URL KEY CASE… ; every case gets a function that makes a client.
export async function run(makeClient, cases) {
  const [baseURL, apiKey, ...wanted] = process.argv.slice(2);
  const results = {};
  for (const name of wanted) {
    const client = (key = apiKey, rung, options = {}) => {
      const headers = rung ? { "User-Agent": `Node rung-${rung}` } : {};
      return makeClient({ baseURL, apiKey: key, maxRetries: 0, defaultHeaders: headers, ...options });
    };
    results[name] = await cases[name](client, apiKey);
  }
  process.stdout.write(JSON.stringify(results));
}
