// A line chart on a canvas: axes, crosshair, marks, exemplars, selection by dragging.

import { drawExemplars, nearest, spread } from "./exemplar.js";
import { drawMarks, layOut, roomFor } from "./marks.js";
import { formatTick } from "./time.js";
import { formatValue, ticks, timeTicks } from "./unit.js";

const MARGIN = { top: 14, right: 14, bottom: 26 };

export class Chart {
  /**
   * `on.hover(place | null)` follows the pointer, `on.select(start, end)` follows a drag, `on.widen()` a double click,
   * `on.open(exemplar)` a click on one, `on.mark(mark)` a click on a mark that has an `id`.
   */
  constructor(canvas, on) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.on = on;
    this.data = null;
    this.pointer = null;
    this.drag = null;
    this.dots = [];
    this.flags = [];
    this.chosen = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("dblclick", () => on.widen());
  }

  /**
   * `{start, end, step, unit, series: [{points: [[t, v]], color, isShown, isRaised}], marks: [{t, text}],
   * exemplars: [{t, value, unit, color}]}`; and, where the chart has them, `gutter` (the least room for
   * the numbers of the axis, so that charts under one another begin at one place), `bands: [{start, end, low, high, color}]` behind the
   * lines (`low` and `high` are left out for the whole height) and `levels: [{value, text, color}]` across it.
   */
  show(data) {
    this.data = data;
    this.draw();
    // What the pointer rests on has changed under it.
    this.tell();
  }

  /** Puts the crosshair at a time that another chart is pointed at; null takes it away. */
  point(time) {
    if (!this.data || this.drag) return;
    const { start, end } = this.data;
    this.pointer = time === null || time < start || time > end ? null : this.x(time);
    this.pointerY = -1;
    this.draw();
  }

  /** Says what is under the pointer. */
  tell() {
    if (this.pointer === null || !this.data) return this.on.hover(null);
    const [x, y] = [this.pointer, this.pointerY];
    const marks = this.flags.filter((flag) => Math.abs(flag.x - x) <= 5);
    this.on.hover({ time: this.snapped(), x, y, exemplar: this.chosen?.exemplar, marks });
  }

  draw() {
    const { canvas, context } = this;
    const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
    if (!width || !height) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!this.data) return;
    this.measure(width, height);
    this.axes();
    context.save();
    context.beginPath();
    context.rect(this.left, this.top - 2, this.width, this.height + 4);
    context.clip();
    this.bands();
    this.lines();
    this.levels();
    context.restore();
    context.font = this.font(11);
    drawMarks(context, this.flags, { top: this.top, height: this.height, color: this.color("--mark"), alarm: this.color("--alarm"), ground: this.color("--ground") });
    this.dots = spread(this.data.exemplars ?? [], (exemplar) => this.placeOf(exemplar));
    this.chosen = this.pointer === null ? null : nearest(this.dots, this.pointer, this.pointerY);
    this.overlay();
    drawExemplars(context, this.dots, this.chosen, this.color("--ground"));
  }

  /** An exemplar that is off the scale, or measures something else than the lines, stands at the edge. */
  placeOf({ t, value, unit }) {
    const { start, end } = this.data;
    if (t < start || t > end) return null;
    if (unit !== this.data.unit) return { x: this.x(t), y: this.top + this.height - 6 };
    return { x: this.x(t), y: this.y(Math.max(this.low, Math.min(this.high, value))) };
  }

  color(name) {
    return getComputedStyle(this.canvas).getPropertyValue(name).trim();
  }

  measure(width, height) {
    const shown = this.data.series.filter((series) => series.isShown);
    let [low, high] = [Infinity, -Infinity];
    for (const { points } of shown) {
      for (const [, value] of points) {
        if (!Number.isFinite(value)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    for (const { value } of this.data.levels ?? []) [low, high] = [Math.min(low, value), Math.max(high, value)];
    if (low > high) [low, high] = [0, 1];
    // A line far from zero shows nothing if zero must be on the chart.
    if (low >= 0 && low < high * 0.75) low = 0;
    else if (low === high) [low, high] = low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, high)];
    else low -= (high - low) * 0.05;
    if (high > 0 || low < 0) high += (high - low) * 0.05;
    this.low = low;
    this.high = high;
    this.fit(width, height, MARGIN.top);
    const room = roomFor(this.place());
    if (room) this.fit(width, height, MARGIN.top + room);
    this.flags = this.place();
  }

  font(size) {
    return `${size}px ${getComputedStyle(this.canvas).fontFamily}`;
  }

  /** Divides the space: the lines begin at `top`, the numbers of the axis decide how far left. */
  fit(width, height, top) {
    this.top = top;
    this.height = height - top - MARGIN.bottom;
    this.places = ticks(this.low, this.high, Math.max(2, Math.floor(this.height / 48)), this.data.unit).filter((place) => place >= this.low && place <= this.high);
    this.context.font = this.font(12);
    const labels = this.places.map((place) => this.tickText(place));
    this.left = Math.max(this.data.gutter ?? 44, ...labels.map((label) => this.context.measureText(label).width + 14));
    this.width = width - this.left - MARGIN.right;
  }

  /** The marks with their places in the space as it is. */
  place() {
    this.context.font = this.font(11);
    const marks = this.data.marks.map((mark) => ({ ...mark, x: Math.round(this.x(mark.t)) + 0.5, width: this.context.measureText(mark.text).width }));
    const flags = layOut(marks, this.left, this.left + this.width);
    this.context.font = this.font(12);
    return flags;
  }

  /** As few digits as tell the ticks apart. */
  tickText(place) {
    const texts = (most) => new Set(this.places.map((other) => formatValue(other, this.data.unit, most)));
    const most = [2, 3, 4, 5, 6].find((digits) => texts(digits).size === this.places.length) ?? 6;
    return formatValue(Math.abs(place) < (this.high - this.low) * 1e-9 ? 0 : place, this.data.unit, most);
  }

  x(time) {
    const { start, end } = this.data;
    return this.left + ((time - start) / (end - start || 1)) * this.width;
  }

  y(value) {
    return this.top + (1 - (value - this.low) / (this.high - this.low || 1)) * this.height;
  }

  time(x) {
    const { start, end } = this.data;
    return start + ((x - this.left) / this.width) * (end - start);
  }

  axes() {
    const { context } = this;
    context.lineWidth = 1;
    context.fillStyle = this.color("--quiet");
    context.strokeStyle = this.color("--grid");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const place of this.places) {
      const y = Math.round(this.y(place)) + 0.5;
      this.line(this.left, y, this.left + this.width, y);
      context.fillText(this.tickText(place), this.left - 8, y);
    }
    const [places, step] = timeTicks(this.data.start, this.data.end, Math.max(2, this.width / 90));
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const place of places) {
      const x = Math.round(this.x(place)) + 0.5;
      this.line(x, this.top, x, this.top + this.height);
      context.fillText(formatTick(place, step), x, this.top + this.height + 8);
    }
    context.strokeStyle = this.color("--axis");
    const floor = Math.round(this.y(Math.max(this.low, Math.min(0, this.high)))) + 0.5;
    this.line(this.left, floor, this.left + this.width, floor);
  }

  line(x1, y1, x2, y2) {
    this.context.beginPath();
    this.context.moveTo(x1, y1);
    this.context.lineTo(x2, y2);
    this.context.stroke();
  }

  lines() {
    const { context } = this;
    const isRaised = this.data.series.some((series) => series.isRaised);
    context.lineJoin = "round";
    for (const series of this.data.series) {
      if (!series.isShown) continue;
      context.globalAlpha = isRaised && !series.isRaised ? 0.2 : 1;
      context.lineWidth = series.isRaised ? 2.5 : 1.6;
      context.strokeStyle = context.fillStyle = series.color;
      this.path(series.points);
    }
    context.globalAlpha = 1;
  }

  /** What lies behind the lines: times, and ranges of values. */
  bands() {
    const { context } = this;
    for (const { start, end, low, high, color } of this.data.bands ?? []) {
      const [left, right] = [Math.max(start, this.data.start), Math.min(end, this.data.end)];
      const [top, bottom] = [high === undefined ? this.top : this.y(high) - 2, low === undefined ? this.top + this.height : this.y(low) + 2];
      context.globalAlpha = 0.13;
      context.fillStyle = color;
      if (right > left) context.fillRect(this.x(left), top, this.x(right) - this.x(left), bottom - top);
    }
    context.globalAlpha = 1;
  }

  /** Values that mean something, such as a threshold. */
  levels() {
    const { context } = this;
    context.font = this.font(11);
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.lineWidth = 1.2;
    for (const { value, text, color } of this.data.levels ?? []) {
      const y = Math.round(this.y(value)) + 0.5;
      context.strokeStyle = context.fillStyle = color;
      context.setLineDash([6, 4]);
      this.line(this.left, y, this.left + this.width, y);
      context.setLineDash([]);
      context.fillText(text, this.left + this.width - 4, y - 2);
    }
  }

  /** One series; it is interrupted where samples are missing. */
  path(points) {
    const { context } = this;
    const widest = this.data.step * 1.5;
    let before = null;
    let run = 0;
    context.beginPath();
    const dot = () => {
      // A sample without neighbours would be an invisible line.
      if (before && run === 1) context.fillRect(this.x(before[0]) - 1.5, this.y(before[1]) - 1.5, 3, 3);
    };
    for (const point of points) {
      const [time, value] = point;
      if (!Number.isFinite(value)) {
        dot();
        before = null;
        run = 0;
        continue;
      }
      if (before && time - before[0] <= widest) {
        context.lineTo(this.x(time), this.y(value));
        run += 1;
      } else {
        dot();
        context.moveTo(this.x(time), this.y(value));
        run = 1;
      }
      before = point;
    }
    dot();
    context.stroke();
  }

  overlay() {
    const { context } = this;
    if (this.drag) {
      const [from, to] = [this.drag.from, this.drag.to].sort((a, b) => a - b);
      context.fillStyle = this.color("--select");
      context.fillRect(from, this.top, to - from, this.height);
    }
    if (this.pointer === null) return;
    const time = this.snapped();
    const x = Math.round(this.x(time)) + 0.5;
    context.strokeStyle = this.color("--cross");
    context.lineWidth = 1;
    this.line(x, this.top, x, this.top + this.height);
    for (const series of this.data.series) {
      const value = series.isShown ? valueAt(series.points, time, this.data.step) : null;
      if (value === null || !Number.isFinite(value)) continue;
      context.beginPath();
      context.arc(x, this.y(value), 3.2, 0, 2 * Math.PI);
      context.fillStyle = series.color;
      context.fill();
      context.strokeStyle = this.color("--ground");
      context.stroke();
    }
  }

  /** The step under the pointer. */
  snapped() {
    const { start, end, step } = this.data;
    const time = start + Math.round((this.time(this.pointer) - start) / step) * step;
    return Math.max(start, Math.min(end, time));
  }

  inside(event) {
    const x = event.offsetX;
    return this.data && x >= this.left && x <= this.left + this.width;
  }

  move(event) {
    if (!this.data) return;
    this.pointer = this.inside(event) ? event.offsetX : null;
    this.pointerY = event.offsetY;
    if (this.drag) this.drag.to = Math.max(this.left, Math.min(this.left + this.width, event.offsetX));
    this.draw();
    this.canvas.classList.toggle("leads", (this.chosen !== null || this.markAt(event.offsetX) !== undefined) && !this.drag);
    this.tell();
  }

  leave() {
    this.pointer = null;
    if (this.data) this.draw();
    this.tell();
  }

  press(event) {
    if (!this.inside(event) || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { from: event.offsetX, to: event.offsetX };
    // A finger presses where no pointer was before.
    this.chosen = nearest(this.dots, event.offsetX, event.offsetY);
  }

  release() {
    const drag = this.drag;
    this.drag = null;
    if (!drag || !this.data) return;
    const [from, to] = [drag.from, drag.to].sort((a, b) => a - b);
    this.draw();
    if (to - from > 8) this.on.select(this.time(from), this.time(to));
    else if (this.chosen) this.on.open(this.chosen.exemplar);
    else if (this.markAt(from)) this.on.mark(this.markAt(from));
  }

  /** The mark under the pointer that leads somewhere, if there is one. */
  markAt(x) {
    return this.on.mark && this.flags.find((flag) => flag.id && Math.abs(flag.x - x) <= 5);
  }
}

/** The value of a series at a time on the grid, or null. */
export function valueAt(points, time, step) {
  let [low, high] = [0, points.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const distance = points[middle][0] - time;
    if (Math.abs(distance) <= step / 2) return points[middle][1];
    if (distance < 0) low = middle + 1;
    else high = middle - 1;
  }
  return null;
}
