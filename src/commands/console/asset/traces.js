// Traces: a search, its results over time and as rows.

import { el } from "../api.js";
import { formatClock } from "../time.js";
import { formatValue } from "../unit.js";
import { read } from "./client.js";
import { changed, choice, field, SERVICES, trouble, typed } from "./form.js";
import { pinButton } from "./pin.js";
import { scatter } from "./scatter.js";

export function draw(main, { params, go, incident }) {
  const get = (name) => params.get(name) ?? "";
  const set = (changes) => go(changed(params, changes));
  const found = el("div", { class: "results", "aria-busy": "true" }, el("p", { class: "quiet", role: "status" }, "searching …"));
  const errors = el("input", { type: "checkbox", onchange: () => set({ errors: errors.checked ? "true" : "" }) });
  errors.checked = get("errors") === "true";
  main.replaceChildren(
    el("div", { class: "bar" },
      typed(get("q"), { type: "search", class: "search", placeholder: "key=value, such as http.response.status_code=500", "aria-label": "Attributes" }, (q) => set({ q })),
      field("service", choice(get("service") || "gateway", SERVICES, (service) => set({ service }))),
      field("operation", typed(get("operation"), { size: 16, placeholder: "any" }, (operation) => set({ operation }))),
      field("at least", typed(get("min"), { size: 6, placeholder: "500ms" }, (min) => set({ min }))),
      field("since", typed(get("since"), { size: 10, placeholder: "5m" }, (since) => set({ since }))),
      field("until", typed(get("until"), { size: 10, placeholder: "now" }, (until) => set({ until }))),
      el("label", {}, errors, " failed only"),
      field("at most", choice(get("limit") || "100", ["20", "100", "500"], (limit) => set({ limit }))),
      el("button", { type: "button", onclick: () => set({}) }, "Search again")),
    found);
  const abort = new AbortController();
  const fields = { terms: get("q").split(/\s+/).filter(Boolean), service: get("service"), operation: get("operation"), min_duration: get("min"), since: get("since"), until: get("until"), errors: get("errors"), limit: get("limit") || "100" };
  read("traces", fields, { signal: abort.signal })
    .then((rows) => show(found, rows, { go, jaeger: incident.links.jaeger }))
    .catch((error) => error.name === "AbortError" || found.replaceChildren(trouble(error)))
    .finally(() => found.setAttribute("aria-busy", "false"));
  return { leave: () => abort.abort() };
}

function show(found, rows, { go, jaeger }) {
  if (!rows.length) return found.replaceChildren(el("p", { class: "empty", role: "status" }, "No traces match."));
  const longest = Math.max(...rows.map(({ duration_ms }) => duration_ms));
  const chosen = new Set();
  const beside = el("button", { type: "button", disabled: true, onclick: () => { const [one, other] = chosen; go(`/trace/${one}?with=${other}`); } }, "Side by side");
  const choose = (id, box) => {
    chosen[box.checked ? "add" : "delete"](id);
    beside.disabled = chosen.size !== 2;
    beside.textContent = chosen.size === 2 ? "Side by side" : `Side by side: choose ${Math.max(0, 2 - chosen.size)} more`;
  };
  const points = rows.map((row) => ({ t: Date.parse(row.start) / 1000, value: row.duration_ms / 1000, isBad: row.errors > 0, href: `/trace/${row.id}`, text: `${row.root}, ${formatValue(row.duration_ms / 1000, "seconds")}${row.errors ? ", failed" : ""}` }));
  const head = ["", "Start", "Duration", "Root", "Spans", "Errors", "Services", ""].map((text) => (text ? el("th", { scope: "col" }, text) : el("td", {})));
  found.replaceChildren(
    el("section", { class: "card" }, el("h2", {}, "Duration over time ", el("span", { class: "quiet" }, "a click opens the trace; ✕ failed")), scatter(points)),
    el("section", { class: "card" },
      el("div", { class: "spread" }, el("h2", {}, `${rows.length} traces, newest first`), beside),
      el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows.map((row) => line(row, longest, choose, jaeger)))))));
}

function line(row, longest, choose, jaeger) {
  const bar = el("span", { class: row.errors ? "bar-fill bad" : "bar-fill" });
  bar.style.width = `${Math.max(1, (row.duration_ms / longest) * 100)}%`;
  const box = el("input", { type: "checkbox", "aria-label": `Choose trace ${row.id}`, onchange: () => choose(row.id, box) });
  return el("tr", { "data-row": "", tabindex: "0", "data-pointer": `trace:${row.id}` },
    el("td", {}, box),
    el("td", { class: "number" }, formatClock(Date.parse(row.start) / 1000)),
    el("td", { class: "with-bar" }, el("span", { class: "number" }, formatValue(row.duration_ms / 1000, "seconds")), el("span", { class: "bar-box" }, bar)),
    el("td", {}, el("a", { href: `/trace/${row.id}` }, `${row.root_service} ${row.root}`), row.incomplete ? el("span", { class: "badge pending" }, "incomplete") : ""),
    el("td", { class: "number" }, row.spans),
    el("td", { class: row.errors ? "number up" : "number" }, row.errors ? `${row.errors} ✕` : "0"),
    el("td", {}, row.services.join(" ")),
    el("td", {}, pinButton(`trace:${row.id}`), jaeger ? el("a", { href: `${jaeger}/trace/${row.id}`, target: "_blank", rel: "noopener", title: "Open in Jaeger" }, " Jaeger") : ""));
}
