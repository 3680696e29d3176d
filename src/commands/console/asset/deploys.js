// Deploys: what changed, when and by whom; an entry with its diffs and the charts around it.

import { el } from "../api.js";
import { marksOf } from "../marks.js";
import { formatTime } from "../time.js";
import { formatValue } from "../unit.js";
import { range, read } from "./client.js";
import { changed, choice, field, SERVICES, trouble } from "./form.js";
import { pinButton } from "./pin.js";
import { Panel } from "./view.js";

const AROUND = 120;

export function draw(main, { params, go, incident, isObserver }) {
  const service = params.get("service") ?? "";
  const id = params.get("id");
  const list = el("div", { class: "scroll" }, el("p", { class: "quiet" }, "…"));
  const entry = el("section", { class: "card entry", "aria-live": "polite" }, el("p", { class: "empty" }, "Choose an entry to see its changes and the charts around it."));
  main.replaceChildren(
    el("div", { class: "bar" }, field("service", choice(service, [["", "all"], ...SERVICES], (value) => go(changed(params, { service: value }))))),
    el("div", { class: "deploys" }, el("section", { class: "card" }, el("h2", {}, "Deploy log, newest first"), list), entry));
  const abort = new AbortController();
  const signal = abort.signal;
  const load = () => read("deploys", { service }, { background: Boolean(id), signal }).then((deploys) => {
    list.replaceChildren(table(deploys, id, params, incident));
    return deploys;
  });
  load().then((deploys) => id && show(entry, deploys, id, { incident, signal, isObserver }))
    .catch((error) => error.name === "AbortError" || entry.replaceChildren(trouble(error)));
  return { leave: () => abort.abort(), update: () => load().catch(() => {}) };
}

function table(deploys, id, params, incident) {
  const started = Date.parse(incident.started);
  const rows = [...deploys].reverse().map((one) => {
    const isEarlier = Date.parse(one.at) < started;
    const time = formatTime(Date.parse(one.at) / 1000);
    return el("tr", { class: one.id === id ? "chosen" : "", "data-row": "", tabindex: "0", "data-pointer": `deploy:${one.id}` },
      el("td", { class: "number quiet" }, isEarlier ? time.slice(0, 16) : time.slice(11)),
      el("td", {}, el("a", { href: changed(params, { id: one.id }), "aria-current": one.id === id ? "true" : false }, one.id), one.command ? el("span", { class: "badge" }, "yours") : "", el("div", { class: "quiet" }, `${one.kind} by ${one.role}${one.summary ? `: ${one.summary}` : ""}`)));
  });
  return el("table", {}, el("tbody", {}, rows));
}

async function show(entry, deploys, id, { incident, signal, isObserver }) {
  const [shown, logged] = [await read("deploys/show", { id }, { signal }), deploys.find((one) => one.id === id)];
  const at = Date.parse(shown.at) / 1000;
  const group = [];
  const where = `service="${shown.service}"`;
  const count = "http_server_request_duration_seconds_count";
  const charts = [
    ["Requests", "per second", `sum(rate(${count}{${where}}[15s]))`],
    ["Errors", "ratio", `sum(rate(${count}{${where}, http_response_status_code=~"5.."}[15s])) / sum(rate(${count}{${where}}[15s]))`],
    ["Latency, 99th percentile", "seconds", `histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{${where}}[15s])))`],
  ].map(([title, unit, expression]) => ({ expression, panel: new Panel(title, { group, unit, isLow: true }) }));
  entry.dataset.pointer = `deploy:${id}`;
  entry.replaceChildren(
    el("div", { class: "spread" }, el("h1", {}, id), el("span", {}, pinButton(`deploy:${id}`), isObserver() ? "" : el("a", { class: "action", href: `/act?action=rollback&service=${shown.service}` }, " Roll back …"))),
    el("p", {}, `${shown.kind} at ${formatTime(at)} by ${shown.role}${shown.before && shown.before !== shown.release ? `; before it, ${shown.before} ran` : ""}.`),
    el("p", { class: "summary" }, shown.summary || "No changelog."),
    ...settings(shown.changes), ...code(shown.diff ?? logged?.diff ?? ""), numbers(shown.red),
    el("h2", {}, "Two minutes before and after"), ...charts.map(({ panel }) => panel.element));
  const now = incident.ended ? Date.parse(incident.ended) / 1000 : Date.now() / 1000;
  const times = { start: Math.floor(at - AROUND), end: Math.ceil(Math.min(now, at + AROUND)), step: 1 };
  const marks = marksOf(deploys);
  await Promise.allSettled(charts.map(async ({ panel, expression }, index) => {
    const series = await range(expression, { since: new Date(times.start * 1000).toISOString(), step: 1 }, { signal });
    const cut = series.map(({ metric, points }) => ({ metric, points: points.filter(([t]) => t <= times.end) }));
    panel.show(times, cut, { named: () => shown.service, expression, marks: index ? marks.map((mark) => ({ ...mark, text: "" })) : marks });
  }));
}

const value = (one) => (one === null || one === undefined ? "not set" : JSON.stringify(one));

function settings(changes = []) {
  if (!changes.length) return [];
  const rows = changes.map(({ key, before, after }) => el("tr", {}, el("th", { scope: "row", class: "mono" }, key), el("td", { class: "mono minus" }, `− ${value(before)}`), el("td", { class: "mono plus" }, `+ ${value(after)}`)));
  return [el("h2", {}, "Configuration"), el("div", { class: "scroll" }, el("table", { class: "diff-table" }, el("tbody", {}, rows)))];
}

/** A unified diff; what was added and what was taken away has its sign as well as its colour. */
export function code(diff) {
  if (!diff) return [];
  const lines = diff.replace(/\n$/, "").split("\n").map((line) => {
    const kind = /^(---|\+\+\+)/.test(line) ? "file" : line.startsWith("@@") ? "hunk" : line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "";
    return el("span", { class: kind }, `${line}\n`);
  });
  return [el("h2", {}, "Code"), el("pre", { class: "diff", tabindex: "0" }, lines)];
}

function numbers(red) {
  if (!red) return "";
  const cell = (number, unit) => el("td", { class: "number" }, number === null || number === undefined ? "–" : formatValue(number, unit));
  const row = (name, one) => el("tr", {}, el("th", { scope: "row" }, `${name} (${Math.round(one.window_s)} s)`), cell(one.rate, "per second"), cell(one.errors, "ratio"), cell(one.p50_s, "seconds"), cell(one.p99_s, "seconds"));
  const head = ["", "requests", "errors", "p50", "p99"].map((text) => el("th", { scope: "col" }, text));
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, row("before", red.before), row("after", red.after))));
}
