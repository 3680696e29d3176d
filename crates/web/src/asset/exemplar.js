// Exemplars: single requests behind the buckets of histograms, as diamonds on a chart; each leads to its trace.

import { call } from "./api.js";

/** Of the diamonds in a column of this many pixels, the highest of each line is shown, and no more than so many. */
const COLUMN = 26;
const MOST_IN_COLUMN = 3;
const SIZE = 4.5;
const REACH = 9;

/** The exemplars of the series in an expression: `[{t, value, trace, labels, unit}]`. */
export async function exemplars(query, { start, end }, signal) {
  // An expression without a series has none, and the evaluation reports one that is wrong.
  const answer = await call("query_exemplars", { query, start, end }, signal).catch((error) => {
    if (error.name === "AbortError") throw error;
    return { data: [] };
  });
  return flat(answer.data);
}

/** The answer of Prometheus's `query_exemplars` as one list. */
export function flat(answer) {
  return answer.flatMap(({ seriesLabels, exemplars }) => {
    const unit = /_(seconds|bytes)_bucket$/.exec(seriesLabels.__name__ ?? "")?.[1] ?? "";
    return exemplars
      .map(({ labels, value, timestamp }) => ({ t: timestamp, value: Number(value), trace: labels.trace_id ?? labels.traceID, labels: seriesLabels, unit }))
      .filter(({ trace, value }) => trace && Number.isFinite(value));
  });
}

/** The line that an exemplar belongs to: the first whose labels it has all. */
export function lineOf(exemplar, series) {
  return series.find(({ metric }) => Object.entries(metric).every(([name, value]) => name === "__name__" || name === "le" || exemplar.labels[name] === value));
}

/** Where the page of its trace is, below the address of Jaeger. Naming the span as well would hide all the others. */
export function traceAddress(jaeger, { trace }) {
  return `${jaeger}trace/${encodeURIComponent(trace)}`;
}

/**
 * Those that a chart shows, with their places: few enough that the lines behind them can be seen. `place` gives x and y,
 * none where a point is outside.
 */
export function spread(found, place) {
  const columns = new Map();
  for (const exemplar of found) {
    const at = place(exemplar);
    if (!at) continue;
    const column = Math.floor(at.x / COLUMN);
    const lines = columns.get(column) ?? new Map();
    if (!(lines.get(exemplar.color)?.exemplar.value >= exemplar.value)) lines.set(exemplar.color, { ...at, exemplar });
    columns.set(column, lines);
  }
  return [...columns.values()].flatMap((lines) => [...lines.values()].sort((a, b) => b.exemplar.value - a.exemplar.value).slice(0, MOST_IN_COLUMN));
}

/** The one under the pointer, if there is one. */
export function nearest(dots, x, y) {
  const distance = (dot) => Math.hypot(dot.x - x, dot.y - y);
  const best = dots.reduce((best, dot) => (best && distance(best) <= distance(dot) ? best : dot), null);
  return best && distance(best) <= REACH ? best : null;
}

export function drawExemplars(context, dots, chosen, ground) {
  for (const dot of dots) {
    const size = dot === chosen ? SIZE * 1.6 : SIZE;
    context.beginPath();
    context.moveTo(dot.x, dot.y - size);
    context.lineTo(dot.x + size, dot.y);
    context.lineTo(dot.x, dot.y + size);
    context.lineTo(dot.x - size, dot.y);
    context.closePath();
    context.fillStyle = dot.exemplar.color;
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = ground;
    context.stroke();
  }
}
