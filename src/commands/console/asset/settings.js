// The settings of a service: values, where they come from, and changes of them.

import { el } from "../api.js";
import { read } from "./client.js";
import { changed, choice, field, SERVICES, trouble } from "./form.js";

const FROM = { default: "default", release: "release", pushed: "pushed by those who own it", responder: "set by you" };

const written = (value) => (value === null ? "none" : typeof value === "string" ? value : JSON.stringify(value));

/** A card with the table; `ask(setting, service)` changes one, `undo(setting, service)` takes it back; an observer has neither. */
export function settingsCard(params, signal, { ask, undo }) {
  let name = SERVICES.includes(params.get("service")) ? params.get("service") : "checkout";
  const box = el("div", { class: "scroll" });
  const all = el("input", { type: "checkbox", onchange: () => show() });
  let settings = [];
  const show = () => {
    const shown = settings.filter(({ from }) => all.checked || from !== "default");
    const sorted = [...shown].sort((a, b) => (a.from === "default") - (b.from === "default"));
    box.replaceChildren(shown.length ? table(sorted, name, { ask, undo }) : el("p", { class: "quiet" }, "All settings have their defaults."));
  };
  const load = async () => {
    try {
      ({ settings } = await read("config/show", { service: name }, { background: true, signal }));
      show();
    } catch (error) {
      if (error.name !== "AbortError") box.replaceChildren(trouble(error));
    }
  };
  const pick = choice(name, SERVICES, (next) => {
    name = next;
    history.replaceState(null, "", changed(new URLSearchParams(location.search), { service: next }));
    load();
  });
  const isAsked = params.get("action")?.startsWith("config/");
  all.checked = true;
  load();
  const element = el("section", { class: `card${isAsked ? " asked" : ""}` }, el("div", { class: "spread" }, el("h2", {}, "Settings"), el("span", { class: "bar" }, field("service", pick), el("label", {}, all, " also defaults"))), box);
  return { element, load };
}

function table(settings, name, { ask, undo }) {
  const rows = settings.map((one) => {
    const { key, value, default: usual, from, release } = one;
    const isOwn = from === "responder";
    const origin = `${FROM[from] ?? from}${from === "release" && release ? ` ${release}` : ""}${from === "default" ? "" : `; default ${written(usual)}`}`;
    const buttons = ask ? [el("button", { type: "button", class: "small", "aria-label": `Change ${key}`, onclick: () => ask(one, name) }, "Change …"), isOwn ? el("button", { type: "button", class: "small", "aria-label": `Undo ${key}`, onclick: () => undo(one, name) }, "Undo …") : ""] : "";
    return el("tr", { class: from === "default" ? "" : "own", "data-row": "", tabindex: "0" }, el("th", { scope: "row", class: "mono" }, key), el("td", { class: "mono" }, written(value)), el("td", { class: "quiet" }, origin), el("td", { class: "number" }, buttons));
  });
  const head = ["Setting", "Value", "From", ""].map((text) => (text ? el("th", { scope: "col" }, text) : el("td", {})));
  return el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
}
