// Handing the write-up in: what will happen, how far it is, and the verdict.

import { el } from "../api.js";
import { change, read } from "./client.js";
import { dialog } from "./main.js";

const EVERY = 700;

/** The keys under which a verdict and a debrief are kept for the page that shows them. */
export const verdictKey = (run) => `firedrill.verdict.${run}`;
export const debriefKey = (run) => `firedrill.debrief.${run}`;

/** What this window has kept, or null. */
export function kept(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

/**
 * Asks whether to hand it in, and does. `save()` saves what is typed and answers whether all is; `open` are the requirements
 * that cannot be met as the write-up stands.
 */
export function askToSubmit({ incident, go, save, open, missing, isAmended = false }) {
  const told = el("div", { role: "status" });
  const put = el("button", { type: "button", class: "primary", onclick: () => hand() }, isAmended ? "Submit the amended write-up" : "Submit and end the drill");
  const what = isAmended
    ? [el("p", {}, "The amended write-up is graded from the record of the run. It replaces the first one and its verdict, once; both stay in the run's folder, and the verdict is marked as amended.")]
    : [
      el("p", {}, "The write-up is graded, and the drill ends: services stop, and nothing more can be done to the shop. The evidence stays."),
      el("p", {}, "It takes between 10 seconds and 2 minutes. The grade waits until your last action has had time to show, looks up every pointer, ends the incident if you have not, to prove that the drill was valid, and runs your reproduction."),
      el("p", {}, "You can amend the write-up once after the verdict, before the debrief."),
    ];
  const lacks = [
    ...open.map((one) => el("li", {}, el("strong", {}, one.name), `: ${one.why}`)),
    ...(missing.length ? [el("li", {}, `Still empty: ${missing.join(", ")}`)] : []),
  ];
  const warning = lacks.length ? el("div", { class: "warning" }, open.length ? "As it stands, it cannot pass:" : "It can be graded like this, but:", el("ul", {}, lacks)) : "";
  const box = dialog(isAmended ? "Submit the amended write-up?" : "Submit the write-up?", ...what, warning, el("p", {}, put), told);
  put.focus();

  async function hand() {
    put.disabled = true;
    told.replaceChildren(el("p", {}, "Saving …"));
    if (!(await save())) {
      put.disabled = false;
      return told.replaceChildren(el("p", { class: "error" }, "Not everything that was typed is saved. Close this, correct it, and submit again."));
    }
    const over = progress(told, isAmended);
    const holdOn = (event) => event.preventDefault();
    box.addEventListener("cancel", holdOn);
    try {
      const answer = await change("submit", isAmended ? { amend: true } : {});
      keep(verdictKey(incident.run), answer);
      over();
      box.close();
      go("/verdict");
    } catch (error) {
      over();
      told.replaceChildren(el("p", { class: "error", role: "alert" }, [error.message, error.hint].filter(Boolean).join("\n")), error.status === 400 ? el("p", {}, "Nothing was graded; the drill goes on.") : "");
      put.disabled = false;
    } finally {
      box.removeEventListener("cancel", holdOn);
    }
  }
}

/** Keeps it for this window; it is on record as well. */
export function keep(key, answer) {
  try {
    sessionStorage.setItem(key, JSON.stringify(answer));
  } catch {
    // Without storage, the page of the verdict has it.
  }
}

/** Shows the time and the steps of a grade; answers what ends that. */
function progress(told, isAmended) {
  const started = Date.now();
  const elapsed = el("strong", {}, "0 s");
  const list = el("ol", { class: "steps" });
  told.replaceChildren(el("p", {}, "Grading … ", elapsed, el("span", { class: "quiet" }, " of at most about 2 minutes")), list);
  // A screen reader hears the steps, not every second.
  elapsed.setAttribute("aria-hidden", "true");
  let isOver = false;
  let timer = 0;
  const tick = async () => {
    elapsed.textContent = `${Math.round((Date.now() - started) / 1000)} s`;
    const steps = isAmended ? [] : await read("grading", {}, { background: true }).catch(() => null);
    if (steps) showSteps(list, steps);
    if (!isOver) timer = setTimeout(tick, EVERY);
  };
  tick();
  return () => { isOver = true; clearTimeout(timer); };
}

function showSteps(list, steps) {
  steps.forEach(({ what, seconds }, index) => {
    const isLast = index === steps.length - 1;
    const text = `${isLast ? "… " : "✓ "}${what}${seconds >= 1 ? ` (${Math.round(seconds)} s)` : ""}`;
    if (!list.children[index]) list.append(el("li", {}));
    if (list.children[index].textContent !== text) list.children[index].textContent = text;
  });
}
