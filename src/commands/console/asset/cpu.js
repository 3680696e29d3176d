// What a CPU profile says by function, and what changed between two.

import { el } from "../api.js";
import { flame } from "./flame.js";
import { SHOP } from "./heap.js";

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Functions with their share: own and with what they call, or before and after. */
export function cpuTable(functions, { samples, isChange }) {
  if (!functions.length) return el("p", { class: "quiet" }, isChange ? "No function's share changed." : "No samples.");
  const size = isChange ? ({ before, after }) => after - before : ({ own }) => own / samples;
  const most = Math.max(0.001, ...functions.map((one) => Math.abs(size(one))));
  const rows = functions.map((one) => {
    const share = size(one);
    const bar = el("span", { class: `bar-fill ${isChange ? (share > 0 ? "bad" : "other") : ""}` });
    bar.style.width = `${(Math.abs(share) / most) * 100}%`;
    const sign = isChange && share > 0 ? "+" : "";
    const others = isChange ? [percent(one.before), percent(one.after)] : [percent(one.total / samples)];
    return el("tr", { "data-row": "", tabindex: "0" },
      el("td", { class: "with-bar" }, el("span", { class: `number ${isChange && share > 0 ? "up" : ""}` }, `${sign}${percent(share)}`), el("span", { class: "bar-box" }, bar)),
      ...others.map((text) => el("td", { class: "number quiet" }, text)),
      el("td", { class: "mono" }, one.function));
  });
  const names = isChange ? ["Change", "Before", "After", "Function"] : ["Own", "With calls", "Function"];
  const head = names.map((text, index) => el("th", { scope: "col", class: index && text !== "Function" ? "number" : "" }, text));
  return el("div", { class: "scroll" }, el("table", { class: "functions" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
}

/** The stacks of a profile as a flame graph. */
export function cpuFlame({ name, stacks }, width) {
  const weighed = stacks.map(({ frames, samples }) => ({ frames, weight: samples }));
  return flame(weighed, { width: Math.max(640, width - 36), title: name, told: (samples) => `${samples} samples`, isOwn: (frame) => SHOP.test(frame) });
}
