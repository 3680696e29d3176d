// Compare: what slow, failed or chosen requests have that others have not.

import { el } from "../api.js";
import { formatClock } from "../time.js";
import { range, read } from "./client.js";
import { metricTable, patternList, timeTable, valueTable } from "./differs.js";
import { changed, choice, field, SERVICES, trouble, typed } from "./form.js";
import { columnsOf, heatmap } from "./heatmap.js";
import { marksOfIncident, timesOf } from "./view.js";

const STEP = 5;

export function draw(main, { params, go, incident }) {
  const get = (name) => params.get(name) ?? "";
  const set = (changes) => go(changed(params, changes));
  const service = get("service") || "gateway";
  const kind = get("q") || get("min") ? "chosen" : get("kind") || "slow";
  const abort = new AbortController();
  const map = el("div", {}, el("p", { class: "quiet" }, "…"));
  const result = el("div", {}, el("p", { class: "quiet", role: "status" }, "comparing …"));
  const differs = el("div", { class: "scroll" });
  const patterns = el("div", { class: "scroll" });
  const tab = (name, text, changes) => el("button", { type: "button", "aria-pressed": String(kind === name), onclick: () => set({ q: "", min: "", ...changes }) }, text);
  main.replaceChildren(
    el("div", { class: "bar" },
      el("span", { class: "tabs", role: "group", "aria-label": "Requests" }, tab("slow", "Slow", { kind: "" }), tab("failed", "Failed", { kind: "failed" })),
      typed(get("q"), { type: "search", class: "search", placeholder: "or those with key=value", "aria-label": "Attribute" }, (q) => set({ q })),
      field("service", choice(service, SERVICES, (value) => set({ service: value, operation: "" }))),
      field("operation", typed(get("operation"), { size: 22, placeholder: "the one that it concerns most" }, (operation) => set({ operation }))),
      get("since") || get("min") ? el("button", { type: "button", onclick: () => set({ since: "", until: "", min: "" }) }, "box ✕") : ""),
    el("section", { class: "card" }, el("h2", {}, `Latency of ${service} `, el("span", { class: "quiet" }, "a column is 5 s; darker is more")), map),
    result,
    el("div", { class: "pair" },
      el("section", { class: "card" }, el("h2", {}, "Metrics that left their range"), differs),
      el("section", { class: "card" }, el("h2", {}, "Log patterns"), patterns)));
  const signal = abort.signal;
  const chosen = (box) => set({ since: new Date(box.from * 1000).toISOString(), until: new Date(box.to * 1000).toISOString(), min: `${Math.max(0, Math.floor(box.least * 1e6))}us` });
  showMap(map, { incident, service, operation: get("operation"), signal, choose: chosen }).catch((error) => error.name === "AbortError" || map.replaceChildren(trouble(error)));
  read("compare/spans", { failed: kind === "failed" ? "true" : "", terms: get("q").split(/\s+/).filter(Boolean), service, operation: get("operation"), since: get("since"), until: get("until"), min_duration: get("min"), limit: 14 }, { signal })
    .then((found) => result.replaceChildren(...shown(found, service, params)))
    .catch((error) => error.name === "AbortError" || result.replaceChildren(trouble(error)));
  const at = Date.parse(incident.ended ?? new Date().toISOString()) / 1000;
  read("compare/metrics", { limit: 20 }, { background: true, signal }).then((rows) => differs.replaceChildren(metricTable(rows, at))).catch(() => {});
  read("compare/logs", { limit: 12 }, { background: true, signal }).then((rows) => patterns.replaceChildren(patternList(rows))).catch(() => {});
  return { leave: () => abort.abort() };
}

async function showMap(box, { incident, service, operation, signal, choose }) {
  const times = timesOf(incident);
  const route = /(\/\S+)$/.exec(operation)?.[1];
  const selector = `service="${service}"${route ? `, http_route="${route}"` : ""}`;
  const expression = `sum by (le) (increase(http_server_request_duration_seconds_bucket{${selector}}[${STEP}s]))`;
  const [series, marks] = await Promise.all([range(expression, { since: times.since, step: STEP }, { signal }), marksOfIncident(incident)]);
  const data = columnsOf(series, STEP);
  box.replaceChildren(data.columns.length ? heatmap({ ...data, step: STEP, marks }, choose) : el("p", { class: "quiet" }, "No requests in this time."));
}

function shown(found, service, params) {
  const others = found.operations.filter(({ name }) => name !== found.operation);
  const clock = (at) => formatClock(Date.parse(at) / 1000);
  return [
    el("section", { class: "card" },
      el("div", { class: "spread" }, el("h1", {}, `${found.operation}: ${found.chosen} ${found.what}`),
        found.pair ? el("a", { href: `/trace/${found.pair[0]}?with=${found.pair[1]}` }, "one of them beside a usual one") : ""),
      el("p", { class: "quiet" }, `from ${clock(found.window.from)} to ${clock(found.window.to)}, compared with ${found.others} others of the same operation, which were not chosen or are from the baseline (${clock(found.baseline.from)} to ${clock(found.baseline.to)}).`),
      others.length ? el("p", { class: "others" }, "Also: ", others.slice(0, 6).map(({ name, chosen }) => el("a", { class: "button", href: changed(params, { operation: name.split(" ").slice(1).join(" ") }) }, `${name} (${chosen})`))) : ""),
    el("div", { class: "pair" },
      el("section", { class: "card" }, el("h2", {}, "Where the time goes ", el("span", { class: "quiet" }, "median self time")), el("div", { class: "scroll" }, timeTable(found))),
      el("section", { class: "card" }, el("h2", {}, "What they have in common"), found.values.length ? el("div", { class: "scroll" }, valueTable(found, service)) : el("p", { class: "quiet" }, "No attribute tells them apart."))),
  ];
}
