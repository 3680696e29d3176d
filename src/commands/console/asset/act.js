// Acting: every action of the terminal, what it will do, and whether the indicator moved.

import { el } from "../api.js";
import { formatClock } from "../time.js";
import { ACTIONS, shopOf } from "./actions.js";
import { change, read } from "./client.js";
import { watch, WATCH } from "./effect.js";
import { choice, field, trouble } from "./form.js";
import { dialog } from "./main.js";
import { settingsCard } from "./settings.js";

export function draw(main, { incident, params, say, isObserver }) {
  const abort = new AbortController();
  const history = el("div", {}, done(incident));
  const leave = () => { abort.abort(); clearTimeout(state.timer); };
  const state = { incident, signal: abort.signal, result: el("div", { role: "status" }), say, timer: 0, busy: null };
  const update = (next) => { state.incident = next; history.replaceChildren(done(next)); };
  const canAct = incident.is_live && !isObserver();
  const settings = settingsCard(params, abort.signal, canAct ? { ask: (one, name) => ask(one, name, state), undo: (one, name) => undo(one, name, state) } : {});
  if (!canAct) {
    const why = incident.is_live ? "An observer sees what is done, and does nothing." : "The run has ended: there is nothing left to act on.";
    main.replaceChildren(el("p", { class: "empty" }, why), el("div", { class: "columns" }, el("div", {}, state.result, settings.element), history));
    if (incident.is_live) resume(state);
    return { update, leave };
  }
  const cards = el("div", { class: "cards" });
  main.replaceChildren(el("div", { class: "columns" }, el("div", {}, state.result, cards, settings.element), history));
  const show = () => cards.replaceChildren(...ACTIONS.map((action) => card(action, state, params)));
  const load = async () => {
    const quiet = { background: true, signal: abort.signal };
    const [status, deploys] = await Promise.all([read("status", {}, quiet), read("deploys", {}, quiet)]);
    state.shop = shopOf(status, deploys);
  };
  // What is chosen stays chosen: the sentences read the shop anew, the cards are drawn anew when nobody is in them.
  state.reload = () => Promise.all([load().then(() => cards.contains(document.activeElement) || show()), settings.load()]);
  load().then(() => {
    show();
    const asked = main.querySelector(".asked");
    asked?.scrollIntoView({ block: asked.matches(".cards *") ? "center" : "start" });
    asked?.querySelector("button")?.focus({ preventScroll: true });
  }).catch((error) => error.name === "AbortError" || cards.replaceChildren(trouble(error)));
  resume(state);
  return { update, leave };
}

/** An action of a moment ago is watched on, whichever page one comes from. */
function resume(state) {
  const last = state.incident.actions.at(-1);
  const at = last ? Date.parse(last.at) / 1000 : 0;
  if (Date.now() / 1000 - at > WATCH) return;
  state.result.replaceChildren(el("section", { class: "card" }, el("h2", {}, `Since ${last.what} at ${formatClock(at)}`), watch(state, at)));
}

function card(action, state, params, given = {}) {
  const isAsked = params.get("action") === action.id;
  const values = {};
  const inputs = action.fields.map((one) => {
    const wanted = given[one.name] ?? (isAsked ? params.get(one.name) : null);
    const name = one.label ?? one.name;
    if (one.kind === "text") {
      const input = el("input", { placeholder: one.placeholder, "aria-label": name, oninput: () => { values[one.name] = input.value.trim(); }, onkeydown: (event) => event.key === "Enter" && confirm(action, values, state) });
      input.value = values[one.name] = wanted ?? "";
      return field(name, input);
    }
    const options = one.options(state.shop, values);
    values[one.name] = options.includes(wanted) ? wanted : options[0];
    if (!options.length) return el("span", { class: "quiet" }, `no ${name} to choose`);
    const select = choice(values[one.name], options, (value) => {
      values[one.name] = value;
      // What else can be chosen depends on the service.
      if (one.name !== "service" || action.fields.length < 2) return;
      const next = card(action, state, params, values);
      element.replaceWith(next);
      next.querySelector("select").focus();
    });
    return field(name, select);
  });
  const element = el("section", { class: isAsked ? "card asked" : "card", "data-row": "", tabindex: "0" },
    el("h2", {}, action.title), el("p", { class: "quiet" }, action.about),
    el("div", { class: "bar" }, inputs, el("button", { type: "button", onclick: () => confirm(action, values, state) }, `${action.title} …`)));
  return element;
}

async function confirm(action, values, state) {
  if (state.busy) return state.say(`Wait until this is done: ${state.busy}`, true);
  // What it will do depends on what runs at this moment.
  await state.reload().catch(() => {});
  const cannot = action.cannot?.(values, state.shop);
  if (cannot) return state.say(cannot, true);
  const act = el("button", { type: "button", class: "primary", onclick: () => { box.close(); carryOut(action, values, state); } }, action.title);
  const box = dialog(`${action.title}?`, el("p", {}, `This will ${action.will(values, state.shop)}.`), el("p", { class: "quiet" }, action.isRequest ? "It is in your record." : "It will be in the deploy log and in your record, as done by you."), act);
  act.focus();
}

/** Asks for the new value of a setting; the sentence follows what is typed. */
function ask({ key, value }, service, state) {
  if (state.busy) return state.say(`Wait until this is done: ${state.busy}`, true);
  const input = el("input", { "aria-label": `New value of ${key}`, oninput: () => tell(), onkeydown: (event) => event.key === "Enter" && !act.disabled && act.click() });
  const before = value === null ? "none" : typeof value === "string" ? value : JSON.stringify(value);
  input.value = before;
  const sentence = el("p", { role: "status" });
  const act = el("button", { type: "button", class: "primary", onclick: () => {
    box.close();
    carryOut({ id: "config/set", title: `Set ${key}` }, { service, settings: [`${key}=${input.value.trim()}`] }, state);
  } }, "Set");
  const tell = () => {
    const after = input.value.trim();
    act.disabled = !after || after === before;
    sentence.textContent = act.disabled ? `${key} of ${service} is ${before}; \`none\` clears an optional one.` : `This will set ${key} of ${service}: ${before} → ${after}, and replace its processes (${state.shop.instances(service)}), one after the other, on ${state.shop.release(service)}.`;
  };
  tell();
  const box = dialog(`Set ${key}?`, el("p", {}, field(key, input)), sentence, act);
  input.select();
}

function undo({ key, value, default: usual }, service, state) {
  const action = { id: "config/unset", title: `Undo ${key}`, will: () => `take back ${key} of ${service} (${JSON.stringify(value)}) to what the release or its owners set, else ${JSON.stringify(usual)}, and replace its processes (${state.shop.instances(service)}), one after the other` };
  confirm(action, { service, keys: [key] }, state);
}

async function carryOut(action, values, state) {
  const at = Date.now() / 1000;
  const tell = (title, ...content) => state.result.replaceChildren(el("section", { class: "card" }, el("h2", {}, title), ...content));
  state.busy = action.title;
  tell(`${action.title} …`, el("p", { class: "quiet" }, action.isRequest ? "Waiting for the answer and its trace." : "Processes are replaced one after the other; this takes some seconds."));
  state.result.scrollIntoView({ block: "nearest" });
  try {
    const fields = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== undefined));
    const answer = await change(action.id, fields);
    if (state.signal.aborted) return state.say(`${action.title}: ${answer.id === null ? "nothing changed" : "done"}`);
    if (action.isRequest) tell(`${values.method} ${values.path}`, ...answered(answer));
    else tell(`${action.title}: ${answer.id === null ? "nothing changed" : `done at ${formatClock(Date.now() / 1000)}`}`, told(answer), answer.id === null ? "" : watch(state, at));
  } catch (error) {
    if (state.signal.aborted) return state.say(`${action.title}: not done. ${error.message}`, true);
    tell(`${action.title}: not done`, trouble(error));
  } finally {
    state.busy = null;
  }
  await state.reload().catch(() => {});
}

function told({ id, note, service, release, seconds }) {
  const what = note ? `${service}: ${note}.` : `All instances of ${service} run ${release} after ${seconds.toFixed(1)} s.`;
  return el("p", {}, what, id ? [" ", el("a", { href: `/deploys?id=${encodeURIComponent(id)}` }, id)] : "");
}

/** The answer to a request, and the way to its trace. */
function answered({ status, elapsed_ms: elapsed, headers, body, trace_id: trace, trace: found }) {
  const rows = Object.entries(headers ?? {}).map(([name, value]) => el("tr", {}, el("th", { scope: "row", class: "mono" }, name), el("td", { class: "mono" }, value)));
  const text = typeof body === "string" ? body : JSON.stringify(body, null, 2);
  return [
    el("p", {}, el("span", { class: `badge ${status >= 500 ? "err" : status >= 400 ? "pending" : "ok"}` }, `HTTP ${status}`), ` after ${elapsed.toFixed(1)} ms. `, trace ? el("a", { href: `/trace/${trace}` }, found ? "Its trace" : "Its trace, once it has arrived") : ""),
    el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, rows))),
    text && text !== "null" ? el("pre", { class: "diff answer", tabindex: "0", "aria-label": "Body" }, text.slice(0, 20_000)) : "",
  ];
}

function done({ actions }) {
  const items = [...actions].reverse().map(({ at, what }) => el("li", { class: "own" }, el("time", { datetime: at }, formatClock(Date.parse(at) / 1000)), el("span", {}, what), el("span", {})));
  return el("section", { class: "card" }, el("h2", {}, "Done so far"), items.length ? el("ol", { class: "happened" }, items) : el("p", { class: "quiet" }, "Nothing yet."));
}
