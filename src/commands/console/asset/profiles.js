// Heap snapshots and CPU profiles: before, after, and what grew.

import { el } from "../api.js";
import { formatValue } from "../unit.js";
import { change, read } from "./client.js";
import { changed, choice, field, SERVICES, trouble, typed } from "./form.js";
import { pinButton } from "./pin.js";

export function draw(main, { params, go, incident, isObserver, say }) {
  const canTake = incident.is_live && !isObserver();
  const shown = el("div", { role: "status" });
  main.replaceChildren(
    canTake ? el("div", { class: "pair" }, snapshotCard(params, go, say), cpuCard(say, shown)) : el("p", { class: "quiet" }, "Snapshots are taken while the run goes on; those that were taken can be compared here."),
    el("section", { class: "card" }, el("h2", {}, "Compare two heap snapshots"),
      el("div", { class: "bar" },
        field("earlier", typed(params.get("a"), { placeholder: "before" }, (a) => go(changed(params, { a }), true))),
        field("later", typed(params.get("b"), { placeholder: "after" }, (b) => go(changed(params, { b }), true)))),
      el("p", { class: "quiet" }, "With one name alone, its largest functions are shown.")),
    shown);
  const abort = new AbortController();
  const [a, b] = [params.get("a"), params.get("b")];
  const asked = a && b ? read("heap/diff", { before: a, after: b, top: 25 }, { signal: abort.signal }) : a || b ? read("heap/show", { name: a || b, top: 25 }, { signal: abort.signal }) : null;
  asked?.then((answer) => shown.replaceChildren(table(answer, a, b))).catch((error) => error.name === "AbortError" || shown.replaceChildren(trouble(error)));
  return { leave: () => abort.abort() };
}

function snapshotCard(params, go, say) {
  let service = "checkout";
  const name = el("input", { "aria-label": "Name", size: 12 });
  name.value = params.get("a") ? "after" : "before";
  const take = el("button", { type: "button", class: "primary", onclick: async () => {
    take.disabled = true;
    try {
      await change("heap/snapshot", { name: name.value, service });
      say(`Snapshot ${name.value} of ${service} is taken.`);
      go(changed(params, params.get("a") ? { b: name.value } : { a: name.value }), true);
    } catch (error) {
      say([error.message, error.hint].filter(Boolean).join(" — "), true);
      take.disabled = false;
    }
  } }, "Take a snapshot");
  return el("section", { class: "card" }, el("h2", {}, "Heap"), el("p", { class: "quiet" }, "Take one, wait while memory grows, take another one, compare."),
    el("div", { class: "bar" }, field("service", choice(service, SERVICES, (value) => { service = value; })), field("name", name), take));
}

function cpuCard(say, shown) {
  let [service, seconds] = ["inventory", "10"];
  const take = el("button", { type: "button", class: "primary", onclick: async () => {
    take.disabled = true;
    take.textContent = `Sampling for ${seconds} s …`;
    try {
      const answer = await change("profile/cpu", { service, seconds });
      shown.replaceChildren(cpu(answer));
    } catch (error) {
      say([error.message, error.hint].filter(Boolean).join(" — "), true);
    }
    take.disabled = false;
    take.textContent = "Take a CPU profile";
  } }, "Take a CPU profile");
  return el("section", { class: "card" }, el("h2", {}, "CPU"), el("p", { class: "quiet" }, "Samples where a service spends its time; a flame graph is written into the run's folder."),
    el("div", { class: "bar" }, field("service", choice(service, SERVICES, (value) => { service = value; })), field("seconds", choice(seconds, ["5", "10", "30"], (value) => { seconds = value; })), take));
}

/** The list of functions in an answer, whatever it is called there. */
const functionsOf = (answer) => Object.values(answer).find((value) => Array.isArray(value) && value.length && typeof value[0] === "object") ?? [];

function table(answer, a, b) {
  const rows = functionsOf(answer);
  const number = (row) => row.growth_bytes ?? row.growth ?? row.bytes ?? row.live_bytes ?? 0;
  const most = Math.max(1, ...rows.map((row) => Math.abs(number(row))));
  const pointer = a && b ? `heap:${a}..${b}` : null;
  const list = rows.map((row) => {
    const bar = el("span", { class: "bar-fill" });
    bar.style.width = `${(Math.abs(number(row)) / most) * 100}%`;
    return el("tr", {}, el("td", { class: "with-bar" }, el("span", { class: "number" }, formatValue(number(row), "bytes")), el("span", { class: "bar-box" }, bar)), el("td", { class: "mono" }, row.function ?? row.name ?? row.site ?? JSON.stringify(row)));
  });
  return el("section", { class: "card", "data-pointer": pointer }, el("div", { class: "spread" }, el("h2", {}, pointer ? `Growth from ${a} to ${b}, by function` : `Memory in ${a || b}, by function`), pointer ? pinButton(pointer) : ""), el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, list))));
}

function cpu(answer) {
  const rows = functionsOf(answer);
  const share = (row) => row.share ?? row.self ?? row.samples ?? 0;
  const most = Math.max(1e-9, ...rows.map(share));
  const list = rows.slice(0, 25).map((row) => {
    const bar = el("span", { class: "bar-fill" });
    bar.style.width = `${(share(row) / most) * 100}%`;
    return el("tr", {}, el("td", { class: "with-bar" }, el("span", { class: "number" }, share(row) <= 1 ? formatValue(share(row), "ratio") : share(row)), el("span", { class: "bar-box" }, bar)), el("td", { class: "mono" }, row.function ?? row.name ?? JSON.stringify(row)));
  });
  return el("section", { class: "card" }, el("h2", {}, `CPU profile ${answer.name ?? ""}`), el("p", { class: "quiet" }, answer.file ?? answer.path ?? ""), el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, list))));
}
