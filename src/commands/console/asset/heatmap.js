// A latency heatmap: requests by when they were answered and how long they took. A drag chooses a box.

import { el } from "../api.js";
import { formatClock, formatTick } from "../time.js";
import { formatValue, timeTicks } from "../unit.js";

const MARGIN = { left: 64, right: 10, top: 16, bottom: 24 };

/**
 * `columns` are `[{t, counts}]`, `bounds` the upper ends of the buckets in seconds, the last one Infinity; `marks` are
 * `[{t, text, isPage}]`. `choose({from, to, least, most})` takes a drag.
 */
export function heatmap({ columns, bounds, step, marks }, choose) {
  const canvas = el("canvas", { role: "img", "aria-label": "Latency heatmap: requests by time and duration. Drag over a region to compare it.", class: "heatmap" });
  const told = el("p", { class: "quiet", role: "status" }, "Drag over what looks wrong.");
  const used = usedRows(columns, bounds);
  const most = Math.max(1, ...columns.flatMap(({ counts }) => counts));
  let drag = null;
  const size = () => ({ width: canvas.clientWidth - MARGIN.left - MARGIN.right, height: canvas.clientHeight - MARGIN.top - MARGIN.bottom });
  const [start, end] = [columns[0].t, columns.at(-1).t + step];
  const x = (t) => MARGIN.left + ((t - start) / (end - start)) * size().width;
  const y = (row) => MARGIN.top + (1 - row / used.length) * size().height;
  const time = (at) => start + ((at - MARGIN.left) / size().width) * (end - start);
  const rowAt = (at) => Math.max(0, Math.min(used.length - 1, Math.floor((1 - (at - MARGIN.top) / size().height) * used.length)));
  const draw = () => {
    const ratio = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const color = (name) => style.getPropertyValue(name).trim();
    context.font = `11px ${style.fontFamily}`;
    context.fillStyle = color("--line-1");
    const height = size().height / used.length;
    for (const { t, counts } of columns) {
      used.forEach((bucket, row) => {
        if (!counts[bucket]) return;
        // By the logarithm, so that the few slow ones are seen beside the many fast ones.
        context.globalAlpha = 0.15 + 0.85 * (Math.log1p(counts[bucket]) / Math.log1p(most));
        context.fillRect(x(t), y(row + 1), Math.max(1, x(t + step) - x(t) - 0.5), height - 0.5);
      });
    }
    context.globalAlpha = 1;
    context.fillStyle = color("--quiet");
    context.textAlign = "right";
    used.forEach((bucket, row) => { if (row % Math.ceil(used.length / 8) === 0) context.fillText(Number.isFinite(bounds[bucket]) ? formatValue(bounds[bucket], "seconds") : "more", MARGIN.left - 6, y(row + 1) + 4); });
    context.textAlign = "center";
    const [places, tick] = timeTicks(start, end, Math.max(2, size().width / 90));
    for (const place of places) context.fillText(formatTick(place, tick), x(place), canvas.clientHeight - 8);
    for (const { t, isPage } of marks.filter((mark) => mark.t >= start && mark.t <= end)) {
      context.strokeStyle = color(isPage ? "--alarm" : "--mark");
      context.setLineDash([4, 3]);
      context.beginPath();
      context.moveTo(x(t), MARGIN.top - 8);
      context.lineTo(x(t), MARGIN.top + size().height);
      context.stroke();
      context.setLineDash([]);
    }
    if (drag) {
      context.fillStyle = color("--select");
      context.strokeStyle = color("--focus");
      const box = [Math.min(drag.x, drag.toX), Math.min(drag.y, drag.toY), Math.abs(drag.toX - drag.x), Math.abs(drag.toY - drag.y)];
      context.fillRect(...box);
      context.strokeRect(...box);
    }
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); drag = { x: event.offsetX, y: event.offsetY, toX: event.offsetX, toY: event.offsetY }; });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) Object.assign(drag, { toX: event.offsetX, toY: event.offsetY });
    const near = marks.find(({ t }) => Math.abs(x(t) - event.offsetX) < 5);
    const bucket = used[rowAt(event.offsetY)];
    const column = columns[Math.floor((time(event.offsetX) - start) / step)];
    told.textContent = near ? near.text : column ? `${formatClock(column.t)}: ${Math.round(column.counts[bucket])} requests of up to ${Number.isFinite(bounds[bucket]) ? formatValue(bounds[bucket], "seconds") : "more"}` : "";
    draw();
  });
  canvas.addEventListener("pointerup", () => {
    const box = drag;
    drag = null;
    draw();
    if (!box || Math.abs(box.toX - box.x) + Math.abs(box.toY - box.y) < 12) return;
    const [low, high] = [rowAt(Math.max(box.y, box.toY)), rowAt(Math.min(box.y, box.toY))];
    const least = used[low] > 0 ? bounds[used[low] - 1] : 0;
    choose({ from: time(Math.min(box.x, box.toX)), to: time(Math.max(box.x, box.toX)), least, most: bounds[used[high]] });
  });
  new ResizeObserver(draw).observe(canvas);
  return el("div", {}, canvas, told);
}

/** The buckets from the first to the last that has something in it. */
function usedRows(columns, bounds) {
  const has = bounds.map((_, bucket) => columns.some(({ counts }) => counts[bucket] > 0.01));
  const [from, to] = [Math.max(0, has.indexOf(true)), has.lastIndexOf(true)];
  return bounds.map((_, bucket) => bucket).slice(from, Math.max(to, from) + 1);
}

/** Series of cumulative buckets, by `le`, as columns of what is in each bucket. */
export function columnsOf(series, step) {
  const sorted = series.map(({ metric, points }) => ({ bound: Number(metric.le.replace("+Inf", "Infinity")), points: new Map(points) })).sort((a, b) => a.bound - b.bound);
  const times = [...new Set(series.flatMap(({ points }) => points.map(([t]) => t)))].sort((a, b) => a - b);
  const columns = times.map((t) => {
    let before = 0;
    const counts = sorted.map(({ points }) => {
      const total = points.get(t) ?? before;
      const count = Math.max(0, total - before);
      before = Math.max(before, total);
      return count;
    });
    return { t: t - step, counts };
  });
  return { columns, bounds: sorted.map(({ bound }) => bound) };
}
