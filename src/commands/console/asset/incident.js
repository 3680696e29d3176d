// The start: what is broken, since when, what changed, what differs, where to look.

import { el } from "../api.js";
import { formatClock, formatTime } from "../time.js";
import { formatValue, guessUnit } from "../unit.js";
import { exemplarsOf, range, read } from "./client.js";
import { mapCard, readMap } from "./map.js";
import { metricTable, patternList } from "./differs.js";
import { pinButton } from "./pin.js";
import { marksOfIncident, Panel, timesOf } from "./view.js";

const EVERY = 5000;
const OVER = "[20s]";
const EDGE = "http_server_request_duration_seconds";

/** Rates, errors and latency, by service or by the edge's routes. */
const BY = {
  service: { text: "by service", label: "service", where: "" },
  route: { text: "by route", label: "http_route", where: 'service="gateway"' },
};

const red = ({ label, where }) => {
  const selector = (more) => [where, more].filter(Boolean).join(", ");
  return [
    { title: "Requests", unit: "per second", expression: `sum by (${label}) (rate(${EDGE}_count{${selector("")}}${OVER}))` },
    { title: "Errors", unit: "ratio", expression: `sum by (${label}) (rate(${EDGE}_count{${selector('http_response_status_code=~"5.."')}}${OVER})) / sum by (${label}) (rate(${EDGE}_count{${selector("")}}${OVER}))` },
    { title: "Latency, 99th percentile", unit: "seconds", exemplars: `${EDGE}_bucket{${selector("")}}`, expression: `histogram_quantile(0.99, sum by (le, ${label}) (rate(${EDGE}_bucket{${selector("")}}${OVER})))` },
  ];
};

export function draw(main, { incident, params, go }) {
  const by = BY[params.get("by")] ? params.get("by") : "service";
  const group = [];
  const card = alertCard(group, params.get("alert"), { go, choose: (alert) => go(address({ by, alert }), true) });
  const select = (start, end) => go(`/traces?since=${new Date(start * 1000).toISOString()}&until=${new Date(end * 1000).toISOString()}`);
  const panels = red(BY[by]).map((one) => ({ ...one, panel: new Panel(one.title, { group, unit: one.unit, on: { select, go }, isLow: true }) }));
  const map = mapCard();
  const differs = listCard("What differs from the baseline", "/compare");
  const patterns = listCard("New and multiplied log patterns", "/logs");
  const happened = el("ol", { class: "happened" });
  const tabs = el("span", { class: "tabs", role: "group", "aria-label": "Lines" }, Object.entries(BY).map(([name, { text }]) => el("button", { type: "button", "aria-pressed": String(name === by), onclick: () => go(address({ by: name, alert: params.get("alert") })) }, text)));
  main.replaceChildren(
    card.element,
    el("div", { class: "columns" },
      el("div", {},
        el("section", { class: "card" }, el("div", { class: "spread" }, el("h2", {}, "Rate, errors, duration ", el("span", { class: "quiet" }, "drag over a time to see its traces; a diamond is one")), tabs), panels.map(({ panel }) => panel.element)),
        differs.element),
      el("div", {}, map.element, el("section", { class: "card" }, el("h2", {}, "Pages, actions, deploys"), happened), patterns.element)),
  );
  const abort = new AbortController();
  const state = { incident, abort, card, panels, map, differs, patterns, happened, label: BY[by].label };
  let timer = 0;
  const tick = async () => {
    clearTimeout(timer);
    if (!document.hidden) await refresh(state).catch(() => {});
    if (state.incident.is_live && !abort.signal.aborted) timer = setTimeout(tick, EVERY);
  };
  tick();
  return {
    update: (next) => { state.incident = next; tick(); },
    leave: () => { clearTimeout(timer); abort.abort(); },
  };
}

/** The address of this part with its state. */
function address(state) {
  const params = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
  return `/?${params}`;
}

async function refresh(state) {
  const { incident } = state;
  const signal = state.abort.signal;
  const times = timesOf(incident);
  const marks = await marksOfIncident(incident);
  if (signal.aborted) return;
  const bands = shades(incident, times);
  // With a page, the chart of the alert has the labels of the marks.
  const unnamed = marks.map((mark) => ({ ...mark, text: "" }));
  const charts = state.panels.map(async ({ panel, expression, exemplars }, index) => {
    const [series, found] = await Promise.all([range(expression, times, { signal }), exemplars ? exemplarsOf(exemplars, times, { signal }) : []]);
    panel.show(times, series, { exemplars: found, named: (metric) => metric[state.label] || "other", expression, marks: index || incident.pages.length ? unnamed : marks, bands });
  });
  const jobs = [
    ...charts,
    state.card.refresh(incident, times, marks, signal),
    readMap(signal).then((map) => state.map.show(map)),
    showHappened(state, signal),
    showDiffers(state, signal),
    showPatterns(state, signal),
  ];
  await Promise.allSettled(jobs);
}

/** The baseline as the responder may know it, the first fifth before the page, and the time since the page. */
function shades(incident, { end }) {
  const page = incident.pages[0];
  if (!page || !incident.steady) return [];
  const [from, at] = [Date.parse(incident.steady) / 1000, Date.parse(page.at) / 1000];
  return [{ start: from, end: from + (at - from) / 5, color: "--good" }, { start: at, end, color: "--alarm" }];
}

// ---- the alert ----

/** `chosen` is the alert to show where several paged; without one it is the first, which began it. */
function alertCard(group, chosen, { go, choose }) {
  const element = el("section", { class: "card alert", role: "region", "aria-label": "Alert" });
  let panel = null;
  let current = null;
  let shown = "";
  const build = (incident) => {
    const pages = alerts(incident);
    const page = pages.find(({ alert }) => alert === chosen) ?? pages[0];
    const key = page ? `${page.at} ${pages.length}` : `none ${incident.is_live}`;
    if (key === shown) return;
    shown = key;
    if (panel) group.splice(group.indexOf(panel), 1);
    panel = null;
    current = page ?? null;
    element.classList.toggle("firing", Boolean(page) && incident.is_live);
    if (!page) {
      element.replaceChildren(el("h1", {}, incident.is_live ? "All quiet" : "No page"), el("p", {}, incident.is_live ? "Learn the baseline while it lasts: what is normal here, who calls whom, what was deployed. The page appears here." : "Nothing paged in this run."));
      return;
    }
    const unit = page.indicator ? guessUnit(page.indicator.expression) : "";
    if (page.indicator) panel = new Panel("What the alert measures", { group, unit, on: { go }, isLow: true });
    element.replaceChildren(
      el("div", { class: "spread" }, el("h1", {}, el("span", { class: "badge firing" }, "page"), " ", page.summary), el("span", { class: "since" })),
      el("p", {}, el("strong", {}, page.alert), ` paged at ${formatTime(Date.parse(page.at) / 1000)}. ${page.description}`),
      pages.length > 1 ? el("p", { class: "others" }, "Paged as well: ", pages.filter((one) => one !== page).map((one) => el("button", { type: "button", class: "small", title: one.summary, onclick: () => choose(one.alert) }, one.alert))) : "",
      el("p", { class: "quiet now", role: "status" }),
      panel ? panel.element : "",
    );
  };
  const refresh = async (incident, times, marks, signal) => {
    build(incident);
    if (!current) return;
    const since = element.querySelector(".since");
    const seconds = Math.max(0, Math.round(times.end - Date.parse(incident.pages[0].at) / 1000));
    since.textContent = `first page ${Math.floor(seconds / 60)} min ${seconds % 60} s ${incident.is_live ? "ago" : "before the end"}`;
    if (!panel) return;
    const { expression, operator, threshold } = current.indicator;
    const series = await range(expression, times, { signal });
    const bands = shades(incident, times);
    const base = band(series, bands[0]);
    panel.show(times, series, {
      named: (metric) => Object.values(metric).join(" ") || "value", expression, marks,
      bands: base ? [...bands, { ...base, start: times.start, end: times.end, color: "--name" }] : bands,
      levels: [{ value: threshold, text: `fires ${operator} ${formatValue(threshold, panel.unit)}`, color: "--alarm" }],
    });
    element.querySelector(".now").textContent = sentence(series, current.indicator, base, panel.unit);
  };
  return { element, refresh };
}

/** The first page of each alert. */
function alerts({ pages }) {
  return pages.filter(({ alert }, index) => pages.findIndex((one) => one.alert === alert) === index);
}

/** The least and the most of all lines in a time. */
function band(series, time) {
  if (!time) return null;
  const values = series.flatMap(({ points }) => points.filter(([t, value]) => t >= time.start && t <= time.end && Number.isFinite(value)).map(([, value]) => value));
  return values.length ? { low: Math.min(...values), high: Math.max(...values) } : null;
}

function sentence(series, { operator, threshold }, base, unit) {
  const last = series.map(({ points }) => points.at(-1)?.[1]).filter(Number.isFinite);
  if (!last.length) return "Nothing is measured at present.";
  const worst = operator.startsWith(">") ? Math.max(...last) : Math.min(...last);
  const beyond = operator.startsWith(">") ? worst > threshold : worst < threshold;
  const baseline = base ? ` In the baseline it was ${formatValue(base.low, unit)} to ${formatValue(base.high, unit)}.` : "";
  return `Now ${formatValue(worst, unit)}, ${beyond ? "beyond" : "within"} the threshold of ${formatValue(threshold, unit)}.${baseline}`;
}

// ---- lists ----

function listCard(title, address) {
  const body = el("div", { class: "scroll" }, el("p", { class: "quiet" }, "…"));
  const element = el("section", { class: "card" }, el("div", { class: "spread" }, el("h2", {}, title), el("a", { href: address }, "all")), body);
  return { element, body };
}

async function showHappened({ incident, happened }, signal) {
  const deploys = await read("deploys", {}, { background: true, signal });
  const from = Date.parse(incident.started);
  const before = deploys.filter(({ at }) => Date.parse(at) < from).length;
  const items = [
    ...deploys.filter(({ at }) => Date.parse(at) >= from).map((one) => ({ at: one.at, node: [el("a", { href: `/deploys?id=${encodeURIComponent(one.id)}` }, one.id), ` ${one.kind}${one.summary ? `: ${one.summary}` : ""}`], pointer: `deploy:${one.id}`, kind: one.command ? "own" : "" })),
    ...incident.pages.map((page) => ({ at: page.at, node: [el("strong", {}, "page "), page.alert], kind: "paged" })),
  ].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  happened.replaceChildren(
    ...items.map(({ at, node, pointer, kind }) => el("li", { class: kind, "data-row": "", tabindex: "0", "data-pointer": pointer }, el("time", { datetime: at }, formatClock(Date.parse(at) / 1000)), el("span", {}, node), pointer ? pinButton(pointer) : null)),
    el("li", { class: "quiet" }, el("a", { href: "/deploys" }, `${before} earlier deploys`)),
  );
}

async function showDiffers({ incident, differs }, signal) {
  const rows = await read("compare/metrics", { limit: 12 }, { background: true, signal });
  const at = Date.parse(incident.ended ?? new Date().toISOString()) / 1000;
  differs.body.replaceChildren(rows.length ? metricTable(rows, at) : el("p", { class: "quiet" }, "Nothing left its range."));
}

async function showPatterns({ patterns }, signal) {
  const rows = await read("compare/logs", { limit: 6 }, { background: true, signal });
  patterns.body.replaceChildren(rows.length ? patternList(rows) : el("p", { class: "quiet" }, "No pattern is new."));
}
