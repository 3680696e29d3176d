// TODO act

import { el } from "../api.js";

export function draw(main) {
  main.replaceChildren(el("p", { class: "empty" }, "act"));
}
