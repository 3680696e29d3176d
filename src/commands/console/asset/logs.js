// Logs: what is said, by pattern and line by line; new lines come as they are written.

import { el } from "../api.js";
import { formatClock } from "../time.js";
import { read } from "./client.js";
import { changed, choice, field, SERVICES, trouble, typed } from "./form.js";
import { List } from "./list.js";
import { key, lineQuery, lineRow, ordered, ROW, showFields } from "./logline.js";
import { pinButton } from "./pin.js";

const EVERY = 2000;
/** So many looks for new lines, then the patterns are counted anew. */
const COUNT_EVERY = 5;
const LEVELS = [["", "any"], "error", ["warn", "warn and above"], ["info", "info and above"], "debug"];
/** How many lines are loaded at first, and the most that are kept in the page. */
const FIRST = 2000;
const MOST = 10_000;
/** A line may be written after one with a later time. */
const LATE_MS = 5000;
/** How many patterns are shown before all are asked for. */
const FEW = 12;

export function draw(main, { params, go, incident }) {
  const get = (name) => params.get(name) ?? "";
  const set = (changes) => go(changed(params, changes));
  const pointer = pointerOf(params);
  const groups = el("div", { class: "scroll" }, el("p", { class: "quiet" }, "…"));
  const count = el("span", { class: "quiet", role: "status" });
  const detail = el("div", { class: "detail", hidden: true });
  const list = new List(ROW, 620, (line) => lineRow(line, { open: (chosen) => showFields(detail, chosen, params), isOpen: detail.line === line }));
  const pause = el("button", { type: "button", onclick: () => follow(isPaused) }, "");
  const more = el("button", { type: "button", class: "small", hidden: true, onclick: () => load(MOST) }, `Load ${MOST.toLocaleString("en")}`);
  main.replaceChildren(
    el("div", { class: "bar" },
      typed(get("q"), { type: "search", class: "search", placeholder: "text, key=value, key!=value, key~part, key>8", "aria-label": "Query" }, (q) => set({ q })),
      field("service", choice(get("service"), [["", "any"], ...services(get("service"))], (service) => set({ service }))),
      field("level", choice(get("level"), LEVELS, (level) => set({ level }))),
      field("since", typed(get("since"), { size: 9, placeholder: "the start" }, (since) => set({ since }))),
      field("until", typed(get("until"), { size: 9, placeholder: "now" }, (until) => set({ until }))),
      get("trace") ? el("button", { type: "button", onclick: () => set({ trace: "" }) }, `trace ${get("trace").slice(0, 8)}… ✕`) : "",
      pointer ? pinButton(pointer) : ""),
    el("section", { class: "card" }, el("h2", {}, "By pattern ", el("span", { class: "quiet" }, "errors first; a pattern opens its lines")), groups),
    el("section", { class: "card", "data-pointer": pointer }, el("div", { class: "spread" }, el("h2", {}, "Lines, newest first"), el("span", { class: "others" }, count, more, incident.is_live ? pause : "")),
      el("div", { class: "lines" }, list.element, detail)));

  const abort = new AbortController();
  const fields = { query: get("q") ? [get("q")] : [], service: get("service"), level: get("level"), since: get("since"), until: get("until"), trace: get("trace") };
  let lines = [];
  let [timer, looks, total, isPaused, hasAll] = [0, 0, 0, false, false];

  const show = (fresh) => {
    // What one reads stays where it is, unless it is the newest.
    const top = list.element.scrollTop;
    const anchor = lines[Math.floor(top / ROW)];
    const focused = list.element.contains(document.activeElement) ? document.activeElement.closest("[data-index]") : null;
    const meant = focused && lines[focused.dataset.index];
    const known = lines;
    lines = ordered(lines, fresh, LATE_MS).slice(0, MOST);
    total = Math.max(total, lines.length);
    if (meant) focused.dataset.index = lines.indexOf(meant);
    list.show(lines);
    const moved = top > 0 && anchor ? lines.indexOf(anchor) - known.indexOf(anchor) : 0;
    if (moved > 0) list.element.scrollTop = top + moved * ROW;
    tell();
  };
  const tell = () => {
    const some = (number) => number.toLocaleString("en");
    count.textContent = !lines.length ? "No line matches." : total > lines.length ? `the newest ${some(lines.length)} of ${some(total)}` : `${some(lines.length)} ${lines.length === 1 ? "line" : "lines"}`;
    more.hidden = hasAll || total <= lines.length || lines.length >= MOST;
  };
  const next = async () => {
    if (!isPaused && !document.hidden) {
      const newest = lines[0]?.timestamp;
      const since = newest ? new Date(Date.parse(newest) - LATE_MS).toISOString() : fields.since;
      const known = new Set();
      for (const line of lines) {
        if (Date.parse(line.timestamp) < Date.parse(since)) break;
        known.add(key(line));
      }
      const found = await read("logs", { ...fields, since, limit: MOST }, { background: true, signal: abort.signal }).catch(() => []);
      const fresh = found.filter((line) => !known.has(key(line)));
      total += fresh.length;
      if (fresh.length && !isPaused) show(fresh);
      looks += 1;
      if (looks % COUNT_EVERY === 0) await countAll().catch(() => {});
    }
    if (!abort.signal.aborted) timer = setTimeout(next, EVERY);
  };
  const follow = (isOn) => {
    isPaused = !isOn;
    pause.textContent = isOn ? "Pause" : "Follow new lines";
    pause.setAttribute("aria-pressed", String(!isOn));
  };
  const countAll = async () => {
    const found = await read("logs", { ...fields, by: "message" }, { background: true, signal: abort.signal });
    total = Math.max(lines.length, found.reduce((sum, one) => sum + one.count, 0));
    const focused = groups.contains(document.activeElement) ? document.activeElement.closest("[data-row]")?.dataset.pointer : null;
    groups.replaceChildren(patterns(found, params, groups));
    if (focused) groups.querySelector(`[data-pointer="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    tell();
  };
  const load = async (limit) => {
    const found = await read("logs", { ...fields, limit }, { background: limit > FIRST, signal: abort.signal });
    hasAll = found.length < limit;
    lines = [];
    show(found);
  };
  const failed = (error) => error.name === "AbortError" || groups.replaceChildren(trouble(error));
  follow(!get("until"));
  countAll().catch(failed);
  load(FIRST).then(() => { if (incident.is_live) timer = setTimeout(next, EVERY); }).catch(failed);
  return { leave: () => { clearTimeout(timer); abort.abort(); } };
}

/** The services, and the instance that a link asks for. */
const services = (asked) => (asked && !SERVICES.includes(asked) ? [...SERVICES, asked] : SERVICES);

/** What is searched, as a pointer; none where nothing is. */
function pointerOf(params) {
  const terms = [params.get("q")];
  const service = params.get("service");
  if (service) terms.push(`${/-\d+$/.test(service) ? "instance" : "service"}=${service}`);
  if (params.get("level")) terms.push(`level>=${params.get("level")}`);
  if (params.get("trace")) terms.push(`trace_id=${params.get("trace")}`);
  const query = terms.filter(Boolean).join(" ");
  return query ? `log:${query}` : null;
}

const RANK = { error: 0, warn: 1 };
const rank = (level) => RANK[level] ?? 2;

function patterns(found, params, box) {
  if (!found.length) return el("p", { class: "quiet" }, "No line matches.");
  const sorted = [...found].sort((a, b) => rank(a.level) - rank(b.level) || b.count - a.count);
  const clock = (time) => formatClock(Date.parse(time) / 1000);
  const rows = sorted.slice(0, box.dataset.all ? 200 : FEW).map(({ count, first, last, level, service, value }) => {
    const query = lineQuery({ service, level, message: value });
    return el("tr", { "data-row": "", tabindex: "0", "data-pointer": `log:${query}` },
      el("td", { class: "number" }, count.toLocaleString("en")), el("td", {}, el("span", { class: `badge ${{ error: "err", warn: "pending" }[level] ?? ""}` }, level)), el("td", {}, service),
      el("td", { class: "mono" }, el("a", { href: changed(params, { q: query, service: "", level: "" }) }, value || "(no message)")),
      el("td", { class: "number quiet" }, first ? `${clock(first)} – ${clock(last)}` : ""), el("td", {}, pinButton(`log:${query}`)));
  });
  const head = ["Lines", "Level", "Service", "Message", "First – last", ""].map((text) => (text ? el("th", { scope: "col" }, text) : el("td", {})));
  const rest = sorted.length - rows.length;
  const all = rest > 0 && !box.dataset.all ? el("button", { type: "button", class: "small", onclick: () => { box.dataset.all = "true"; box.replaceChildren(patterns(found, params, box)); } }, `Show ${rest} more ${rest === 1 ? "pattern" : "patterns"}`) : "";
  return el("div", {}, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)), all);
}
