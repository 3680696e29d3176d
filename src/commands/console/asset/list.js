// Long lists: only the rows in sight are in the document. Every row is equally high.

import { el } from "../api.js";

const SPARE = 12;

export class List {
  /** `draw(item, index)` makes the element of a row of `height` pixels; the box shows at most `most` pixels. */
  constructor(height, most, draw) {
    this.height = height;
    this.make = draw;
    this.items = [];
    this.inner = el("div", { class: "list-inner" });
    this.element = el("div", { class: "list" }, this.inner);
    this.element.style.maxHeight = `${most}px`;
    this.element.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.element);
    // Keys that go through rows meet those that are drawn; the row beyond the edge is drawn by scrolling to it.
    this.inner.addEventListener("focusin", (event) => event.target.closest("[data-row]")?.scrollIntoView({ block: "nearest" }));
  }

  show(items) {
    this.items = items;
    this.inner.style.height = `${items.length * this.height}px`;
    this.from = -1;
    this.draw();
  }

  draw() {
    const from = Math.max(0, Math.floor(this.element.scrollTop / this.height) - SPARE);
    const to = Math.min(this.items.length, Math.ceil((this.element.scrollTop + (this.element.clientHeight || 800)) / this.height) + SPARE);
    if (from === this.from && to === this.to) return;
    [this.from, this.to] = [from, to];
    const focused = document.activeElement?.closest?.("[data-index]")?.dataset.index;
    const rows = this.items.slice(from, to).map((item, index) => {
      const row = this.make(item, from + index);
      row.dataset.index = from + index;
      row.style.top = `${(from + index) * this.height}px`;
      row.style.height = `${this.height}px`;
      return row;
    });
    this.inner.replaceChildren(...rows);
    if (focused !== undefined) this.inner.querySelector(`[data-index="${focused}"]`)?.focus({ preventScroll: true });
  }
}
