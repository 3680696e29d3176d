// Single requests as points over time; each leads to its trace.

import { formatTick } from "../time.js";
import { formatValue, timeTicks } from "../unit.js";
import { svg } from "./svg.js";

const BOX = { width: 1000, height: 190, left: 62, right: 10, top: 8, bottom: 24 };

/** Points `{t, value, isBad, href, text}`, in seconds both; the scale of values is logarithmic. */
export function scatter(points) {
  const times = points.map(({ t }) => t);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const values = points.map(({ value }) => Math.max(value, 1e-6));
  const [low, high] = [Math.log10(Math.min(...values)) - 0.1, Math.log10(Math.max(...values)) + 0.1];
  const x = (t) => BOX.left + ((t - from) / (to - from || 1)) * (BOX.width - BOX.left - BOX.right);
  const y = (value) => BOX.top + (1 - (Math.log10(Math.max(value, 1e-6)) - low) / (high - low || 1)) * (BOX.height - BOX.top - BOX.bottom);
  const picture = svg("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, class: "scatter", role: "group", "aria-label": `${points.length} requests by start and duration` });
  for (let power = Math.ceil(low); power <= high; power += 1) {
    const at = y(10 ** power);
    picture.append(svg("line", { x1: BOX.left, x2: BOX.width - BOX.right, y1: at, y2: at, class: "rule" }), svg("text", { x: BOX.left - 6, y: at + 4, class: "axis end" }, formatValue(10 ** power, "seconds")));
  }
  const [places, step] = timeTicks(from, to, 8);
  for (const place of places) picture.append(svg("text", { x: x(place), y: BOX.height - 6, class: "axis" }, formatTick(place, step)));
  for (const { t, value, isBad, href, text } of points) {
    const [cx, cy] = [x(t), y(value)];
    const mark = isBad ? svg("path", { d: `M${cx - 4} ${cy - 4}l8 8m0-8l-8 8`, class: "point bad" }) : svg("circle", { cx, cy, r: 3.6, class: "point" });
    mark.append(svg("title", {}, text));
    picture.append(svg("a", { href, "aria-label": text, tabindex: "-1" }, mark));
  }
  return picture;
}
