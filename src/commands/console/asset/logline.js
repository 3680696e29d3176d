// One line of the logs: its row, its fields, and the queries that find its like.

import { el } from "../api.js";
import { formatClock } from "../time.js";
import { changed } from "./form.js";
import { pinButton } from "./pin.js";

export const ROW = 28;
const PLACED = ["timestamp", "level", "service", "instance", "version", "message", "trace_id", "span_id", "target"];

/** What tells a line from others. */
export const key = (line) => `${line.timestamp} ${line.instance} ${line.span_id ?? ""} ${line.message}`;

/** Lines with those that came after them, newest first: only the newest `late` milliseconds can be out of order. */
export function ordered(lines, fresh, late) {
  if (!fresh.length) return lines;
  const at = (line) => Date.parse(line.timestamp) || 0;
  const newest = [...fresh].reverse();
  if (!lines.length) return newest;
  const oldest = Math.min(at(newest.at(-1)), at(lines[0]) - late);
  let cut = lines.findIndex((line) => at(line) < oldest);
  if (cut < 0) cut = lines.length;
  return [...[...newest, ...lines.slice(0, cut)].sort((a, b) => at(b) - at(a)), ...lines.slice(cut)];
}

/** The time of day of a line, to the millisecond. */
function clock({ timestamp }) {
  if (!timestamp) return "";
  const at = Date.parse(timestamp);
  return `${formatClock(Math.floor(at / 1000))}.${String(at % 1000).padStart(3, "0")}`;
}

const written = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const quoted = (text) => `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"`;

/** The longest part of a message without what varies in it. */
function constantPart(message) {
  const parts = message.split(/`[^`]*`|"[^"]*"|\S*\d\S*|\n/).map((part) => part.trim()).filter(Boolean);
  return parts.sort((a, b) => b.length - a.length)[0] ?? message;
}

/** The query that finds lines of the same pattern. */
export function lineQuery({ service, level, message }) {
  const text = constantPart(message ?? "");
  return [service && `service=${service}`, level && `level=${level}`, text && quoted(text)].filter(Boolean).join(" ");
}

export function lineRow(line, { open, isOpen }) {
  const more = Object.entries(line).filter(([name]) => !PLACED.includes(name)).map(([name, value]) => `${name}=${written(value)}`).join(" ");
  const text = el("button", { type: "button", class: "log-text", onclick: (event) => {
    for (const other of event.target.closest(".list").querySelectorAll(".chosen")) other.classList.remove("chosen");
    event.target.closest("[data-row]").classList.add("chosen");
    open(line);
  } }, line.message, " ", el("span", { class: "quiet" }, more));
  return el("div", { class: `log-row level-${line.level}${isOpen ? " chosen" : ""}`, "data-row": "", tabindex: "0", "data-pointer": `log:${lineQuery(line)}` },
    el("span", { class: "number quiet" }, clock(line)),
    el("span", { class: "log-level" }, line.level), el("span", {}, line.instance), text,
    line.trace_id ? el("a", { href: `/trace/${line.trace_id}`, title: `Trace ${line.trace_id}` }, "trace") : "");
}

/** A term for a field; a comma would divide a value that is to be equal. */
function termOf(name, text, sign) {
  const hasComma = text.includes(",");
  const value = /^[^\s",]+$/.test(text) ? text : quoted(text);
  if (hasComma) return `${sign === "!=" ? "-" : ""}${name}~${value}`;
  return `${name}${sign}${value}`;
}

/** Shows the fields of a line beside the list; every value can be asked for, or left out. */
export function showFields(detail, line, params) {
  const also = (term) => changed(params, { q: [params.get("q"), term].filter(Boolean).join(" ") });
  const rows = Object.entries(line).map(([name, value]) => {
    const text = written(value);
    const shown = name === "trace_id" ? el("a", { href: `/trace/${text}` }, text) : text;
    const filters = name === "timestamp"
      ? [el("a", { href: changed(params, { since: text }) }, "from here on"), el("a", { href: changed(params, { until: text }) }, "before")]
      : text === "" || value === null ? [] : [el("a", { href: also(termOf(name, text, "=")), "aria-label": `Only lines with ${name} ${text}` }, "only"), el("a", { href: also(termOf(name, text, "!=")), "aria-label": `Lines without ${name} ${text}` }, "without")];
    return el("tr", {}, el("th", { scope: "row", class: "mono" }, name), el("td", { class: "mono" }, shown, el("div", { class: "others" }, filters)));
  });
  const pointer = `log:${lineQuery(line)}`;
  const close = el("button", { type: "button", class: "small", onclick: () => { detail.hidden = true; detail.line = null; detail.closest(".lines").classList.remove("open"); } }, "Close");
  detail.line = line;
  detail.hidden = false;
  detail.closest(".lines").classList.add("open");
  detail.dataset.pointer = pointer;
  detail.replaceChildren(el("div", { class: "spread" }, el("h2", {}, "Fields"), el("span", { class: "others" }, pinButton(pointer), close)), el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, rows))));
  if (matchMedia("(max-width: 1000px)").matches) detail.scrollIntoView({ block: "nearest" });
}
