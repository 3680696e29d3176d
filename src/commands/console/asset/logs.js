// Logs: what is said, by pattern and line by line; new lines come as they are written.

import { el } from "../api.js";
import { formatTime } from "../time.js";
import { read } from "./client.js";
import { changed, choice, field, SERVICES, trouble, typed } from "./form.js";
import { List } from "./list.js";
import { pinButton } from "./pin.js";

const ROW = 28;
const EVERY = 2000;
const LEVELS = [["", "any"], "error", "warn", "info", "debug"];
/** The most lines that are kept in the page. */
const MOST = 10_000;
const PLACED = ["timestamp", "level", "service", "instance", "version", "message"];

export function draw(main, { params, go, incident }) {
  const get = (name) => params.get(name) ?? "";
  const set = (changes) => go(changed(params, changes));
  const follow = el("input", { type: "checkbox" });
  follow.checked = incident.is_live && !get("trace");
  const groups = el("div", {});
  const count = el("span", { class: "quiet", role: "status" });
  const detail = el("div", { class: "detail" });
  const list = new List(ROW, 620, (line) => lineRow(line, (chosen) => showFields(detail, chosen, params)));
  main.replaceChildren(
    el("div", { class: "bar" },
      typed(get("q"), { type: "search", class: "search", placeholder: "text, key=value, key!=value, key~part, key>8", "aria-label": "Query" }, (q) => set({ q })),
      field("service", choice(get("service"), [["", "any"], ...services(get("service"))], (service) => set({ service }))),
      field("level", choice(get("level"), LEVELS, (level) => set({ level }))),
      field("since", typed(get("since"), { size: 10, placeholder: "the start" }, (since) => set({ since }))),
      get("trace") ? el("button", { type: "button", onclick: () => set({ trace: "" }) }, `trace ${get("trace").slice(0, 8)}… ✕`) : "",
      incident.is_live ? el("label", {}, follow, " new lines") : "",
      pinButton(pointerOf(params))),
    el("section", { class: "card" }, el("h2", {}, "By pattern ", el("span", { class: "quiet" }, "the most frequent first; a pattern shows its lines")), el("div", { class: "scroll" }, groups)),
    el("section", { class: "card", "data-pointer": pointerOf(params) }, el("div", { class: "spread" }, el("h2", {}, "Lines, newest first"), count), list.element, detail));
  const abort = new AbortController();
  const fields = { query: get("q") ? [get("q")] : [], service: get("service"), level: get("level"), since: get("since"), trace: get("trace") };
  const lines = [];
  let timer = 0;
  const show = (fresh) => {
    const known = new Set(lines.slice(0, 400).map(key));
    lines.unshift(...fresh.reverse().filter((line) => !known.has(key(line))));
    lines.length = Math.min(lines.length, MOST);
    count.textContent = lines.length ? `${lines.length} lines${lines.length >= MOST ? ", the newest" : ""}` : "No line matches.";
    list.show(lines);
  };
  const next = async () => {
    if (follow.checked && !document.hidden) {
      const last = lines[0]?.timestamp;
      const fresh = await read("logs", { ...fields, since: last ?? fields.since, limit: 1000 }, { background: true, signal: abort.signal }).catch(() => []);
      if (fresh.length) show(fresh);
    }
    if (!abort.signal.aborted) timer = setTimeout(next, EVERY);
  };
  const failed = (error) => error.name === "AbortError" || groups.replaceChildren(trouble(error));
  read("logs", { ...fields, by: "message" }, { background: true, signal: abort.signal }).then((found) => groups.replaceChildren(patterns(found, params))).catch(failed);
  read("logs", { ...fields, limit: 2000 }, { signal: abort.signal }).then((found) => { show(found); if (incident.is_live) timer = setTimeout(next, EVERY); }).catch(failed);
  return { leave: () => { clearTimeout(timer); abort.abort(); } };
}

/** The services, and the instance that a link asks for. */
const services = (asked) => (asked && !SERVICES.includes(asked) ? [...SERVICES, asked] : SERVICES);

const key = (line) => `${line.timestamp} ${line.instance} ${line.message}`;

/** What is searched, as a pointer. */
function pointerOf(params) {
  const terms = [params.get("q")];
  const service = params.get("service");
  if (service) terms.push(`${/-\d+$/.test(service) ? "instance" : "service"}=${service}`);
  if (params.get("level")) terms.push(`level>=${params.get("level")}`);
  if (params.get("trace")) terms.push(`trace_id=${params.get("trace")}`);
  return `log:${terms.filter(Boolean).join(" ") || "level>=warn"}`;
}

const quoted = (text) => `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"`;

/** The longest part of a message without what varies in it. */
function constantPart(message) {
  const parts = message.split(/`[^`]*`|"[^"]*"|\S*\d\S*/).map((part) => part.trim()).filter(Boolean);
  return parts.sort((a, b) => b.length - a.length)[0] ?? message;
}

function patterns(found, params) {
  if (!found.length) return el("p", { class: "quiet" }, "No line matches.");
  const rows = found.slice(0, 40).map(({ count, first, last, level, service, value }) => {
    const query = `service=${service} level=${level} ${quoted(constantPart(value))}`;
    return el("tr", { "data-row": "", tabindex: "0", "data-pointer": `log:${query}` },
      el("td", { class: "number" }, count), el("td", {}, el("span", { class: `badge ${{ error: "err", warn: "pending" }[level] ?? ""}` }, level)), el("td", {}, service),
      el("td", { class: "mono" }, el("a", { href: changed(params, { q: query, service: "", level: "" }) }, value)),
      el("td", { class: "number quiet" }, first ? `${formatTime(Date.parse(first) / 1000).slice(11)} – ${formatTime(Date.parse(last) / 1000).slice(11)}` : ""), el("td", {}, pinButton(`log:${query}`)));
  });
  const head = ["Lines", "Level", "Service", "Message", "First – last", ""].map((text) => el("th", { scope: "col" }, text));
  return el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
}

function lineRow(line, open) {
  const more = Object.entries(line).filter(([name]) => !PLACED.includes(name)).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
  return el("div", { class: `log-row level-${line.level}`, "data-row": "", tabindex: "0" },
    el("span", { class: "number quiet" }, line.timestamp ? formatTime(Date.parse(line.timestamp) / 1000).slice(11) : ""),
    el("span", { class: "log-level" }, line.level), el("span", {}, line.instance),
    el("button", { type: "button", class: "log-text", onclick: () => open(line) }, line.message, " ", el("span", { class: "quiet" }, more)));
}

function showFields(detail, line, params) {
  const rows = Object.entries(line).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const term = name === "message" || /\s/.test(text) ? `${name}=${quoted(text)}` : `${name}=${text}`;
    const without = term.replace("=", "!=");
    const also = (more) => changed(params, { q: [params.get("q"), more].filter(Boolean).join(" ") });
    const shown = name === "trace_id" ? el("a", { href: `/trace/${text}` }, text) : text;
    return el("tr", {}, el("th", { scope: "row", class: "mono" }, name), el("td", { class: "mono" }, shown),
      el("td", {}, el("a", { href: also(term) }, "only"), " · ", el("a", { href: also(without) }, "without")));
  });
  detail.replaceChildren(el("h2", {}, "Fields"), el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, rows))));
  detail.scrollIntoView({ block: "nearest" });
}
