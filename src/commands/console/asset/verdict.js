// The verdict, and after it the debrief.

import { el } from "../api.js";
import { change, read } from "./client.js";
import { drawDebrief } from "./debrief.js";
import { dialog } from "./main.js";
import { addressOf } from "./pointer.js";
import { account, conditions, styleOf, wordOf } from "./strength.js";
import { debriefKey, keep, kept, verdictKey } from "./submit.js";

export function draw(main, context) {
  const { incident } = context;
  const answer = kept(verdictKey(incident.run));
  const story = kept(debriefKey(incident.run));
  const verdict = answer?.verdict ?? story?.verdict ?? null;
  // In a window in which it was not submitted, it comes from the record.
  if (!verdict && !answer && incident.passed !== null) {
    read("verdict", {}, { background: true }).then((found) => {
      if (!found) return;
      keep(verdictKey(incident.run), found);
      context.go("/verdict", true);
    }).catch(() => {});
  }
  const place = el("div", {});
  const debrief = story ? drawDebrief(story, context) : null;
  const head = headline(answer, verdict, incident);
  const tools = el("div", { class: "bar" });
  const show = (incidentNow) => tools.replaceChildren(...actions(incidentNow, Boolean(story), context));
  show(incident);
  main.replaceChildren(el("div", { class: "verdict" }, head, tools, debrief?.element ?? "", place));
  if (verdict) place.replaceChildren(...parts(verdict, incident));
  return {
    update: (next, before) => {
      if (next.passed !== before.passed && !verdict) return context.go("/verdict", true);
      if (next.is_live !== before.is_live || next.passed !== before.passed || next.can_amend !== before.can_amend) show(next);
    },
    leave: () => debrief?.leave(),
  };
}

/** Passed or not, in one look; the whole verdict is a page of its own as well. */
function headline(answer, verdict, incident) {
  if (answer && !answer.verdict) return el("section", { class: "card outcome" }, el("h1", {}, "Void"), el("p", {}, answer.reason), el("p", { class: "quiet" }, "The drill does not count; run it again."));
  const passed = verdict?.passed ?? incident.passed;
  if (passed === null) return el("section", { class: "card outcome" }, el("h1", {}, "No verdict yet"), el("p", {}, incident.is_live ? ["It comes when the ", el("a", { href: "/write-up" }, "write-up"), " is submitted."] : "This run ended without a graded write-up."));
  const word = passed ? "Passed" : "Not passed";
  const box = el("section", { class: `card outcome ${passed ? "passed" : "failed"}` },
    el("div", { class: "spread" },
      el("h1", {}, el("span", { "aria-hidden": "true" }, passed ? "✓ " : "✗ "), word),
      verdict ? el("span", { class: "score" }, el("strong", {}, verdict.score), ` of 100 points, ${verdict.pass_mark} needed`) : ""));
  if (!verdict) {
    box.append(el("p", {}, "The points and reasons are on the page of the verdict."));
    return box;
  }
  const unmet = verdict.conditions.filter(({ met, unchecked }) => !met && !unchecked).map(({ name }) => name);
  const about = verdict.drill ? `run ${verdict.run} of ${verdict.drill.id}, level ${verdict.drill.level}` : `run ${verdict.run}`;
  box.append(scale(verdict));
  if (unmet.length) box.append(el("p", {}, unmet.length === 1 ? `A requirement is not met: ${unmet[0]}.` : `${unmet.length} requirements are not met: ${unmet.join("; ")}.`));
  if (verdict.score < verdict.earned) box.append(el("p", {}, `The parts below add up to ${verdict.earned}; as long as a requirement is not met, the score stays below ${verdict.pass_mark}.`));
  if (verdict.incomplete) box.append(el("p", { class: "warning" }, "Some evidence could not be checked because a backend did not answer or lost it; this does not count against you."));
  if (verdict.unproven) box.append(el("p", { class: "warning" }, `Could not check whether the drill is valid: ${verdict.unproven}.`));
  box.append(el("p", { class: "quiet" }, about + (verdict.amended ? ", amended: a second write-up, handed in before the answer was shown" : "")));
  return box;
}

/** The points on a line from 0 to 100 with the mark that passes. */
function scale({ score, pass_mark: mark }) {
  const bar = el("span", { class: "bar-value" });
  bar.style.width = `${score}%`;
  const tick = el("span", { class: "bar-mark" });
  tick.style.left = `${mark}%`;
  return el("div", { class: "points-bar", role: "img", "aria-label": `${score} of 100 points; ${mark} pass` }, bar, tick);
}

function actions(incident, isDebriefed, context) {
  if (incident.passed === null && !kept(verdictKey(incident.run))) return [];
  const shown = [el("a", { class: "button", href: "/verdict.html", target: "_blank", rel: "noopener" }, "The verdict as a page to send on ↗")];
  if (context.isObserver()) return shown;
  if (!isDebriefed) {
    const debrief = el("button", { type: "button", class: "primary", onclick: () => askForDebrief(context) }, "Debrief");
    shown.push(debrief);
    if (incident.can_amend) shown.push(el("a", { href: "/write-up" }, "Amend the write-up"), el("span", { class: "quiet" }, "Once, and only before the debrief: that shows the answer."));
  }
  return shown;
}

function askForDebrief({ incident, go }) {
  const told = el("p", { class: "wrong", role: "alert" });
  const show = el("button", { type: "button", class: "primary", onclick: async () => {
    show.disabled = true;
    told.textContent = "";
    try {
      const story = await change("debrief");
      keep(debriefKey(incident.run), story);
      box.close();
      go("/verdict", true);
    } catch (error) {
      told.textContent = [error.message, error.hint].filter(Boolean).join(" — ");
      show.disabled = false;
    }
  } }, "Show what happened");
  const box = dialog("Debrief?", el("p", {}, "It tells what happened, the shortest path through the evidence, and what was misleading."), el("p", {}, el("strong", {}, "After it, the write-up cannot be amended.")), el("p", {}, show), told);
  show.focus();
}

// ---- the parts ----

function parts(verdict, incident) {
  const { items, pointers, rivals, times, comparison } = verdict;
  return [
    el("div", { class: "pair" },
      el("section", { class: "card" }, el("h2", {}, "Requirements"), conditions(verdict.conditions)),
      el("section", { class: "card" }, el("h2", {}, "How long it took ", el("span", { class: "quiet" }, "recorded, not graded")), el("table", {}, el("tbody", {}, times.map(timeRow))))),
    rivals.length ? el("section", { class: "card" }, el("h2", {}, "What else it could have been ", el("span", { class: "quiet" }, `${rivals.filter(({ standing }) => standing.is === "excluded").length} of ${rivals.length} excluded`)), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Other causes" }, differential(rivals, comparison))) : "",
    el("section", { class: "card" }, el("h2", {}, "Points"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Points by item" }, points(items))),
    pointers.length ? el("section", { class: "card" }, el("h2", {}, "Evidence"), el("ul", { class: "judged" }, pointers.map((one) => pointerItem(one, incident)))) : "",
  ];
}

function timeRow({ name, seconds, why }) {
  const took = seconds === null ? "—" : seconds < 120 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "number" }, took), el("td", { class: "quiet" }, why));
}

const way = ({ direction }) => (direction === "up" ? "up" : "down");

function reason({ standing: { is, by, why }, would }) {
  if (is === "unchecked") return [`Could not be checked and does not count against you: ${why}.`];
  if (is === "excluded") {
    const [first, ...more] = by;
    const { field, feature, what, is_here: isHere } = first;
    const told = isHere ? `${feature.name} went ${way(feature)} (${what}). There it would not, or by far less.` : `${feature.name} would go ${way(feature)} there (${what}). Here it did not.`;
    return [el("code", {}, field), `: ${told}`, more.length ? el("span", { class: "quiet" }, ` Also excluded by ${more.map((one) => one.field).join(", ")}.`) : ""];
  }
  if (!would) return ["Your evidence would look the same there."];
  const places = would.is_here ? "in this drill and not there" : "there and not in this drill";
  return ["Your evidence would look the same there. This tells them apart: ", el("code", {}, would.pointer), `. ${would.feature.name} goes ${way(would.feature)} ${places} (${would.what}).`];
}

const STANDING = { excluded: ["✓ excluded", "ok"], standing: ["✗ possible", "err"], unchecked: ["? unknown", "pending"] };

function differential(rivals, comparison) {
  const texts = rivals.map((row) => el("div", {}, reason(row)).textContent);
  // Those that stand come first; what is the same for several is said once.
  const order = rivals.map((row, index) => index).sort((a, b) => (rivals[a].standing.is === "excluded") - (rivals[b].standing.is === "excluded") || texts.indexOf(texts[a]) - texts.indexOf(texts[b]));
  const rows = order.map((index, place) => {
    const row = rivals[index];
    const [word, style] = STANDING[row.standing.is] ?? ["?", ""];
    const isSame = place > 0 && texts[order[place - 1]] === texts[index];
    const count = texts.filter((text) => text === texts[index]).length;
    const size = comparison ? el("td", { class: "number" }, sizeText(comparison.there[index], comparison.unit)) : "";
    return el("tr", {}, el("td", {}, el("span", { class: `badge ${style}` }, word)), el("th", { scope: "row" }, row.title, row.has_page ? "" : el("span", { class: "quiet" }, " (another page)")), isSame ? "" : el("td", { rowspan: count }, reason(row)), size);
  });
  const heads = ["State", "Cause", "What excludes it, or would have"].map((text) => el("th", { scope: "col" }, text));
  if (comparison) heads.push(el("th", { scope: "col", class: "number", title: comparison.pointer }, `${comparison.field}: ${sizeText(comparison.here, comparison.unit)} here`));
  return el("table", { class: "differential" }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows));
}

const UNITS = { seconds: " s", milliseconds: " ms", bytes: " B", per_second: "/s", bytes_per_second: " B/s", lines_per_minute: " lines/min" };

function sizeText(size, unit) {
  if (size === null || size === undefined) return "no change";
  if (unit === "share") return `${Number((size * 100).toPrecision(3))} %`;
  if (unit.startsWith("bytes") && size >= 1e6) return `${Number((size / 1e6).toPrecision(3))} M${UNITS[unit].trim()}`;
  return `${Number(size.toPrecision(3))}${UNITS[unit] ?? ""}`;
}

function points(items) {
  const rows = items.map(({ name, points: got, of, why, hint }) => {
    const [mark, style] = of === 0 ? ["—", ""] : got >= of ? ["✓", "ok"] : got === 0 ? ["✗", "err"] : ["◐", "pending"];
    const bar = el("span", { class: "bar-value" });
    bar.style.width = `${of ? (100 * got) / of : 0}%`;
    return el("tr", {},
      el("td", { class: "number" }, el("span", { class: `badge ${style}` }, `${mark} ${of ? `${got}/${of}` : "not checked"}`)),
      el("td", { class: "bar-cell" }, el("div", { class: "points-bar small", "aria-hidden": "true" }, bar)),
      el("th", { scope: "row" }, name), el("td", {}, why, hint ? el("div", { class: "quiet" }, `Hint: ${hint}`) : ""));
  });
  return el("table", { class: "points" }, el("thead", {}, el("tr", {}, ["Points", "Share", "Item", "Why"].map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows));
}

function pointerItem(pointer, incident) {
  const address = addressOf(pointer.text, incident);
  const away = address?.startsWith("http") ? { target: "_blank", rel: "noopener" } : {};
  return el("li", { "data-row": "", tabindex: "0" }, el("span", { class: `badge ${styleOf(pointer)}` }, wordOf(pointer)),
    el("div", {}, el("span", { class: "quiet" }, `${pointer.field ?? ""} `), address ? el("a", { class: "mono", href: address, ...away }, pointer.text) : el("span", { class: "mono" }, pointer.text), el("div", {}, account(pointer))));
}
