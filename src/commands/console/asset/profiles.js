// Heap snapshots and CPU profiles: before, after, and what grew.

import { el } from "../api.js";
import { formatClock } from "../time.js";
import { formatValue } from "../unit.js";
import { change, range, read } from "./client.js";
import { cpuFlame, cpuTable } from "./cpu.js";
import { changed, choice, field, SERVICES, trouble } from "./form.js";
import { functionTable, memoryFlame } from "./heap.js";
import { pinButton } from "./pin.js";
import { marksOfIncident, Panel, timesOf } from "./view.js";

/** A profile with fewer samples is no evidence. */
const ENOUGH = 40;
const TOP = 40;
/** Enough for a flame graph. */
const STACKS = 1000;

export function draw(main, { params, go, incident, isObserver, say }) {
  const canTake = incident.is_live && !isObserver();
  const abort = new AbortController();
  const state = { params, go, say, incident, signal: abort.signal, taken: { heap: [], cpu: [] } };
  const takers = el("div", { class: "pair" });
  const lists = el("div", { class: "pair" });
  const [heap, cpu] = [el("div", { role: "status" }), el("div", { role: "status" })];
  const panel = new Panel("Memory in use, by instance", { group: [], unit: "bytes", isLow: true });
  const memory = () => showMemory(panel, state).then((series) => propose(takers.querySelector("select.whom"), series, state)).catch(() => {});
  main.replaceChildren(
    canTake ? takers : el("p", { class: "quiet" }, incident.is_live ? "An observer takes no snapshots, and sees those that were taken." : "The run has ended; what was taken in it is below."),
    el("section", { class: "card" }, panel.element), lists, heap, cpu);
  const fail = (place) => (error) => error.name === "AbortError" || place.replaceChildren(trouble(error));
  const load = async () => {
    const quiet = { background: true, signal: abort.signal };
    const [heaps, cpus] = await Promise.all([read("heap/list", {}, quiet), read("profile/list", {}, quiet)]);
    state.taken = { heap: heaps, cpu: cpus };
    if (canTake) takers.replaceChildren(snapshotTaker(state), profileTaker(state));
    lists.replaceChildren(heapCard(state), cpuCard(state));
    memory();
    if (canTake) read("status", {}, quiet).then(({ services }) => takers.querySelectorAll("select.whom").forEach((select) => addInstances(select, services))).catch(() => {});
    showHeap(heap, main.clientWidth, state).catch(fail(heap));
    showCpu(cpu, main.clientWidth, state).catch(fail(cpu));
  };
  load().catch(fail(lists));
  const timer = incident.is_live ? setInterval(() => document.hidden || memory(), 5000) : 0;
  return { leave: () => { abort.abort(); clearInterval(timer); }, update: (next) => { state.incident = next; } };
}

async function showHeap(place, width, { params, signal, taken }) {
  const [a, b] = [params.get("a"), params.get("b")];
  if (!a && !b) return;
  const answer = a && b ? await read("heap/diff", { before: a, after: b, top: TOP }, { signal }) : await read("heap/show", { name: a || b, top: TOP }, { signal });
  place.replaceChildren(...heapShown(answer, { a, b, width, taken: taken.heap }));
}

async function showCpu(place, width, { params, signal }) {
  const [a, b] = [params.get("cpu_a"), params.get("cpu_b")];
  if (!a && !b) return;
  // With two, the later one is drawn, for that is where the time went.
  const [shown, compared] = await Promise.all([
    read("profile/show", { name: b || a, top: STACKS }, { signal }),
    a && b ? read("profile/diff", { before: a, after: b, top: TOP }, { signal }) : null,
  ]);
  const pointer = a && b ? `profile:${a}..${b}` : null;
  const head = compared ? `${compared.samples_before} and ${compared.samples_after} samples` : `${shown.samples} samples in ${shown.seconds} s`;
  place.replaceChildren(
    el("section", { class: "card", "data-pointer": pointer },
      el("div", { class: "spread" }, el("h2", {}, compared ? `CPU from ${a} to ${b}, by function ` : `CPU in ${shown.name}, by function `, el("span", { class: "quiet" }, head)), pointer ? pinButton(pointer) : ""),
      cpuTable(compared ? compared.functions : shown.functions.slice(0, TOP), { samples: shown.samples, isChange: Boolean(compared) })),
    el("section", { class: "card" }, el("h2", {}, `Flame graph of ${shown.name} `, el("span", { class: "quiet" }, "a function's width is its share of the samples; below it stands what it calls")), el("div", { class: "scroll" }, cpuFlame(shown, width))));
}

async function showMemory(panel, { incident, signal, taken }) {
  const times = timesOf(incident);
  const expression = "sum by (instance) (allocator_allocated_bytes)";
  const [series, marks] = await Promise.all([range(expression, times, { signal }), marksOfIncident(incident)]);
  const own = taken.heap.map(({ name, at }) => ({ t: Date.parse(at) / 1000, text: `snapshot ${name}` }));
  panel.show(times, series, { named: ({ instance }) => instance ?? "all", expression, marks: [...marks.map((mark) => ({ ...mark, text: "" })), ...own] });
  return series;
}

/** Whose heap is to be looked at first: the instance that grew most, until somebody has chosen or taken one. */
function propose(select, series, { taken, params }) {
  if (!select || select.dataset.isChosen || taken.heap.length || params.get("service")) return;
  const grown = series.filter(({ points }) => points.length > 1).map(({ metric, points }) => ({ instance: metric.instance, by: points.at(-1)[1] - points[0][1] }));
  const most = grown.reduce((most, one) => (one.by > (most?.by ?? 0) ? one : most), null);
  if (!most) return;
  addInstances(select, [most]);
  select.value = most.instance;
}

/** The first of `before`, `after`, `after-2` … that is free. */
function freeName(taken) {
  const names = new Set(taken.map(({ name }) => name));
  const wanted = ["before", "after"].find((name) => !names.has(name));
  if (wanted) return wanted;
  let number = 2;
  while (names.has(`after-${number}`)) number += 1;
  return `after-${number}`;
}

/** Says why a snapshot or profile was not taken; the next name is proposed where this one is taken. */
function refused(error, name, say) {
  const isTaken = /already exists/.test(error.message);
  if (isTaken) {
    const [, stem, number] = /^(.*?)(?:-(\d+))?$/.exec(name.value.trim());
    name.value = `${stem}-${Number(number ?? 1) + 1}`;
  }
  say([error.message, isTaken ? `what about ${name.value}?` : error.hint].filter(Boolean).join(" — "), true);
}

/** Whom to ask: a service, or an instance once they are known. Two snapshots of different instances cannot be compared, so the one that was taken last is proposed. */
function whom(taken, otherwise) {
  const last = taken.at(-1)?.instance ?? otherwise;
  const select = choice(last, [...new Set([...SERVICES, last])], () => { select.dataset.isChosen = "yes"; });
  select.classList.add("whom");
  return select;
}

/** The instances come later than the form: what is chosen or typed by then stays. */
function addInstances(select, services) {
  const known = new Set([...select.options].map(({ value }) => value));
  select.append(...services.filter(({ instance }) => !known.has(instance)).map(({ instance }) => el("option", { value: instance }, instance)));
}

function nameField(taken) {
  const name = el("input", { "aria-label": "Name", size: 10, spellcheck: "false" });
  name.value = freeName(taken);
  return name;
}

function snapshotTaker(state) {
  const service = whom(state.taken.heap, state.params.get("service") ?? "checkout");
  const name = nameField(state.taken.heap);
  const take = el("button", { type: "button", class: "primary", onclick: async () => {
    take.disabled = true;
    try {
      const one = await change("heap/snapshot", { name: name.value.trim(), service: service.value });
      state.say(`Snapshot ${one.name} of ${one.instance}: ${formatValue(one.in_use_bytes, "bytes")} in use.`);
      if (!state.signal.aborted) state.go(changed(state.params, state.params.get("a") ? { b: one.name } : { a: one.name }), true);
    } catch (error) {
      refused(error, name, state.say);
      take.disabled = false;
    }
  } }, "Take a snapshot");
  return el("section", { class: "card" }, el("h2", {}, "Take a heap snapshot"), el("p", { class: "quiet" }, "Take one, wait while memory grows, take another one of the same instance, compare. A service with several instances is asked for its first."),
    el("div", { class: "bar" }, field("service or instance", service), field("name", name), take));
}

function profileTaker(state) {
  const service = whom(state.taken.cpu, "inventory");
  let seconds = "10";
  const name = nameField(state.taken.cpu);
  const take = el("button", { type: "button", class: "primary", onclick: async () => {
    take.disabled = true;
    let rest = Number(seconds);
    const count = () => { take.textContent = rest > 0 ? `Sampling, ${rest} s left …` : "Drawing …"; rest -= 1; };
    count();
    const timer = setInterval(count, 1000);
    try {
      const one = await change("profile/cpu", { service: service.value, seconds, name: name.value.trim() });
      state.say(`Profile ${one.name} of ${one.instance}: ${one.samples} samples.`);
      if (!state.signal.aborted) state.go(changed(state.params, state.params.get("cpu_a") ? { cpu_b: one.name } : { cpu_a: one.name }), true);
    } catch (error) {
      refused(error, name, state.say);
    }
    clearInterval(timer);
    take.disabled = false;
    take.textContent = "Take a CPU profile";
  } }, "Take a CPU profile");
  return el("section", { class: "card" }, el("h2", {}, "Take a CPU profile"), el("p", { class: "quiet" }, "Samples where an instance spends its CPU time; its flame graph is written into the run's folder."),
    el("div", { class: "bar" }, field("service or instance", service), field("seconds", choice(seconds, ["5", "10", "30", "60"], (value) => { seconds = value; })), field("name", name), take));
}

/** What was taken, and which two are compared; `keys` are the parameters of the earlier and the later one. */
function pairOf(state, list, keys, columns) {
  const rows = list.map((one) => {
    const picks = keys.map((key, index) => {
      const isChosen = state.params.get(key) === one.name;
      return el("button", { type: "button", class: "small", "aria-pressed": String(isChosen), "aria-label": `${one.name} as the ${index ? "later" : "earlier"} one`, onclick: () => state.go(changed(state.params, { [key]: isChosen ? "" : one.name })) }, index ? "later" : "earlier");
    });
    const isChosen = keys.some((key) => state.params.get(key) === one.name);
    return el("tr", { class: isChosen ? "chosen" : "", "data-row": "", tabindex: "0" }, el("th", { scope: "row", class: "mono" }, one.name), el("td", {}, `${one.instance} `, el("span", { class: "quiet" }, one.release)), el("td", { class: "number quiet" }, formatClock(Date.parse(one.at) / 1000)), ...columns(one).map((text) => el("td", { class: "number" }, text)), el("td", {}, el("span", { class: "others" }, picks)));
  });
  return rows.length ? el("div", { class: "scroll" }, el("table", { class: "taken" }, el("tbody", {}, rows))) : el("p", { class: "quiet" }, "None yet.");
}

function heapCard(state) {
  return el("section", { class: "card" }, el("h2", {}, "Heap snapshots"),
    pairOf(state, state.taken.heap, ["a", "b"], (one) => [one.in_use_bytes === null ? "unreadable" : formatValue(one.in_use_bytes, "bytes")]),
    el("p", { class: "quiet" }, "One alone shows its largest functions; two show what grew."));
}

function cpuCard(state) {
  const [a, b] = ["cpu_a", "cpu_b"].map((key) => state.params.get(key));
  const chosen = state.taken.cpu.filter(({ name }) => name === a || name === b);
  const few = chosen.filter(({ samples }) => samples < ENOUGH).map(({ name, samples }) => `${name} has ${samples} samples; ${ENOUGH} are the least for evidence.`);
  const isMixed = new Set(chosen.map(({ service }) => service)).size > 1;
  return el("section", { class: "card" }, el("h2", {}, "CPU profiles"),
    pairOf(state, state.taken.cpu, ["cpu_a", "cpu_b"], (one) => [`${one.samples ?? "unreadable"} samples`]),
    ...[...few, isMixed ? "The two are of different services and no evidence together." : ""].filter(Boolean).map((text) => el("p", { class: "warning" }, text)),
    el("p", { class: "quiet" }, "One alone shows where the time goes; two of one service, one before and one in the incident, are evidence."));
}

function heapShown(answer, { a, b, width, taken }) {
  const pointer = a && b ? `heap:${a}..${b}` : null;
  const rows = pointer ? answer.growth : answer;
  const bytes = (number) => formatValue(number, "bytes");
  const [before, after] = [a, b].map((name) => taken.find((one) => one.name === name));
  const isMixed = pointer && before && after && before.instance !== after.instance;
  const total = pointer ? answer.bytes_after - answer.bytes_before : rows.reduce((sum, row) => sum + row.bytes, 0);
  const head = pointer ? `${bytes(answer.bytes_before)} → ${bytes(answer.bytes_after)} in use, ${total < 0 ? "−" : "+"}${bytes(Math.abs(total))}` : `the ${rows.length} largest functions, ${bytes(total)}`;
  const graph = memoryFlame(rows, { width, isGrowth: Boolean(pointer) });
  return [
    el("section", { class: "card", "data-pointer": pointer },
      el("div", { class: "spread" }, el("h2", {}, pointer ? `Growth from ${a} to ${b}, by function ` : `Memory in ${a || b}, by function `, el("span", { class: "quiet" }, head)), pointer ? pinButton(pointer) : ""),
      isMixed ? el("p", { class: "warning" }, `The snapshots are of different instances: ${before.instance} and ${after.instance}.`) : "",
      functionTable(rows, { total, isGrowth: Boolean(pointer) })),
    graph ? el("section", { class: "card", "data-pointer": pointer }, el("h2", {}, "Flame graph ", el("span", { class: "quiet" }, "a function's width is its memory; below it, the calls of its main stack down to the allocation")), el("div", { class: "scroll" }, graph)) : "",
  ];
}
