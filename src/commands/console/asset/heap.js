// What a heap snapshot, or the growth between two, has by function.

import { el } from "../api.js";
import { formatValue } from "../unit.js";
import { flame } from "./flame.js";

/** Functions of the shop. */
const SHOP = /^<?(&?)(gateway|checkout|inventory|payment|chassis|shop_api|telemetry|fault)::/;
const bytes = (number) => formatValue(number, "bytes");

const sizeOf = (row, isGrowth) => (isGrowth ? row.bytes_after - row.bytes_before : row.bytes);

/** The functions, the largest first, with their stacks. */
export function functionTable(rows, { total, isGrowth }) {
  if (!rows.length) return el("p", { class: "quiet" }, isGrowth ? "No function grew or shrank." : "Nothing is in use.");
  const list = rows.map((row) => {
    const size = sizeOf(row, isGrowth);
    const share = total > 0 && size > 0 ? `${Math.round((size / total) * 100)} %` : "";
    return { size, text: bytes(Math.abs(size)), others: [share, ...(isGrowth ? [bytes(row.bytes_before), bytes(row.bytes_after)] : [])], name: stack(row) };
  });
  return barTable([isGrowth ? "Growth" : "In use", "Share", ...(isGrowth ? ["Before", "After"] : []), "Function"], list, isGrowth);
}

/** Functions with a bar each: `rows` are `{size, text, others, name}`, the sizes signed and their texts not; changes are coloured. */
export function barTable(titles, rows, isChange) {
  const most = Math.max(...rows.map(({ size }) => Math.abs(size))) || 1;
  const list = rows.map(({ size, text, others, name }) => {
    const isMore = isChange && size > 0;
    const bar = el("span", { class: `bar-fill ${isMore ? "bad" : isChange ? "other" : ""}` });
    bar.style.width = `${(Math.abs(size) / most) * 100}%`;
    const sign = isMore ? "+" : isChange && size < 0 ? "−" : "";
    return el("tr", { "data-row": "", tabindex: "0" },
      el("td", { class: "with-bar" }, el("span", { class: `number ${isMore ? "up" : ""}` }, `${sign}${text}`), el("span", { class: "bar-box" }, bar)),
      others.map((other) => el("td", { class: "number quiet" }, other)),
      el("td", { class: "mono" }, name));
  });
  const head = titles.map((title, index) => el("th", { scope: "col", class: index && index < titles.length - 1 ? "number" : "" }, title));
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
  return shopFlame(stacks, { width, title: isGrowth ? "grown" : "in use", told: bytes });
}

/** A flame graph on which the functions of the shop stand out. */
export function shopFlame(stacks, { width, ...others }) {
  return flame(stacks, { width: Math.max(640, width - 36), isOwn: (name) => SHOP.test(name), ...others });
}
