// A query as a pointer of the write-up.

/** `promql:EXPRESSION@TIME`, on one line and without comments; `seconds` is Unix time, and the time of day is UTC. */
export function pointerOf(expression, seconds) {
  const parts = /("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?:#.*$|\s)+/gm;
  const line = expression.replace(parts, (part, quoted) => quoted ?? " ");
  const clock = new Date(Math.floor(seconds) * 1000).toISOString().slice(11, 19);
  return `promql:${line.trim()}@${clock}`;
}
