// The console: header, routing, and what every part shares. The address holds all state of a part.

import { el } from "../api.js";
import { switchZone, utc, formatTime } from "../time.js";
import { read } from "./client.js";
import { startPinning } from "./pin.js";

/** Path -> the module that draws it: `draw(main, context)` answers `{update?, leave?}`. */
const PARTS = [
  [/^\/$/, () => import("./incident.js")],
  [/^\/compare$/, () => import("./compare.js")],
  [/^\/traces$/, () => import("./traces.js")],
  [/^\/trace\/([0-9a-f]+)$/, () => import("./trace.js")],
  [/^\/logs$/, () => import("./logs.js")],
  [/^\/deploys$/, () => import("./deploys.js")],
  [/^\/profiles$/, () => import("./profiles.js")],
  [/^\/act$/, () => import("./act.js")],
  [/^\/write-up$/, () => import("./writeup.js")],
  [/^\/verdict$/, () => import("./verdict.js")],
  [/^\/drills$/, () => import("./drills.js")],
];

/** Keys after `g`, as in other tools of the trade. */
const GO = { i: "/", c: "/compare", t: "/traces", l: "/logs", d: "/deploys", p: "/profiles", a: "/act", w: "/write-up", h: "/drills" };

const main = document.getElementById("main");
const context = { incident: null, go, say, isObserver: () => context.incident?.role === "observer" };
let part = null;
let drawn = 0;

/** Goes to an address of the console. */
export function go(address, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  draw();
}

/** The part's name for a screen reader; what it draws may have a better one. */
const title = el("h1", { class: "sr" });
document.getElementById("top").append(title);

const live = el("div", { id: "said", role: "status", "aria-live": "polite" });
let saying = 0;

/** Tells something for a moment; a screen reader says it. */
export function say(text, isWrong = false) {
  live.textContent = text;
  live.classList.toggle("wrong", isWrong);
  clearTimeout(saying);
  saying = setTimeout(() => { live.textContent = ""; }, 7000);
}

async function draw() {
  const own = (drawn += 1);
  part?.leave?.();
  part = null;
  for (const link of document.querySelectorAll("#pages a")) {
    const path = link.getAttribute("href");
    const isHere = path === location.pathname || (path === "/traces" && location.pathname.startsWith("/trace/")) || (path === "/write-up" && location.pathname === "/verdict");
    link.toggleAttribute("aria-current", isHere);
    if (isHere) link.setAttribute("aria-current", "page");
    if (isHere) title.textContent = link.textContent;
  }
  const found = PARTS.map(([pattern, load]) => ({ match: pattern.exec(location.pathname), load })).find(({ match }) => match);
  if (!found) return main.replaceChildren(el("p", { class: "empty" }, "Nothing is here."));
  const module = await found.load();
  if (own !== drawn) return;
  main.replaceChildren();
  scrollTo(0, 0);
  part = module.draw(main, { ...context, match: found.match, params: new URLSearchParams(location.search) }) ?? {};
}

// ---- header ----

const state = el("span", { class: "phase" });
const zone = document.getElementById("zone");
document.getElementById("links").append(state);
document.body.append(live);
const showZone = () => { zone.textContent = utc() ? "UTC" : "local time"; };
zone.addEventListener("click", () => { switchZone(); showZone(); draw(); });
showZone();

const PHASES = { up: "nothing breaks", starting: "starting", baseline: "no page yet", paged: "paged", graded: "graded", void: "void" };

function header({ run, drill, phase, role, is_live, ended, pages, links }) {
  const items = [
    el("span", { class: `badge ${phase === "paged" && is_live ? "firing" : ""}` }, PHASES[phase] ?? phase),
    el("span", { class: "quiet" }, `${drill ? `${drill} · ` : ""}run ${run}${is_live ? "" : ` · ended ${formatTime(Date.parse(ended) / 1000)}`}`),
  ];
  if (role === "observer") items.push(el("span", { class: "badge" }, "observer"));
  if (links.observer && is_live) {
    items.push(el("button", { type: "button", class: "small", title: "Copy an address with which someone sees the same and changes nothing", onclick: () => invite(links.observer) }, "Invite"));
  }
  state.replaceChildren(...items);
  document.title = pages.length && is_live ? `${pages.at(-1).alert} · Firedrill` : "Firedrill";
}

async function invite(path) {
  const address = location.origin + path;
  try {
    await navigator.clipboard.writeText(address);
    say("The observer's address is in the clipboard.");
  } catch {
    say(address);
  }
}

// ---- what happens ----

let paged = null;

function take(incident) {
  const before = context.incident;
  context.incident = incident;
  header(incident);
  if (before && paged !== null && incident.pages.length > paged) say(`Page: ${incident.pages.at(-1).alert}. ${incident.pages.at(-1).summary}`, true);
  paged = incident.pages.length;
  if (!before) draw();
  else part?.update?.(incident, before);
}

let lost = false;
let events = null;
let asking = 0;

/**
 * Events come over a connection that stays open, of which a browser has six for one host: a page that is left or hidden gives
 * its own back, and asks now and then while it is hidden, so that its title still tells of a page.
 */
function follow() {
  stop();
  if (document.hidden) asking = setInterval(() => read("incident", {}, { background: true }).then(take).catch(() => {}), 5000);
  else listen();
}

function stop() {
  clearInterval(asking);
  events?.close();
  events = null;
}

function listen() {
  const own = new EventSource("/api/events");
  events = own;
  own.addEventListener("incident", (event) => {
    if (lost) say("Connected again.");
    lost = false;
    document.body.classList.remove("lost");
    take(JSON.parse(event.data));
  });
  own.addEventListener("error", () => {
    if (events !== own) return;
    if (!lost) say("The connection to the console is lost; it is tried again.", true);
    lost = true;
    document.body.classList.add("lost");
    // The browser gives up after an answer with an error.
    if (own.readyState === EventSource.CLOSED) setTimeout(() => events === own && follow(), 2000);
  });
}

addEventListener("visibilitychange", follow);
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => event.persisted && follow());

// ---- keys ----

let isGoing = 0;

const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]");

const HELP = [["g i", "Incident"], ["g c", "Compare"], ["g t", "Traces"], ["g l", "Logs"], ["g d", "Deploys"], ["g p", "Heap & CPU"], ["g a", "Act"], ["g w", "Write-up"], ["g h", "Drills"], ["j / k", "Next or previous row"], ["Enter", "Open the row"], ["/", "Search"], ["e", "Pin what is under the pointer or has the focus"], ["?", "This list"]];

function help() {
  const rows = HELP.map(([keys, text]) => el("tr", {}, el("td", {}, el("kbd", {}, keys)), el("td", {}, text)));
  dialog("Keys", el("table", {}, el("tbody", {}, rows)));
}

/** A dialog with a title; answers the element, whose `close()` ends it. */
export function dialog(title, ...content) {
  const box = el("dialog", { "aria-label": title }, el("h2", {}, title), ...content, el("form", { method: "dialog" }, el("button", { type: "button", onclick: () => box.close() }, "Close")));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

/** The rows that `j` and `k` go through. */
function step(by) {
  const rows = [...main.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement?.closest?.("[data-row]"));
  const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const key = event.key;
  if (isGoing && Date.now() - isGoing < 1500 && GO[key]) go(GO[key]);
  else if (key === "?") help();
  else if (key === "/") main.querySelector("input[type=search], input.search")?.focus();
  else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (key === "Enter" && event.target.matches?.("[data-row]")) event.target.querySelector("a, button")?.click();
  else {
    isGoing = key === "g" ? Date.now() : 0;
    return;
  }
  isGoing = 0;
  event.preventDefault();
});

// Links within the console need no new document.
addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.target) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || !PARTS.some(([pattern]) => pattern.test(url.pathname))) return;
  event.preventDefault();
  go(url.pathname + url.search);
});

addEventListener("popstate", draw);
startPinning(context);
follow();
