// Elements of pictures, as `el` makes those of the document.

const NS = "http://www.w3.org/2000/svg";

/** An element of a picture; what is left out of its attributes is null or undefined. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
