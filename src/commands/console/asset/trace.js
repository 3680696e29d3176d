// One trace as a waterfall on its critical path; or two of them side by side.

import { el } from "../api.js";
import { formatTime } from "../time.js";
import { formatValue } from "../unit.js";
import { read } from "./client.js";
import { changed, trouble, typed } from "./form.js";
import { List } from "./list.js";
import { bySpan, called, lay } from "./path.js";
import { pinButton } from "./pin.js";

const ROW = 30;
const ms = (value) => formatValue(value / 1000, "seconds");

export function draw(main, { match, params, go, incident }) {
  const ids = [match[1], params.get("with")].filter(Boolean);
  main.replaceChildren(el("p", { class: "quiet", role: "status" }, "reading the trace …"));
  const abort = new AbortController();
  Promise.all(ids.map((id) => read("trace", { id }, { signal: abort.signal })))
    .then((traces) => {
      const parts = traces.map((trace) => waterfall(trace, { params, go, incident }));
      if (parts.length === 1) main.replaceChildren(parts[0].element);
      else main.replaceChildren(differences(parts.map(({ rows }) => rows), traces), el("div", { class: "pair" }, parts.map(({ element }) => element)));
      for (const { ready } of parts) ready();
    })
    .catch((error) => error.name === "AbortError" || main.replaceChildren(trouble(error)));
  return { leave: () => abort.abort() };
}

function waterfall(trace, { params, go, incident }) {
  const rows = lay(trace.spans);
  const total = Math.max(...rows.map(({ end }) => end), 0.001);
  const filter = (params.get("q") ?? "").toLowerCase();
  const detail = el("div", { class: "detail", role: "region", "aria-label": `Span of trace ${trace.id.slice(0, 8)}` });
  const shown = rows.filter((row) => !filter || text(row.span).includes(filter));
  const list = new List(ROW, 620, (row) => spanRow(row, total, (chosen) => detail.replaceChildren(...details(chosen, trace))));
  const root = rows[0].span;
  const failed = rows.filter(({ span }) => span.is_error).length;
  const element = el("section", { class: "card", "data-pointer": `trace:${trace.id}` },
    el("div", { class: "spread" },
      el("h1", {}, `${root.service} ${called(root)} `, el("span", { class: "quiet" }, `${ms(total)} · ${rows.length} spans${failed ? ` · ${failed} failed ✕` : ""} · ${formatTime(root.start_ns / 1e9)}`)),
      el("span", {}, pinButton(`trace:${trace.id}`), " ", el("a", { href: `/logs?trace=${trace.id}` }, "its log lines"), " ", incident.links.jaeger ? el("a", { href: `${incident.links.jaeger}/trace/${trace.id}`, target: "_blank", rel: "noopener" }, "open in Jaeger") : "")),
    el("div", { class: "bar" }, typed(params.get("q"), { type: "search", class: "search", placeholder: "show only spans with this text", "aria-label": "Filter spans" }, (q) => go(changed(params, { q }), true)),
      el("span", { class: "quiet" }, el("span", { class: "swatch critical" }), " critical path: what the answer waited for. Times are self times.")),
    shown.length ? list.element : el("p", { class: "empty" }, "No span has this text."), detail);
  return { element, rows, ready: () => list.show(shown) };
}

const text = (span) => `${span.service} ${span.instance} ${called(span)} ${Object.entries(span.attributes).map(([key, value]) => `${key}=${value}`).join(" ")}`.toLowerCase();

function spanRow(row, total, open) {
  const { span, start, end, self, depth, isCritical, gap } = row;
  const bar = el("span", { class: `span-bar ${isCritical ? "critical" : ""} ${span.is_error ? "bad" : ""}` });
  bar.style.left = `${(start / total) * 100}%`;
  bar.style.width = `${Math.max(0.3, ((end - start) / total) * 100)}%`;
  const told = el("span", { class: "span-time" }, `${ms(end - start)}${self > (end - start) * 0.02 && self < end - start ? ` (self ${ms(self)})` : ""}${gap ? ` · ${ms(gap)} before it` : ""}`);
  // Beside the bar, on the side with more room.
  if (end / total < 0.6) told.style.left = `${(end / total) * 100}%`;
  else told.style.right = `${(1 - start / total) * 100}%`;
  const name = el("button", { type: "button", class: "span-name", onclick: () => open(row) }, el("strong", {}, span.service), ` ${called(span)}${span.is_error ? " ✕" : ""}`);
  name.style.paddingLeft = `${6 + Math.min(depth, 12) * 12}px`;
  return el("div", { class: "span-row", "data-row": "", tabindex: "0" }, name, el("span", { class: "span-lane" }, bar, told));
}

function details({ span, start, end, self }, trace) {
  const pairs = Object.entries(span.attributes).sort(([a], [b]) => a.localeCompare(b));
  const row = ([key, value]) => el("tr", {}, el("th", { scope: "row", class: "mono" }, key), el("td", { class: "mono" }, value),
    el("td", {}, el("a", { href: `/traces?service=${encodeURIComponent(span.service)}&q=${encodeURIComponent(`${key}=${value}`)}`, title: "Traces with this value" }, "traces")));
  const events = span.events.map((event) => el("li", {}, el("span", { class: "quiet" }, `${ms((event.at_ns - span.start_ns) / 1e6)} in: `), el("strong", {}, event.name), ` ${Object.entries(event.attributes).map(([key, value]) => `${key}=${value}`).join(" ")}`));
  const linked = span.links.map((link) => el("li", {}, "linked trace ", el("a", { href: `/trace/${link}` }, link)));
  return [
    el("h2", {}, `${span.service} ${called(span)} `, el("span", { class: "quiet" }, `${span.instance} · ${ms(end - start)}, self ${ms(self)}${span.is_error ? " · failed ✕" : ""}`)),
    el("p", {}, el("a", { href: `/logs?trace=${trace.id}&service=${span.instance || span.service}` }, "log lines of this instance"), " · ",
      el("a", { href: `/deploys?service=${span.service}` }, `release ${span.version || "unknown"}`), " · ",
      el("a", { href: `/traces?service=${span.service}&operation=${encodeURIComponent(span.name)}` }, "other traces with this span")),
    span.status ? el("p", { class: "up" }, span.status) : "",
    events.length || linked.length ? el("ul", { class: "events" }, events, linked) : "",
    el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, pairs.map(row)))),
  ];
}

/** Which span takes longer in one of two traces, by self time, and which attributes differ. */
function differences([one, other], [a, b]) {
  const [left, right] = [bySpan(one), bySpan(other)];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  const none = { self: 0, count: 0 };
  const rows = names.map((name) => ({ name, a: left.get(name) ?? none, b: right.get(name) ?? none }))
    .sort((x, y) => Math.abs(y.a.self - y.b.self) - Math.abs(x.a.self - x.b.self)).slice(0, 8)
    .map(({ name, a: mine, b: theirs }) => el("tr", { "data-row": "", tabindex: "0" }, el("td", {}, name), el("td", { class: "number" }, cell(mine)), el("td", { class: "number" }, cell(theirs)), el("td", { class: "number" }, `${mine.self > theirs.self ? "+" : "−"}${ms(Math.abs(mine.self - theirs.self))}`)));
  const values = attributes(a, b).slice(0, 10).map(([name, mine, theirs]) => el("tr", {}, el("td", { class: "mono" }, name), el("td", { class: "mono" }, mine || "–"), el("td", { class: "mono" }, theirs || "–"), el("td", {})));
  const head = ["", "this trace", "the other", "difference"].map((name) => (name ? el("th", { scope: "col" }, name) : el("td", {})));
  return el("section", { class: "card" }, el("h2", {}, "Where they differ"), el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows, values))));
}

const cell = ({ self, count }) => (count ? `${ms(self)}${count > 1 ? ` in ${count}` : ""}` : "–");

/** Values that only differ because every request has its own. */
const OWN = /(^|\.)(id|port|full|path|address)$|session|request\.id/;

function attributes(a, b) {
  const of = ({ spans }) => {
    const found = new Map();
    for (const span of spans) {
      for (const [key, value] of [...Object.entries(span.attributes), ["release", span.version], ["instance", span.instance]]) {
        if (!OWN.test(key)) found.set(`${span.service} ${called(span)} ${key}`, value);
      }
    }
    return found;
  };
  const [left, right] = [of(a), of(b)];
  return [...new Set([...left.keys(), ...right.keys()])].map((name) => [name, left.get(name), right.get(name)]).filter(([, mine, theirs]) => mine !== theirs);
}
