// Evidence: whatever has a `data-pointer` can be pinned into the write-up, with the key `e` or its button.

import { el } from "../api.js";
import { dialog, say } from "./main.js";
import { change, read } from "./client.js";

const FIELDS = [
  ["cause", "Evidence for the cause"],
  ["trigger", "Evidence for the trigger"],
  ["contributing", "A contributing factor (the last one)"],
  ["ruled_out", "A cause that is ruled out (the last one)"],
  ["ruled_out[+]", "A new cause that is ruled out"],
  ["timeline", "An entry of the timeline"],
];

let under = null;
let isObserver = () => false;

/** A small button that pins a pointer. */
export function pinButton(pointer) {
  if (isObserver()) return "";
  return el("button", { type: "button", class: "pin", title: `Pin as evidence (e): ${pointer}`, "aria-label": `Pin ${pointer}`, onclick: (event) => { event.preventDefault(); event.stopPropagation(); pin(pointer); } }, "pin");
}

/** A pointer to an expression at a time of the page's clock, in seconds. */
export function promqlPointer(expression, at) {
  const time = new Date(at * 1000).toISOString().slice(11, 19);
  return `promql:${expression.replace(/\s+/g, " ").trim()}@${time}`;
}

/** Asks what it is evidence for, and pins it. A draft is begun if there is none. */
export function pin(pointer) {
  const field = el("select", { "aria-label": "What it is evidence for" }, FIELDS.map(([value, text]) => el("option", { value }, text)));
  const typed = el("textarea", { rows: 3, class: "expression", "aria-label": "Pointer", spellcheck: "false" });
  typed.value = pointer;
  const told = el("p", { class: "quiet", role: "status" });
  const put = el("button", { type: "button", class: "primary", onclick: async () => {
    put.disabled = true;
    told.textContent = "Looking it up …";
    try {
      const draft = await read("draft", {}, { background: true });
      if (draft.text === null) await change("report/new");
      const { text } = await change("report/pin", { pointer: typed.value, to: field.value });
      box.close();
      say(`Pinned: ${text.trim().split("\n").at(-1).trim()}`);
      dispatchEvent(new CustomEvent("draft"));
    } catch (error) {
      told.textContent = [error.message, error.hint].filter(Boolean).join(" — ");
      told.classList.add("wrong");
      put.disabled = false;
    }
  } }, "Pin");
  const box = dialog("Pin as evidence", typed, el("p", {}, field, " ", put), told);
  put.focus();
}

/** Follows the pointer and the focus, so that `e` knows what is meant. */
export function startPinning(context) {
  isObserver = context.isObserver;
  addEventListener("pointerover", (event) => { under = event.target.closest?.("[data-pointer]") ?? null; });
  addEventListener("keydown", (event) => {
    if (event.key !== "e" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select") || document.querySelector("dialog[open]")) return;
    const meant = document.activeElement?.closest?.("[data-pointer]") ?? (under?.isConnected ? under : null);
    if (!meant) return say("Nothing under the pointer can be pinned.");
    event.preventDefault();
    if (context.isObserver()) return say("An observer pins nothing.", true);
    pin(meant.dataset.pointer);
  });
}
