// What a CPU profile says by function, and what changed between two.

import { el } from "../api.js";
import { barTable, shopFlame } from "./heap.js";

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Functions with their share: own and with what they call, or before and after. */
export function cpuTable(functions, { samples, isChange }) {
  if (!functions.length) return el("p", { class: "quiet" }, isChange ? "No function's share changed." : "No samples.");
  const rows = functions.map((one) => {
    const size = isChange ? one.after - one.before : one.own / samples;
    const others = isChange ? [one.before, one.after] : [one.total / samples];
    return { size, text: percent(Math.abs(size)), others: others.map(percent), name: one.function };
  });
  return barTable(isChange ? ["Change", "Before", "After", "Function"] : ["Own", "With calls", "Function"], rows, isChange);
}

/** The stacks of a profile as a flame graph. */
export function cpuFlame({ name, stacks }, width) {
  const weighed = stacks.map(({ frames, samples }) => ({ frames, weight: samples }));
  return shopFlame(weighed, { width, title: name, told: (samples) => `${samples} samples` });
}
