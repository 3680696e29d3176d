// Deploys: what changed, when and by whom; an entry with its diffs and the charts around it.

import { el } from "../api.js";
import { marksOf, pagesOf } from "../marks.js";
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
  const state = { incident, signal: abort.signal, isObserver, timer: 0 };
  const load = async (background) => {
    // The filter is of the list: the entry needs those of all services for its marks.
    const deploys = await read("deploys", {}, { background, signal: abort.signal });
    const focused = document.activeElement?.closest?.("[data-row]")?.dataset.pointer;
    list.replaceChildren(table(deploys.filter((one) => !service || one.service === service), id, params, state.incident));
    if (focused) list.querySelector(`[data-pointer="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    return deploys;
  };
  load(Boolean(id)).then((deploys) => {
    const chosen = list.querySelector(".chosen");
    if (chosen) list.scrollTop = chosen.offsetTop - list.clientHeight / 3;
    // Going on with `j` and `k` begins where one was.
    if (document.activeElement === document.body) chosen?.focus({ preventScroll: true });
    return id && show(entry, deploys, id, state);
  }).catch((error) => error.name === "AbortError" || entry.replaceChildren(trouble(error)));
  return {
    leave: () => { abort.abort(); clearTimeout(state.timer); },
    update: (next) => { state.incident = next; load(true).catch(() => {}); },
  };
}

function table(deploys, id, params, incident) {
  if (!deploys.length) return el("p", { class: "quiet" }, "No entry.");
  const started = Date.parse(incident.started);
  const rows = [...deploys].reverse().map((one) => {
    const time = formatTime(Date.parse(one.at) / 1000);
    return el("tr", { class: `${one.id === id ? "chosen" : ""} ${one.command ? "own" : ""}`, "data-row": "", tabindex: "0", "data-pointer": `deploy:${one.id}` },
      el("td", { class: "number quiet", title: time }, Date.parse(one.at) < started ? time.slice(5, 16) : time.slice(11)),
      el("td", {}, el("a", { href: changed(params, { id: one.id }), "aria-current": one.id === id ? "true" : false }, one.id), one.command ? el("span", { class: "badge" }, "yours") : "", el("div", { class: "quiet" }, `${one.kind} by ${one.role}${one.summary ? `: ${one.summary}` : ""}`)));
  });
  const head = ["Time", "Entry"].map((text) => el("th", { scope: "col" }, text));
  return el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
}

async function show(entry, deploys, id, state) {
  const shown = await read("deploys/show", { id }, { signal: state.signal });
  const at = Date.parse(shown.at) / 1000;
  const isEarlier = at < Date.parse(state.incident.started) / 1000;
  const charts = isEarlier ? [] : chartsOf(shown.service);
  const rest = isEarlier ? el("p", { class: "quiet" }, "It was made before the run began: there are no numbers around it.") : [el("h2", {}, `${shown.service}, two minutes before and after`), ...charts.map(({ panel }) => panel.element)];
  entry.dataset.pointer = `deploy:${id}`;
  entry.replaceChildren(
    el("div", { class: "spread" }, el("h1", {}, id), el("span", { class: "others" }, pinButton(`deploy:${id}`), ...(state.isObserver() || !state.incident.is_live ? [] : links(shown, deploys)))),
    el("p", {}, `${shown.kind} at ${formatTime(at)} by ${shown.role}${shown.instances?.length ? `, on ${shown.instances.join(", ")}` : ""}${shown.before && shown.before !== shown.release ? `; before it, ${shown.before} ran` : ""}.`),
    el("p", { class: "summary" }, shown.summary || "No changelog."),
    ...settings(shown.changes), ...code(shown.diff ?? ""), ...numbers(shown.red), ...[rest].flat());
  const draw = async () => {
    const now = state.incident.ended ? Date.parse(state.incident.ended) / 1000 : Date.now() / 1000;
    await follow(charts, { at, now, id }, state);
    if (!state.incident.ended && now < at + AROUND && !state.signal.aborted) state.timer = setTimeout(() => draw().catch(() => {}), 2000);
  };
  if (charts.length) await draw();
}

/** What can be done about it: the release that runs can be rolled back, another one deployed. */
function links({ service, release }, deploys) {
  const runs = deploys.filter((one) => one.service === service).at(-1)?.release;
  const query = new URLSearchParams(runs === release ? { action: "rollback", service } : { action: "deploy", service, release });
  return [el("a", { class: "button", href: `/act?${query}` }, runs === release ? "Roll back …" : "Deploy this release …")];
}

function chartsOf(service) {
  const group = [];
  const where = `service="${service}"`;
  const count = "http_server_request_duration_seconds_count";
  const all = `sum(rate(${count}{${where}}[15s]))`;
  const failed = `sum(rate(${count}{${where}, http_response_status_code=~"5.."}[15s]))`;
  return [
    // Where no request failed there is no series; the line is at zero.
    ["Requests", "per second", all],
    ["Errors", "ratio", `${failed} / ${all}`, `(${failed} or vector(0)) / ${all}`],
    ["Latency, 99th percentile", "seconds", `histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{${where}}[15s])))`],
  ].map(([title, unit, expression, drawn = expression], index) => ({ service, expression, drawn, panel: new Panel(title, { group, unit, isLow: index > 0 }) }));
}

async function follow(charts, { at, now, id }, { incident, signal }) {
  const start = Math.floor(Math.max(at - AROUND, Date.parse(incident.started) / 1000));
  const times = { start, end: Math.max(start + 10, Math.ceil(Math.min(now, at + AROUND))), step: 1 };
  const deploys = await read("deploys", {}, { background: true, signal });
  const marks = [...marksOf(deploys), ...pagesOf(incident.pages)];
  // The labels of all marks stand on the first chart, on the others that of this entry.
  const own = marksOf(deploys.filter((one) => one.id === id))[0]?.text;
  const bare = marks.map((mark) => (mark.text === own && Math.abs(mark.t - at) < 0.01 ? mark : { ...mark, text: "" }));
  await Promise.allSettled(charts.map(async ({ panel, service, expression, drawn }, index) => {
    const series = await range(drawn, { since: new Date(times.start * 1000).toISOString(), step: 1 }, { signal });
    const cut = series.map(({ metric, points }) => ({ metric, points: points.filter(([t, value]) => t <= times.end && Number.isFinite(value)) }));
    panel.show(times, cut, { named: () => service, expression, marks: index ? bare : marks });
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

/** What was measured before and after; what became worse by a fifth has a sign. */
function numbers(red) {
  if (!red) return [];
  const { before, after } = red;
  const measures = [["Requests", "rate", "per second"], ["Errors", "errors", "ratio", true], ["Latency, median", "p50_s", "seconds", true], ["Latency, 99th percentile", "p99_s", "seconds", true]];
  const text = (number, unit) => (Number.isFinite(number) ? formatValue(number, unit) : "–");
  const rows = measures.map(([name, key, unit, isWorse]) => {
    const [old, now] = [before?.[key], after?.[key]];
    const change = !Number.isFinite(old) || !Number.isFinite(now) ? "" : now > old * 1.2 + 1e-9 ? "▲" : now < old * 0.8 ? "▼" : "about the same";
    const times = change.length === 1 && old > 0 && now > 0 ? ` ${formatValue(now / old, "", 2)} ×` : "";
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "number" }, text(old, unit)), el("td", { class: "number" }, text(now, unit)), el("td", { class: `number ${isWorse && change === "▲" ? "up" : "quiet"}` }, change + times));
  });
  const head = ["", `${Math.round(before?.window_s ?? 0)} s before`, `${Math.round(after?.window_s ?? 0)} s after`, "Change"].map((name) => (name ? el("th", { scope: "col", class: "number" }, name) : el("td", {})));
  return [el("h2", {}, "Numbers"), el("div", { class: "scroll" }, el("table", { class: "numbers" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)))];
}
