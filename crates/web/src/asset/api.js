// Calls of the API on this listener, and small tools for building the document.

/** Calls `/api/v1/<path>`; answers the whole envelope, throws an Error with the API's own message. */
export async function call(path, params = {}, signal = undefined) {
  const separator = path.includes("?") ? "&" : "?";
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) body.append(name, one);
  }
  let response;
  try {
    response = await fetch(`/api/v1/${path}${separator}${body}`, { signal, headers: { accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The backend does not answer. Has the drill ended?");
  }
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Error(`The backend answered with HTTP status ${response.status}.`);
  }
  if (answer.status !== "success") {
    const error = new Error(answer.error);
    error.kind = answer.errorType;
    throw error;
  }
  return answer;
}

/** An element with attributes and children; texts are never read as HTML. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Makes the children of an element those of `wanted`, and changes only what differs, so that focus and selection stay.
 * Elements with the same `data-key` are the same; nothing in them may have listeners.
 */
export function update(element, wanted) {
  const focused = document.activeElement;
  reconcile(element, wanted.flat().filter((child) => child !== null && child !== undefined));
  // A node that moved lost it.
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

function reconcile(parent, wanted) {
  const keyed = new Map([...parent.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let place = parent.firstChild;
  for (const node of wanted) {
    const key = node.dataset?.key;
    const same = key ? keyed.get(key) : place && isAlike(place, node) ? place : undefined;
    if (!same) {
      parent.insertBefore(node, place);
      continue;
    }
    keyed.delete(key);
    if (same === place) place = place.nextSibling;
    else parent.insertBefore(same, place);
    if (same.nodeType !== Node.ELEMENT_NODE) {
      if (same.nodeValue !== node.nodeValue) same.nodeValue = node.nodeValue;
      continue;
    }
    for (const { name } of [...same.attributes]) if (!node.hasAttribute(name)) same.removeAttribute(name);
    for (const { name, value } of node.attributes) if (same.getAttribute(name) !== value) same.setAttribute(name, value);
    reconcile(same, [...node.childNodes]);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

const isAlike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && !one.dataset?.key;

/** A label set as elements, in the notation of PromQL. */
export function labelsElement(labels, without = []) {
  const name = labels.__name__ ?? "";
  const rest = Object.entries(labels).filter(([key]) => key !== "__name__" && !without.includes(key));
  const parts = [];
  if (name) parts.push(el("span", { class: "name" }, name));
  if (rest.length || !name) parts.push("{");
  rest.forEach(([key, value], index) => {
    if (index) parts.push(", ");
    parts.push(el("span", { class: "key" }, key), "=", el("span", { class: "value" }, JSON.stringify(value)));
  });
  if (rest.length || !name) parts.push("}");
  return el("span", { class: "labels" }, parts);
}

/** A label set as text. */
export function labelsText(labels) {
  return labelsElement(labels).textContent;
}

/** Reads from the browser's storage; private windows may have none. */
export function recall(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`metrics.${key}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Writes to the browser's storage, if there is one. */
export function remember(key, value) {
  try {
    localStorage.setItem(`metrics.${key}`, JSON.stringify(value));
  } catch {
    // What is forgotten is only comfort.
  }
}
