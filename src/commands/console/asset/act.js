// Acting: every action of the terminal, what it will do, and whether the indicator moved.

import { el } from "../api.js";
import { formatTime } from "../time.js";
import { formatValue, guessUnit } from "../unit.js";
import { change, range, read } from "./client.js";
import { choice, field, SERVICES, trouble } from "./form.js";
import { dialog } from "./main.js";
import { marksOfIncident, Panel } from "./view.js";

/** How long after an action its effect is watched. */
const WATCH = 90;

const service = (only = SERVICES) => ({ name: "service", kind: "choice", options: only });

/** The actions: what they ask for, and what they will do in words. */
const ACTIONS = [
  { id: "rollback", title: "Roll back", about: "Back to the previous release of a service.", fields: [service()], will: ({ service: name }, shop) => `replace the processes of ${name} (${shop.instances(name)}), one after the other: ${shop.release(name)} → the release before it` },
  { id: "restart", title: "Restart", about: "New processes of the same release.", fields: [service()], will: ({ service: name }, shop) => `replace the processes of ${name} (${shop.instances(name)}), one after the other, on ${shop.release(name)}` },
  { id: "deploy", title: "Deploy a release", about: "A release that ran before, or another one of the deploy log.", fields: [service(), { name: "release", kind: "release" }], will: ({ service: name, release }, shop) => `replace the processes of ${name} (${shop.instances(name)}), one after the other: ${shop.release(name)} → ${release}` },
  { id: "scale", title: "Scale", about: "More or fewer replicas, at most three.", fields: [service(["checkout", "inventory"]), { name: "replicas", kind: "choice", options: ["1", "2", "3"] }], will: ({ service: name, replicas }, shop) => `run ${replicas} of ${name}; now ${shop.count(name)} run` },
  { id: "flush", title: "Flush caches", about: "Empties the caches of all instances of a service.", fields: [service()], will: ({ service: name }) => `empty every cache of ${name}; the next requests fill them again` },
  { id: "block", title: "Block a client", about: "The gateway answers 403 to it until it is unblocked.", fields: [{ name: "client", kind: "text", placeholder: "client-0007" }], will: ({ client }) => `have the gateway answer 403 to ${client}, also after deploys and restarts` },
  { id: "unblock", title: "Unblock a client", about: "Its requests are answered again.", fields: [{ name: "client", kind: "text", placeholder: "client-0007" }], will: ({ client }) => `answer ${client} again` },
  { id: "outbox/skip", title: "Skip the oldest message", about: "Moves it from the outbox to the dead letters, if a delivery of it has failed.", fields: [], will: () => "move the oldest message of checkout's outbox to the dead letters, so that those behind it are delivered" },
  { id: "outbox/replay", title: "Replay dead letters", about: "Back into the outbox, for delivery now.", fields: [], will: () => "move all dead letters back into checkout's outbox" },
  { id: "config/set", title: "Change a setting", about: "A key and a value, as the table below has them; `none` clears an optional one.", fields: [service(), { name: "settings", kind: "text", placeholder: "outbox.concurrency=8" }], will: ({ service: name, settings }, shop) => `set ${settings} and replace the processes of ${name} (${shop.instances(name)}) on the same release` },
  { id: "config/unset", title: "Undo a setting", about: "Takes back what was set here.", fields: [service(), { name: "keys", kind: "text", placeholder: "outbox.concurrency" }], will: ({ service: name, keys }, shop) => `take back ${keys} and replace the processes of ${name} (${shop.instances(name)})` },
  { id: "request", title: "Send a request", about: "One request through the gateway; it changes the shop as a customer's would.", fields: [{ name: "method", kind: "choice", options: ["GET", "POST", "PUT", "DELETE"] }, { name: "path", kind: "text", placeholder: "/v1/products/sku-000001" }], will: ({ method, path }) => `send ${method} ${path} to the gateway`, isQuiet: true },
];

export function draw(main, { incident, params, say, isObserver }) {
  if (isObserver()) {
    main.replaceChildren(el("p", { class: "empty" }, "An observer sees what is done, and does nothing."), done(incident));
    return {};
  }
  if (!incident.is_live) {
    main.replaceChildren(el("p", { class: "empty" }, "The run has ended: there is nothing left to act on."), done(incident));
    return {};
  }
  const abort = new AbortController();
  const result = el("div", { role: "status" });
  const history = el("div", {}, done(incident));
  const settings = el("div", { class: "scroll" });
  const cards = el("div", { class: "cards" });
  main.replaceChildren(el("div", { class: "columns" },
    el("div", {}, result, cards, el("section", { class: "card" }, settings)), history));
  const state = { incident, signal: abort.signal, result, say, timer: 0 };
  const load = () => Promise.all([read("status", {}, { background: true, signal: abort.signal }), read("deploys", {}, { background: true, signal: abort.signal })]).then(([status, deploys]) => {
    state.shop = shopOf(status, deploys);
  });
  state.reload = load;
  load().then(() => {
    cards.replaceChildren(...ACTIONS.map((action) => card(action, state, params)));
    const asked = cards.querySelector(".asked");
    asked?.scrollIntoView({ block: "center" });
    asked?.querySelector("button")?.focus();
  }).catch((error) => error.name === "AbortError" || cards.replaceChildren(trouble(error)));
  showSettings(settings, params.get("service") ?? "checkout", abort.signal);
  return {
    leave: () => { abort.abort(); clearTimeout(state.timer); },
    update: (next) => { state.incident = next; history.replaceChildren(done(next)); },
  };
}

/** What of the shop an action's sentence tells. */
function shopOf({ services }, deploys) {
  const of = (name) => services.filter((one) => one.service === name);
  return {
    instances: (name) => of(name).map(({ instance }) => instance).join(", ") || "none",
    count: (name) => of(name).length,
    release: (name) => of(name)[0]?.release ?? "none",
    releases: (name) => [...new Set(deploys.filter((one) => one.service === name).map(({ release }) => release))].reverse(),
  };
}

function card(action, state, params) {
  const isAsked = params.get("action") === action.id;
  const values = {};
  const inputs = action.fields.map((one) => {
    const given = isAsked ? params.get(one.name) : null;
    if (one.kind === "text") {
      const input = el("input", { placeholder: one.placeholder, "aria-label": one.name, oninput: () => { values[one.name] = input.value.trim(); } });
      input.value = values[one.name] = given ?? "";
      return field(one.name, input);
    }
    const options = one.kind === "release" ? state.shop.releases(values.service) : one.options;
    values[one.name] = options.includes(given) ? given : options[0];
    const select = choice(values[one.name], options, (value) => {
      values[one.name] = value;
      if (one.name === "service" && action.fields.some(({ kind }) => kind === "release")) element.replaceWith(card(action, state, new URLSearchParams({ action: action.id, service: value })));
    });
    return field(one.name, select);
  });
  const element = el("section", { class: isAsked ? "card asked" : "card", "data-row": "", tabindex: "0" },
    el("h2", {}, action.title), el("p", { class: "quiet" }, action.about),
    el("div", { class: "bar" }, inputs, el("button", { type: "button", onclick: () => confirm(action, values, state) }, `${action.title} …`)));
  return element;
}

function confirm(action, values, state) {
  const missing = action.fields.find(({ name }) => !values[name]);
  if (missing) return state.say(`Say which ${missing.name}.`, true);
  const act = el("button", { type: "button", class: "primary", onclick: () => { box.close(); carryOut(action, values, state); } }, action.title);
  const box = dialog(`${action.title}?`, el("p", {}, `This will ${action.will(values, state.shop)}.`), el("p", { class: "quiet" }, action.isQuiet ? "" : "It is in the deploy log, and in your record."), act);
  act.focus();
}

async function carryOut(action, values, state) {
  const at = Date.now() / 1000;
  state.result.replaceChildren(el("section", { class: "card" }, el("p", {}, `${action.title} …`)));
  try {
    const fields = action.id === "config/set" || action.id === "config/unset" ? { ...values, [action.id.endsWith("unset") ? "keys" : "settings"]: (values.settings ?? values.keys).split(/\s+/) } : values;
    const answer = await change(action.id, fields);
    const panel = action.isQuiet ? null : watch(state, at);
    state.result.replaceChildren(el("section", { class: "card" }, el("h2", {}, `${action.title}: ${answer.id === null ? "nothing changed" : "done"}`), told(answer), panel));
    await state.reload();
  } catch (error) {
    state.result.replaceChildren(el("section", { class: "card" }, el("h2", {}, `${action.title}: not done`), trouble(error)));
  }
}

function told(answer) {
  if (answer.what) return el("p", {}, answer.note ?? `All instances of ${answer.service} run ${answer.release} after ${answer.seconds.toFixed(1)} s.`, answer.id ? el("a", { href: `/deploys?id=${encodeURIComponent(answer.id)}` }, ` ${answer.id}`) : "");
  const id = answer.trace_id ?? answer.trace?.id ?? answer.trace;
  return el("div", {}, typeof id === "string" ? el("p", {}, el("a", { href: `/trace/${id}` }, "its trace")) : "", el("pre", { class: "diff", tabindex: "0" }, JSON.stringify(answer, null, 2).slice(0, 4000)));
}

/** The alert's indicator from before the action on, and a sentence that says whether it moved. */
function watch(state, at) {
  const page = state.incident.pages[0];
  if (!page?.indicator) return el("p", { class: "quiet" }, "Nothing has paged, so there is no indicator to watch.");
  const { expression, operator, threshold } = page.indicator;
  const unit = guessUnit(expression);
  const panel = new Panel(`${page.alert}: what it measures`, { group: [], unit, isLow: true });
  const sentence = el("p", { role: "status" });
  const isBeyond = (value) => (operator.startsWith(">") ? value > threshold : value < threshold);
  const look = async () => {
    if (state.signal.aborted) return;
    const now = Date.now() / 1000;
    const times = { start: Math.floor(at - 60), end: Math.ceil(now), step: 1 };
    const [series, marks] = await Promise.all([range(expression, { since: new Date(times.start * 1000).toISOString(), step: 1 }, { signal: state.signal }), marksOfIncident(state.incident)]);
    panel.show(times, series, { named: (metric) => Object.values(metric).join(" ") || "value", expression, marks, levels: [{ value: threshold, text: `fires ${operator} ${formatValue(threshold, unit)}`, color: "--alarm" }] });
    sentence.textContent = moved(series, at, isBeyond, unit);
    if (now - at < WATCH) state.timer = setTimeout(() => look().catch(() => {}), 2000);
  };
  look().catch(() => {});
  return el("div", {}, sentence, panel.element);
}

function moved(series, at, isBeyond, unit) {
  const times = [...new Set(series.flatMap(({ points }) => points.map(([t]) => t)))].filter((t) => t >= at).sort((a, b) => a - b);
  const bad = new Set(series.flatMap(({ points }) => points.filter(([, value]) => isBeyond(value)).map(([t]) => t)));
  const now = series.flatMap(({ points }) => points.slice(-1)).map(([, value]) => value).filter(Number.isFinite);
  const value = now.length ? `now ${now.map((one) => formatValue(one, unit)).join(", ")}` : "nothing is measured now";
  if (!times.length || bad.has(times.at(-1))) return `Still beyond the threshold (${value}). Rates cover the last 30 s, so give it that long.`;
  const lastBad = times.filter((t) => bad.has(t)).at(-1);
  return lastBad ? `Within the threshold since ${formatTime(lastBad + 1).slice(11)} (${value}).` : `Within the threshold (${value}).`;
}

function done({ actions }) {
  const items = [...actions].reverse().map(({ at, what }) => el("li", { class: "own" }, el("time", { datetime: at }, formatTime(Date.parse(at) / 1000).slice(11)), el("span", {}, what)));
  return el("section", { class: "card" }, el("h2", {}, "Done so far"), items.length ? el("ol", { class: "happened" }, items) : el("p", { class: "quiet" }, "Nothing yet."));
}

async function showSettings(box, name, signal) {
  const { settings } = await read("config/show", { service: name }, { background: true, signal }).catch(() => ({ settings: [] }));
  const rows = settings.map(({ key, value, from, default: usual }) => el("tr", { class: from === "default" ? "" : "chosen" }, el("th", { scope: "row", class: "mono" }, key), el("td", { class: "mono" }, JSON.stringify(value)), el("td", { class: "quiet" }, from === "default" ? "default" : `${from}; default ${JSON.stringify(usual)}`)));
  box.replaceChildren(el("div", { class: "spread" }, el("h2", {}, `Settings of ${name}`), choice(name, SERVICES, (next) => showSettings(box, next, signal))), el("table", {}, el("tbody", {}, rows)));
}
