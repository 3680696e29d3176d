// Forms of searches: their fields are the address.

import { el } from "../api.js";

/** A field with its name beside it. */
export function field(name, input) {
  return el("label", { class: "field" }, el("span", {}, name), input);
}

/** A choice; `options` are texts or pairs of value and text. */
export function choice(value, options, change) {
  const list = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  const select = el("select", { onchange: () => change(select.value) }, list.map(([key, text]) => el("option", { value: key, selected: key === value }, text)));
  return select;
}

/** A field that is taken with Enter or when it is left. */
export function typed(value, attributes, change) {
  const input = el("input", { ...attributes, onchange: () => change(input.value.trim()) });
  input.value = value ?? "";
  return input;
}

/** The address of a part with one of its parameters changed; an empty value leaves it out. */
export function changed(params, changes) {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "" || value === null || value === undefined || value === false) next.delete(name);
    else next.set(name, value);
  }
  const query = next.toString();
  return query ? `${location.pathname}?${query}` : location.pathname;
}

/** What went wrong, with what to do about it. */
export function trouble(error) {
  return el("p", { class: "error", role: "alert" }, [error.message, error.hint].filter(Boolean).join("\n"));
}

export const SERVICES = ["gateway", "checkout", "inventory"];
