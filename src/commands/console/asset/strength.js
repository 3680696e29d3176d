// How far the evidence goes: what every pointer shows, what is missing, and which requirements can be met; as `report check` says it.

import { el } from "../api.js";
import { formatClock } from "../time.js";
import { read } from "./client.js";
import { addressOf } from "./pointer.js";

/** The least time from one check to the next. */
const EVERY = 3000;

export class Strength {
  /** `judged(marks)` takes what became of every pointer, by its address; an observer has no buttons. */
  constructor(incident, judged, isFixed = false) {
    this.incident = incident;
    this.judged = judged;
    this.body = el("div", {});
    this.now = el("span", { class: "quiet", role: "status" });
    this.element = el("section", { class: "card strength", "aria-label": "Strength of evidence" },
      el("div", { class: "spread" }, el("h2", {}, "Strength of evidence"), el("span", {}, this.now, " ", isFixed ? "" : el("button", { type: "button", class: "small", onclick: () => this.check() }, "Check again"))),
      this.body);
    this.last = 0;
    this.timer = 0;
    this.abort = null;
    this.isOver = false;
  }

  /** Asks for a check, soon. */
  check() {
    clearTimeout(this.timer);
    if (this.isOver) return;
    this.timer = setTimeout(() => this.run(), Math.max(0, this.last + EVERY - Date.now()));
  }

  async run() {
    // One is enough: it looks up every pointer.
    if (this.abort) return this.check();
    this.last = Date.now();
    this.abort = new AbortController();
    this.now.textContent = "checking …";
    try {
      const checked = await read("report/check", {}, { background: true, signal: this.abort.signal });
      this.now.textContent = `checked at ${formatClock(Date.now() / 1000)}`;
      this.checked = checked;
      this.body.replaceChildren(...shown(checked, this.incident));
      this.judged(marksOf(checked));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.now.textContent = "";
      const isOfText = error.status === 400;
      this.body.replaceChildren(el("p", { class: isOfText ? "warning" : "error" }, isOfText ? `It cannot be read yet:\n${error.message.replace(/^\S*\.md:/gm, "line ")}` : [error.message, error.hint].filter(Boolean).join("\n")));
      if (!isOfText) this.check();
    } finally {
      this.abort = null;
    }
  }

  leave() {
    this.isOver = true;
    clearTimeout(this.timer);
    this.abort?.abort();
  }
}

const STYLES = { shows: "ok", found: "", differs: "err", fails: "err", unknown: "pending" };

/** What became of a pointer, in one word. */
export function wordOf({ outcome }) {
  if (outcome.is === "unchecked") return "unknown";
  if (outcome.is !== "found") return "fails";
  if (outcome.of.value_holds === false) return "differs";
  return outcome.of.effect.changes.some(({ strength }) => strength >= 1) ? "shows" : "found";
}

export const styleOf = (pointer) => STYLES[wordOf(pointer)];

/** What it leads to, and what of it differs from the baseline; before a page there is nothing to differ from. */
export function account({ outcome }, hasPage = true) {
  if (outcome.is === "malformed") return `cannot be read: ${outcome.of}`;
  if (outcome.is === "unchecked") return `could not be checked: ${outcome.of}`;
  if (outcome.is === "failed") return outcome.of;
  const { what, value_holds: holds, effect } = outcome.of;
  if (!hasPage) return what;
  const [strongest] = [...effect.changes].sort((a, b) => b.strength - a.strength);
  const claim = holds === false ? "; the claimed value is more than 10 % off" : "";
  const told = strongest && `${strongest.name}: ${strongest.what}`;
  const shows = strongest?.strength >= 1 ? `; ${told}`
    : effect.refused ? `; no evidence: ${effect.refused}`
    : told ? `; too little to tell from noise: ${told}` : "; no different from before";
  return `${what}${claim}${shows}`.replace(/\.?$/, ".");
}

function marksOf(checked) {
  return new Map(checked.pointers.map((pointer) => [pointer.field, { word: wordOf(pointer), style: styleOf(pointer), text: account(pointer, Boolean(checked.windows)) }]));
}

function shown(checked, incident) {
  const { pointers, windows, missing, over, alert, reproduction, requirements } = checked;
  const good = pointers.filter((pointer) => ["shows", "found"].includes(wordOf(pointer))).length;
  return [
    el("h3", {}, "Requirements"),
    conditions(requirements),
    checked.diagnosis ? el("p", {}, "All evidence of the diagnosis together: ", alike(checked.diagnosis), ".") : "",
    missing.length ? el("p", {}, el("strong", {}, "Still empty: "), `${missing.join(", ")}.`) : el("p", {}, "Nothing that counts is empty."),
    ...over.map((problem) => el("p", { class: "error" }, problemText(problem))),
    reproduction ? el("p", { class: "error" }, `The reproduction cannot be run: ${reproduction}.`) : "",
    alert ? el("p", {}, alertText(alert)) : "",
    el("h3", {}, pointers.length ? `Pointers: ${good} of ${pointers.length} resolve` : "The write-up has no pointers yet"),
    el("ul", { class: "judged" }, byWeight(pointers).map((pointer) => pointerItem(pointer, incident, Boolean(windows)))),
    el("p", { class: "quiet" }, windows
      ? `Effects compare ${clock(windows.baseline.from)} to ${clock(windows.baseline.to)} with ${clock(windows.incident.from)} to ${clock(windows.acted ?? windows.incident.to)}; the grade knows when the change was, and may see more or less.`
      : "There has been no page yet; what pointers show is told from then on."),
  ];
}

/** Those of the diagnosis first: they decide. */
function byWeight(pointers) {
  const weight = ({ field }) => (/^cause/.test(field) ? 0 : /^ruled_out/.test(field) ? 1 : 2);
  return [...pointers].sort((a, b) => weight(a) - weight(b));
}

const clock = (time) => formatClock(Date.parse(time) / 1000);

const problemText = (problem) => (typeof problem === "string" ? problem : [problem.line && `line ${problem.line}`, problem.key && `\`${problem.key}\``, problem.message].filter(Boolean).join(": "));

function alertText({ outcome }) {
  if (outcome.is === "refused" || outcome.refused) return `The proposed alert cannot be used: ${outcome.of ?? outcome.refused}.`;
  if (outcome.is === "unchecked" || outcome.unchecked) return `The proposed alert was not checked: ${outcome.of ?? outcome.unchecked}.`;
  return "The proposed alert can be evaluated.";
}

/** Requirements with what decides first: those that are not met, then those that are not known to be. */
export function conditions(all) {
  const weight = ({ met, unchecked }) => (met ? 2 : 0) + (unchecked ? 1 : 0);
  const rows = [...all].sort((a, b) => weight(a) - weight(b)).map((one) => {
    const [mark, style, meaning] = one.met ? ["✓ yes", "ok", "met"] : one.unchecked ? ["? open", "pending", "only the verdict can tell"] : ["✗ no", "err", "not met"];
    return el("li", {}, el("span", { class: `badge ${style}`, title: meaning }, mark), el("div", {}, el("strong", {}, one.name), el("div", { class: "quiet" }, one.why)));
  });
  return el("ul", { class: "judged" }, rows);
}

/** `the same in 3 of 6`, as dots too. */
function alike({ same, of }) {
  const dots = el("span", { class: "dots", "aria-hidden": "true" }, Array.from({ length: of }, (_, index) => el("i", { class: index < same ? "on" : "" })));
  const told = same <= 1 ? "it tells them apart" : same === of ? "it tells nothing apart" : "best is 1";
  return el("span", { class: `alike ${same <= 1 ? "good" : ""}` }, dots, ` the same in ${same} of ${of} known drills (${told})`);
}

function pointerItem(pointer, incident, hasPage) {
  const address = addressOf(pointer.text, incident);
  const away = address?.startsWith("http") ? { target: "_blank", rel: "noopener" } : {};
  return el("li", { "data-row": "", tabindex: "0" },
    el("span", { class: `badge ${styleOf(pointer)}` }, wordOf(pointer)),
    el("div", {},
      el("div", { class: "quiet" }, pointer.field),
      address ? el("a", { class: "mono", href: address, ...away }, pointer.text) : el("span", { class: "mono" }, pointer.text),
      el("div", {}, account(pointer, hasPage)),
      pointer.alike ? el("div", {}, alike(pointer.alike)) : "",
      pointer.is_unfocused ? el("div", { class: "wrong" }, "Most of it is not the named component's own, or is what the alert itself says, so it excludes nothing: narrow the expression.") : ""));
}
