// Charts of the console: several under one another with one time axis and one crosshair, and marks from the deploy log.

import { el } from "../api.js";
import { Chart, valueAt } from "../chart.js";
import { lineColor } from "../color.js";
import { lineOf } from "../exemplar.js";
import { marksOf, pagesOf } from "../marks.js";
import { formatTime } from "../time.js";
import { formatValue } from "../unit.js";
import { read } from "./client.js";
import { pinButton, promqlPointer } from "./pin.js";

/** The longest time that is looked back. */
const LONGEST = 900;

/** The times that the page shows of an incident, in seconds: from its start, or a quarter of an hour back. */
export function timesOf(incident) {
  const end = incident.ended ? Date.parse(incident.ended) / 1000 : Date.now() / 1000;
  const begun = Date.parse(incident.steady ?? incident.started) / 1000;
  const start = Math.max(begun, end - LONGEST);
  const step = Math.max(1, Math.ceil((end - start) / 240));
  return { start: Math.floor(start / step) * step, end: Math.ceil(end / step) * step, step, since: new Date(start * 1000).toISOString() };
}

/** Deploys and pages as marks. */
export async function marksOfIncident(incident) {
  const deploys = await read("deploys", {}, { background: true }).catch(() => []);
  return [...marksOf(deploys), ...pagesOf(incident.pages)];
}

/** One chart with its title, legend and tooltip; those of one `group` share the crosshair. */
export class Panel {
  /** `unit` is one of unit.js's; `on.select(start, end)` takes a drag, `on.go(address)` a click on what leads somewhere. */
  constructor(title, { group, unit, on = {}, isLow = false }) {
    this.unit = unit;
    this.group = group;
    group.push(this);
    this.hidden = new Set();
    this.heading = el("strong", { class: "chart-title" }, title);
    this.tools = el("span", { class: "chart-tools" });
    this.canvas = el("canvas", { role: "img", "aria-label": title, tabindex: "0" });
    this.tooltip = el("div", { class: "tooltip", hidden: true });
    this.legend = el("div", { class: "keys" });
    this.element = el("section", { class: "chart" }, el("div", { class: "spread" }, this.heading, this.legend, this.tools), el("div", { class: `frame ${isLow ? "low" : ""}` }, this.canvas, this.tooltip));
    this.chart = new Chart(this.canvas, {
      hover: (place) => this.hover(place),
      select: (start, end) => on.select?.(start, end),
      widen: () => on.widen?.(),
      open: ({ trace }) => on.go?.(`/trace/${trace}`),
      mark: on.go && (({ id }) => on.go(`/deploys?id=${encodeURIComponent(id)}`)),
    });
  }

  /** `expression` makes it something to be pinned; `named(metric)` names a line. */
  show({ start, end, step }, series, { named, expression, marks = [], bands = [], levels = [], exemplars = [] }) {
    const style = getComputedStyle(this.canvas);
    this.lines = series.map(({ metric, points }, index) => ({ name: named(metric), points, color: lineColor(index, style), isShown: !this.hidden.has(named(metric)) }));
    const color = (one) => ({ ...one, color: style.getPropertyValue(one.color).trim() });
    this.data = { start, end, step, unit: this.unit, gutter: 64, series: this.lines, marks: marks.filter(({ t }) => t >= start && t <= end), bands: bands.map(color), levels: levels.map(color), exemplars: [] };
    this.colored = () => colored(exemplars, series, this.lines);
    this.data.exemplars = this.colored();
    this.chart.show(this.data);
    this.keys();
    if (!expression) return;
    const pointer = promqlPointer(expression, end);
    this.element.dataset.pointer = pointer;
    this.tools.replaceChildren(pinButton(pointer));
  }

  keys() {
    this.legend.replaceChildren(...this.lines.slice(0, 10).map((line) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.background = line.color;
      return el("button", { type: "button", "aria-pressed": String(line.isShown), class: line.isShown ? "key" : "key off", onclick: () => this.toggle(line) }, swatch, line.name);
    }));
  }

  toggle(line) {
    line.isShown = !line.isShown;
    this.hidden[line.isShown ? "delete" : "add"](line.name);
    this.data.exemplars = this.colored();
    this.chart.show(this.data);
    this.keys();
  }

  hover(place) {
    for (const other of this.group) if (other !== this && other.data) other.chart.point(place ? place.time : null);
    this.tooltip.hidden = !place;
    if (!place) return;
    const rows = this.lines.filter(({ isShown }) => isShown)
      .map((line) => ({ line, value: valueAt(line.points, place.time, this.data.step) }))
      .filter(({ value }) => value !== null)
      .sort((a, b) => b.value - a.value).slice(0, 10)
      .map(({ line, value }) => {
        const swatch = el("span", { class: "swatch" });
        swatch.style.background = line.color;
        return el("div", { class: "entry" }, swatch, line.name, el("span", { class: "number" }, formatValue(value, this.unit)));
      });
    const marks = place.marks.map(({ text, isPage }) => el("div", { class: isPage ? "page" : "deploy" }, text));
    this.tooltip.replaceChildren(el("div", { class: "time" }, formatTime(place.time)), ...marks, ...rows);
    const isRight = place.x > this.canvas.clientWidth / 2;
    this.tooltip.style.left = isRight ? "auto" : `${place.x + 14}px`;
    this.tooltip.style.right = isRight ? `${this.canvas.clientWidth - place.x + 14}px` : "auto";
    this.tooltip.style.top = "8px";
  }
}

/** Exemplars of the lines that are shown, in their colours. */
function colored(exemplars, series, lines) {
  return exemplars.flatMap((exemplar) => {
    const line = lines[series.indexOf(lineOf(exemplar, series))];
    return line?.isShown ? [{ ...exemplar, color: line.color }] : [];
  });
}
