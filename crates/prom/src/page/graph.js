// The graph page: panels with an expression, a chart and a table each; their state is the address.

import { addToHistory, complete } from "./complete.js";
import { Chart, valueAt } from "./chart.js";
import { lineColor } from "./color.js";
import { call, el, labelsElement, labelsText, recall, remember } from "./api.js";
import { exemplars, lineOf, traceAddress } from "./exemplar.js";
import { allMarks } from "./marks.js";
import { pointerOf } from "./pointer.js";
import { formatDuration, formatTime, formatUtc, parseDuration, parseTime, parseUtc } from "./time.js";
import { formatValue, guessUnit } from "./unit.js";

const RANGES = [60, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];
const REFRESH = [0, 1, 2, 5, 15, 60];
const MOST_SERIES = 500;
const MOST_LEGEND = 100;
const MOST_TOOLTIP = 12;
const DEFAULT_RANGE = 900;
const FIELDS = {
  range: { called: "range", is: "a duration", example: "5m or 1h 30m" },
  end: { called: "end time", is: "a time", example: "00:50:30 or 2026-11-23 00:50:30" },
  step: { called: "step", is: "a duration", example: "5s" },
};

/** What is wrong with a text in a field. */
const cannotRead = (name, text) => `“${text}” is not ${FIELDS[name].is}; write the ${FIELDS[name].called} as ${FIELDS[name].example}.`;

/** The panels that an address names: Prometheus's own names, old and new. */
function readPanels(now) {
  const params = new URLSearchParams(location.search);
  const panels = [];
  for (let index = 0; params.has(`g${index}.expr`); index += 1) {
    const get = (name) => params.get(`g${index}.${name}`) ?? "";
    const unread = {};
    const read = (name, text, parse) => {
      const value = text.trim() ? parse(text) : null;
      if (text.trim() && value === null) unread[name] = text;
      return value;
    };
    panels.push({
      expr: get("expr"),
      tab: ["1", "table", "console"].includes(get("tab")) ? "table" : "graph",
      range: read("range", get("range_input"), parseDuration) ?? DEFAULT_RANGE,
      end: read("end", get("end_input") || get("moment_input"), (text) => parseUtc(text, now)),
      step: read("step", get("step_input"), parseDuration),
      unread,
    });
  }
  return panels;
}

function writePanels(panels, push) {
  const params = new URLSearchParams();
  panels.forEach(({ state }, index) => {
    params.set(`g${index}.expr`, state.expr);
    params.set(`g${index}.tab`, state.tab === "table" ? "1" : "0");
    params.set(`g${index}.range_input`, formatDuration(state.range));
    if (state.end) params.set(`g${index}.end_input`, formatUtc(state.end));
    if (state.step) params.set(`g${index}.step_input`, String(state.step));
  });
  const address = `${location.pathname}?${params}`;
  if (address === location.pathname + location.search) return;
  window.history[push ? "pushState" : "replaceState"](null, "", address);
}

export function graphPage(main) {
  const page = { panels: [], fixedEnd: null, traces: null };
  const list = el("div");
  const refresh = el("select", { "aria-label": "Refresh", title: "Refresh" }, REFRESH.map((seconds) => el("option", { value: seconds }, seconds ? `every ${seconds} s` : "no refresh")));
  refresh.value = recall("refresh", 0);
  const runAll = () => page.panels.forEach((panel) => panel.run(false));
  const toggle = (key) => {
    const box = el("input", { type: "checkbox", onchange: () => { remember(key, box.checked); runAll(); } });
    box.checked = recall(key, true);
    return box;
  };
  const [marks, diamonds] = [toggle("marks"), toggle("exemplars")];
  page.showMarks = () => marks.checked;
  page.showExemplars = () => diamonds.checked && page.traces;
  page.changed = (push) => writePanels(page.panels, push);
  page.redraw = () => page.panels.forEach((panel) => panel.redraw());
  page.remove = (panel) => {
    page.panels = page.panels.filter((other) => other !== panel);
    panel.element.remove();
    if (!page.panels.length) add({});
    page.changed(true);
  };
  const add = (state) => {
    const panel = new Panel(page, { expr: "", tab: "graph", range: DEFAULT_RANGE, end: page.fixedEnd, step: null, unread: {}, ...state });
    page.panels.push(panel);
    list.append(panel.element);
    panel.run(false);
    return panel;
  };
  // A new panel is compared with the one above it.
  const beside = () => {
    const { range, end, step } = page.panels.at(-1)?.state ?? {};
    return range ? { range, end, step } : {};
  };
  const open = () => {
    list.replaceChildren();
    page.panels = [];
    const found = readPanels(page.fixedEnd ?? Date.now() / 1000);
    (found.length ? found : [{}]).forEach(add);
  };
  let timer = 0;
  const tick = () => {
    clearTimeout(timer);
    const seconds = Number(refresh.value);
    if (!seconds) return;
    timer = setTimeout(async () => {
      if (!document.hidden) await Promise.all(page.panels.filter((panel) => !panel.state.end).map((panel) => panel.run(false)));
      tick();
    }, seconds * 1000);
  };
  refresh.addEventListener("change", () => { remember("refresh", Number(refresh.value)); tick(); });
  main.replaceChildren(
    el("div", { class: "tools" }, refresh, el("label", {}, marks, " Deploys and pages"),
      el("label", { title: "Single requests behind the buckets of histograms: a click on a diamond opens its trace" }, diamonds, " Exemplars"),
      el("span", { class: "hint" }, "Enter runs · Shift+Enter breaks the line · Ctrl+Space proposes · drag zooms · double click widens · C copies the pointer at the crosshair")),
    list,
    el("button", { type: "button", class: "add", onclick: () => { add(beside()).input.focus(); page.changed(true); } }, "Add panel"),
  );
  addEventListener("popstate", open);
  addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select");
    const panel = page.panels.find(({ crosshair }) => crosshair != null);
    if (event.key.toLowerCase() === "c" && panel && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) panel.copy(panel.crosshair);
  });
  fetch("/assets/settings.json").then((answer) => answer.json()).then((settings) => { page.fixedEnd = settings.end; page.traces = settings.traces; }).catch(() => {}).finally(() => { open(); tick(); });
  return page;
}

class Panel {
  constructor(page, state) {
    this.page = page;
    this.state = state;
    this.hidden = new Set();
    this.result = null;
    this.build();
  }

  build() {
    const { state } = this;
    this.input = el("textarea", { class: "expression", rows: 1, spellcheck: "false", autocomplete: "off", placeholder: "Expression, such as sum by (service) (rate(http_server_request_duration_seconds_count[1m]))", "aria-label": "Expression" });
    this.input.value = state.expr;
    this.input.addEventListener("input", () => this.fitInput());
    const box = el("div", { class: "box" }, this.input);
    const proposals = complete(this.input, () => this.run(true));
    const tab = (name, text) => el("button", { type: "button", role: "tab", onclick: () => { state.tab = name; this.run(true); } }, text);
    this.tabs = { graph: tab("graph", "Graph"), table: tab("table", "Table") };
    this.range = el("input", { class: "short", "aria-label": "Range", title: "Range", onchange: () => this.take("range", parseDuration, (range) => this.setRange(range ?? DEFAULT_RANGE)) });
    this.end = el("input", { class: "moment", placeholder: "now", "aria-label": "End time", title: "End time", onchange: () => this.take("end", (text) => parseTime(text, this.endTime()), (end) => this.setEnd(end)) });
    this.step = el("input", { class: "short", placeholder: "auto", "aria-label": "Resolution", title: "Resolution", onchange: () => this.take("step", parseDuration, (step) => { state.step = step; this.run(true); }) });
    const button = (text, title, action) => el("button", { type: "button", title, "aria-label": title, onclick: action }, text);
    this.rangeTools = el("span", { class: "group" }, button("−", "Shorter range", () => this.scaleRange(-1)), this.range, button("+", "Longer range", () => this.scaleRange(1)));
    this.stepTools = el("span", { class: "group labelled" }, el("span", {}, "step"), this.step);
    this.note = el("span", { class: "quiet" });
    this.unread = el("p", { class: "error", role: "alert", hidden: true });
    this.message = el("p", { class: "error", hidden: true });
    this.warning = el("p", { class: "warning", hidden: true });
    this.canvas = el("canvas", { role: "img", "aria-label": "Chart" });
    this.tooltip = el("div", { class: "tooltip", hidden: true });
    this.legend = el("div", { class: "legend" });
    this.plot = el("div", { class: "plot" }, el("div", { class: "frame" }, this.canvas, this.tooltip), this.legend);
    this.table = el("div", { class: "result", hidden: true });
    this.element = el("section", { class: "card panel" },
      el("div", { class: "query" }, box,
        button("History", "Earlier expressions", () => proposals.showHistory()),
        el("button", { type: "button", class: "primary", onclick: () => this.run(true) }, "Run"),
        button("✕", "Remove panel", () => this.page.remove(this))),
      el("div", { class: "controls" },
        el("span", { class: "tabs", role: "tablist" }, this.tabs.graph, this.tabs.table), this.rangeTools,
        el("span", { class: "group" }, button("◀", "Earlier", () => this.shift(-1)), this.end, button("▶", "Later", () => this.shift(1)), button("now", "Until now", () => this.setEnd(null))),
        this.stepTools, button("Copy pointer", "Copy a pointer for the write-up: this expression at the end of the range", () => this.copy(this.endTime())), this.note),
      this.unread, this.message, this.warning, this.plot, this.table);
    this.chart = new Chart(this.canvas, {
      hover: (place) => this.hover(place),
      select: (start, end) => { state.range = Math.max(5, Math.round(end - start)); this.setEnd(Math.round(end)); },
      open: (exemplar) => window.open(traceAddress(this.page.traces, exemplar), "_blank", "noopener"),
      widen: () => { const end = this.endTime(); state.end = state.end && Math.min(Date.now() / 1000, end + state.range / 2); this.setRange(state.range * 2); },
    });
    requestAnimationFrame(() => this.fitInput());
  }

  fitInput() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight + 2}px`;
  }

  endTime() {
    return this.state.end ?? this.page.fixedEnd ?? Date.now() / 1000;
  }

  /** Takes what was typed into a field; empty is the default. What cannot be read stays there, and the page says so. */
  take(name, parse, use) {
    const text = this[name].value;
    const value = text.trim() && text.trim() !== "now" ? parse(text) : null;
    const isWrong = value === null && text.trim() && text.trim() !== "now";
    if (isWrong) this.state.unread[name] = text;
    else delete this.state.unread[name];
    if (isWrong) this.showState();
    else {
      this[name].shown = text;
      use(value);
    }
  }

  /** Shows a value in a field, unless somebody is typing there. */
  put(name, text) {
    const field = this[name];
    const unread = this.state.unread[name];
    field.toggleAttribute("aria-invalid", unread !== undefined);
    const isTyped = document.activeElement === field && field.value !== field.shown;
    if (isTyped && unread === undefined) return;
    if (!isTyped) field.value = unread ?? text;
    field.shown = field.value;
  }

  setRange(seconds) {
    if (seconds) this.state.range = seconds;
    delete this.state.unread.range;
    this.run(true);
  }

  scaleRange(direction) {
    const next = direction > 0 ? RANGES.find((range) => range > this.state.range) : RANGES.findLast((range) => range < this.state.range);
    this.setRange(next);
  }

  setEnd(seconds) {
    this.state.end = seconds;
    delete this.state.unread.end;
    this.run(true);
  }

  shift(direction) {
    const end = this.endTime() + (direction * this.state.range) / 2;
    this.setEnd(end >= Date.now() / 1000 ? null : Math.round(end));
  }

  showState() {
    const { state } = this;
    for (const [name, button] of Object.entries(this.tabs)) button.setAttribute("aria-selected", String(name === state.tab));
    this.put("range", formatDuration(state.range));
    this.put("end", state.end ? formatTime(state.end) : "");
    this.put("step", state.step ? formatDuration(state.step) : "");
    const unread = Object.entries(state.unread).map(([name, text]) => cannotRead(name, text));
    this.unread.textContent = unread.join("\n");
    this.unread.hidden = !unread.length;
    const isGraph = state.tab === "graph";
    this.rangeTools.hidden = this.stepTools.hidden = this.plot.hidden = !isGraph;
    this.table.hidden = isGraph;
  }

  /** Evaluates; `isNew` if a person asked, so that the address follows. */
  async run(isNew) {
    const { state } = this;
    const isOther = state.expr !== this.input.value.trim();
    if (isOther && isNew) this.hidden.clear();
    // A refresh in the background must not run what is still being typed.
    if (isNew) state.expr = this.input.value.trim();
    this.showState();
    if (isNew) this.page.changed(true);
    this.abort?.abort();
    this.abort = new AbortController();
    if (!state.expr) return this.fail("");
    const started = performance.now();
    try {
      const answer = state.tab === "graph" ? await this.fetchGraph(this.abort.signal) : await this.fetchTable(this.abort.signal);
      if (isNew) addToHistory(state.expr);
      const said = [...(answer.warnings ?? []), ...(answer.infos ?? [])];
      this.warning.textContent = said.join("\n");
      this.warning.hidden = !said.length;
      this.message.hidden = true;
      this.plot.classList.remove("blank");
      const count = Array.isArray(answer.data.result) ? `${answer.data.result.length} series · ` : "";
      const step = state.tab === "graph" ? `step ${formatDuration(this.result.step)} · ` : "";
      this.note.textContent = `${count}${step}${Math.round(performance.now() - started)} ms`;
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error.message);
    }
  }

  fail(message) {
    this.message.textContent = message;
    this.message.hidden = !message;
    this.plot.classList.add("blank");
    this.warning.hidden = true;
    this.note.textContent = "";
    this.result = null;
    this.chart.show(null);
    this.legend.replaceChildren();
    this.table.replaceChildren();
  }

  async fetchGraph(signal) {
    const { state } = this;
    const step = state.step ?? Math.max(1, Math.ceil(state.range / 300));
    // A grid that stays in place keeps a chart from trembling when it refreshes.
    const end = Math.floor(this.endTime() / step) * step;
    const start = Math.ceil((end - state.range) / step) * step;
    const times = { start, end, step };
    const [answer, marks, found] = await Promise.all([
      call("query_range", { query: state.expr, ...times, limit: MOST_SERIES }, signal),
      this.page.showMarks() ? allMarks(times, signal) : [],
      this.page.showExemplars() ? exemplars(state.expr, times, signal) : [],
    ]);
    const series = answer.data.result.map(({ metric, values }, index) => ({
      metric,
      key: labelsText(metric),
      points: values.map(([time, value]) => [time, Number(value.replace("Inf", "Infinity"))]),
      index,
    }));
    this.result = { ...times, series, marks, exemplars: found, unit: guessUnit(state.expr) };
    this.redraw();
    return answer;
  }

  async fetchTable(signal) {
    const { state } = this;
    const params = { query: state.expr, limit: MOST_SERIES };
    if (state.end) params.time = state.end;
    const answer = await call("query", params, signal);
    const { resultType, result } = answer.data;
    const unit = guessUnit(state.expr);
    const row = (name, time, value) => el("tr", {}, el("td", {}, name), el("td", { class: "number", title: formatTime(time) }, shownValue(value, unit)));
    let rows;
    if (resultType === "vector") rows = result.map(({ metric, value }) => row(labelsElement(metric), ...value));
    else if (resultType === "matrix") rows = result.map(({ metric, values }) => el("tr", {}, el("td", {}, labelsElement(metric)), el("td", { class: "number" }, values.map(([time, value]) => el("div", {}, `${value} @${time}`)))));
    else rows = [row(resultType, ...result)];
    this.table.replaceChildren(rows.length ? el("table", {}, el("tbody", {}, rows)) : el("p", { class: "empty" }, "Empty query result."));
    return answer;
  }

  redraw() {
    this.showState();
    if (!this.result || this.state.tab !== "graph") return;
    const style = getComputedStyle(this.canvas);
    const series = this.result.series.map((one) => ({ ...one, color: lineColor(one.index, style), isShown: !this.hidden.has(one.key), isRaised: one.key === this.raised }));
    this.drawn = series;
    const quiet = style.getPropertyValue("--quiet").trim();
    const shown = this.result.exemplars.flatMap((exemplar) => {
      const line = lineOf(exemplar, series);
      return line?.isShown === false ? [] : [{ ...exemplar, color: line?.color ?? quiet }];
    });
    this.chart.show({ ...this.result, series, exemplars: shown });
    if (!this.legendHeld) this.drawLegend(series);
  }

  drawLegend(series) {
    const { shared, own } = split(series.map((one) => one.metric));
    const rows = series.slice(0, MOST_LEGEND).map((one, index) => {
      const last = one.points.at(-1)?.[1] ?? NaN;
      const swatch = el("span", { class: "swatch" });
      swatch.style.background = one.color;
      const label = Object.keys(own[index]).length ? labelsElement(own[index]) : labelsElement(one.metric);
      const row = el("button", { type: "button", class: one.isShown ? "entry" : "entry off", title: "Click shows only this one · Ctrl+click switches it" }, swatch, label, el("span", { class: "number last" }, formatValue(last, this.result.unit)));
      row.addEventListener("click", (event) => this.toggle(one.key, event.ctrlKey || event.metaKey));
      row.addEventListener("pointerenter", () => this.raise(one.key));
      row.addEventListener("pointerleave", () => this.raise(null));
      return row;
    });
    const head = Object.keys(shared).length && series.length > 1 ? [el("div", { class: "shared" }, "all: ", labelsElement(shared))] : [];
    const rest = series.length > MOST_LEGEND ? [el("div", { class: "quiet" }, `and ${series.length - MOST_LEGEND} more`)] : [];
    this.legend.replaceChildren(...head, ...rows, ...rest);
    if (!series.length) this.legend.replaceChildren(el("p", { class: "empty" }, "Empty query result."));
  }

  /** Shows only one series, or all again; with the control key, switches one. */
  toggle(key, isSingle) {
    const keys = this.result.series.map((one) => one.key);
    const isAlone = keys.every((other) => this.hidden.has(other) === (other !== key));
    if (isSingle) this.hidden[this.hidden.has(key) ? "delete" : "add"](key);
    else this.hidden = new Set(isAlone ? [] : keys.filter((other) => other !== key));
    this.legendHeld = false;
    this.redraw();
  }

  raise(key) {
    this.raised = key;
    // Replacing the entry under the pointer would lose the click on it.
    this.legendHeld = true;
    this.redraw();
    this.legendHeld = key !== null;
  }

  /** Copies the pointer to the expression at a moment; where the browser keeps its clipboard, it is shown to be copied. */
  async copy(time) {
    if (!this.state.expr) return;
    const pointer = pointerOf(this.state.expr, time);
    const copied = await navigator.clipboard?.writeText(pointer).then(() => true, () => false);
    this.note.textContent = copied ? `copied ${pointer}` : pointer;
  }

  hover(place) {
    this.crosshair = place?.time ?? null;
    this.tooltip.hidden = !place || !this.result;
    if (this.tooltip.hidden) return;
    const content = place.exemplar ? this.exemplarTip(place.exemplar) : this.valueTip(place.time);
    const deploys = place.marks.map(({ t, text, isPage }) => el("div", { class: isPage ? "page" : "deploy" }, `${formatTime(t)} ${text}`));
    this.tooltip.replaceChildren(...deploys, ...content);
    const width = this.tooltip.offsetWidth;
    const isRight = place.x + width + 30 < this.canvas.clientWidth;
    this.tooltip.style.left = `${isRight ? place.x + 16 : Math.max(0, place.x - width - 16)}px`;
    this.tooltip.style.top = `${Math.max(0, Math.min(place.y, this.canvas.clientHeight - this.tooltip.offsetHeight))}px`;
  }

  valueTip(time) {
    const { own } = split(this.drawn.map((one) => one.metric));
    const values = this.drawn
      .map((one, index) => ({ one, label: own[index], value: one.isShown ? valueAt(one.points, time, this.result.step) : null }))
      .filter(({ value }) => value !== null)
      .sort((a, b) => b.value - a.value);
    const rows = values.slice(0, MOST_TOOLTIP).map(({ one, label, value }) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.background = one.color;
      return el("div", { class: "entry" }, swatch, labelsElement(Object.keys(label).length ? label : one.metric), el("span", { class: "number" }, formatValue(value, this.result.unit, 4)));
    });
    if (values.length > MOST_TOOLTIP) rows.push(el("div", { class: "quiet" }, `and ${values.length - MOST_TOOLTIP} more`));
    return [el("div", { class: "time" }, formatTime(time)), ...rows];
  }

  exemplarTip({ t, value, unit, trace, labels }) {
    return [
      el("div", { class: "time" }, `${formatTime(t)} · ${formatValue(value, unit, 4)}`),
      el("div", {}, "Trace ", el("span", { class: "labels" }, trace)),
      el("div", { class: "whole" }, labelsElement(labels)),
      el("div", { class: "quiet" }, "Click opens the trace"),
    ];
  }
}

/** The labels that all series share, and what is left of each. */
function split(metrics) {
  const shared = {};
  if (metrics.length > 1) {
    for (const [name, value] of Object.entries(metrics[0])) {
      if (metrics.every((metric) => metric[name] === value)) shared[name] = value;
    }
  }
  const own = metrics.map((metric) => Object.fromEntries(Object.entries(metric).filter(([name]) => !(name in shared))));
  return { shared, own };
}

/** The exact value, and what it means if there is a unit. */
function shownValue(value, unit) {
  return unit ? `${value}  (${formatValue(Number(value.replace("Inf", "Infinity")), unit)})` : value;
}
