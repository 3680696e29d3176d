// Exemplars: single requests behind the buckets of histograms, as diamonds on a chart; each leads to its trace.

import { call } from "./api.js";

/** Diamonds keep this far apart, in pixels; of those in one place the highest is shown. */
const CELL = 11;
const SIZE = 4.5;
const REACH = 9;

/** The exemplars of the series in an expression: `[{t, value, trace, labels, unit}]`. */
export async function exemplars(query, { start, end }, signal) {
  // An expression without a series has none, and the evaluation reports one that is wrong.
  const answer = await call("query_exemplars", { query, start, end }, signal).catch((error) => {
    if (error.name === "AbortError") throw error;
    return { data: [] };
  });
  return answer.data.flatMap(({ seriesLabels, exemplars }) => {
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

/** Those that a chart shows, with their places; `place` gives x and y, none where a point is outside. */
export function spread(found, place) {
  const cells = new Map();
  for (const exemplar of found) {
    const at = place(exemplar);
    if (!at) continue;
    const cell = `${Math.floor(at.x / CELL)} ${Math.floor(at.y / CELL)}`;
    if (!(cells.get(cell)?.exemplar.value >= exemplar.value)) cells.set(cell, { ...at, exemplar });
  }
  return [...cells.values()];
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
