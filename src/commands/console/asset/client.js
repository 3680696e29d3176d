// The console's API: every command of the terminal, and the draft of the write-up.

import { flat } from "../exemplar.js";

/** Calls `/api/<command>` to read; `background` for what the page repeats by itself, which is no look of the responder's. */
export function read(command, fields = {}, { background = false, signal } = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null && one !== "") query.append(name, one);
  }
  const headers = background ? { "firedrill-background": "1" } : {};
  return answer(fetch(`/api/${command}?${query}`, { headers, signal }));
}

/** Calls `/api/<command>` to change something. */
export function change(command, fields = {}, method = "POST") {
  return answer(fetch(`/api/${command}`, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(fields) }));
}

async function answer(asked) {
  let response;
  try {
    response = await asked;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The console does not answer. Has the drill ended?");
  }
  const body = await response.json().catch((error) => {
    // Given up half-way is no answer.
    if (error.name === "AbortError") throw error;
    return { message: `The console answered with HTTP status ${response.status}.` };
  });
  if (response.ok) return body;
  const error = new Error(body.message);
  error.hint = body.hint;
  error.status = response.status;
  throw error;
}

/** A matrix as `query` answers it, as series of a chart: `[{metric, points: [[t, v]]}]`. */
export async function range(expression, { since, step }, options = {}) {
  const found = await read("query", { expr: expression, since, step: `${step}s` }, { background: true, ...options });
  const result = found.result;
  return result.map(({ metric, values }) => ({ metric, points: values.map(([time, value]) => [time, Number(String(value).replace("Inf", "Infinity"))]) }));
}

/** The requests behind the buckets of a histogram. */
export async function exemplarsOf(expression, { since }, options = {}) {
  return flat(await read("query", { expr: expression, since, exemplars: "true" }, { background: true, ...options }));
}
