// What a heap snapshot, or the growth between two, has by function.

import { el } from "../api.js";
import { formatValue } from "../unit.js";
import { flame } from "./flame.js";

/** Functions of the shop. */
export const SHOP = /^<?(&?)(gateway|checkout|inventory|payment|chassis|shop_api|telemetry|fault)::/;
const bytes = (number) => formatValue(number, "bytes");

const sizeOf = (row, isGrowth) => (isGrowth ? row.bytes_after - row.bytes_before : row.bytes);

/** The functions, the largest first, with their stacks. */
export function functionTable(rows, { total, isGrowth }) {
  if (!rows.length) return el("p", { class: "quiet" }, isGrowth ? "No function grew or shrank." : "Nothing is in use.");
  const most = Math.max(1, ...rows.map((row) => Math.abs(sizeOf(row, isGrowth))));
  const list = rows.map((row) => {
    const size = sizeOf(row, isGrowth);
    const bar = el("span", { class: `bar-fill ${isGrowth ? (size > 0 ? "bad" : "other") : ""}` });
    bar.style.width = `${(Math.abs(size) / most) * 100}%`;
    const sign = isGrowth ? (size > 0 ? "+" : size < 0 ? "−" : "") : "";
    const share = total > 0 && size > 0 ? `${Math.round((size / total) * 100)} %` : "";
    return el("tr", { "data-row": "", tabindex: "0" },
      el("td", { class: "with-bar" }, el("span", { class: `number ${isGrowth && size > 0 ? "up" : ""}` }, `${sign}${bytes(Math.abs(size))}`), el("span", { class: "bar-box" }, bar)),
      el("td", { class: "number quiet" }, share),
      ...(isGrowth ? [el("td", { class: "number quiet" }, bytes(row.bytes_before)), el("td", { class: "number quiet" }, bytes(row.bytes_after))] : []),
      el("td", { class: "mono" }, stack(row)));
  });
  const head = [isGrowth ? "Growth" : "In use", "Share", ...(isGrowth ? ["Before", "After"] : []), "Function"].map((text) => el("th", { scope: "col", class: /Share|Before|After/.test(text) ? "number" : "" }, text));
  return el("div", { class: "scroll" }, el("table", { class: "functions" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, list)));
}

function stack(row) {
  if (!row.stack?.length) return row.function;
  return el("details", {}, el("summary", {}, row.function), el("ol", {}, row.stack.map((frame) => el("li", { class: frame === row.function ? "" : "quiet" }, frame))));
}

/** The functions with what they call; null if nothing grew. */
export function memoryFlame(rows, { width, isGrowth }) {
  const stacks = rows.filter((row) => sizeOf(row, isGrowth) > 0).map((row) => {
    const at = row.stack?.indexOf(row.function) ?? -1;
    // Stacks are innermost first, and cut: what calls the function is not told to the end, so the graph begins with it.
    return { frames: [row.function, ...(at > 0 ? row.stack.slice(0, at).reverse() : [])], weight: sizeOf(row, isGrowth) };
  });
  if (!stacks.length) return null;
  return flame(stacks, { width: Math.max(640, width - 36), title: isGrowth ? "grown" : "in use", told: bytes, isOwn: (name) => SHOP.test(name) });
}
