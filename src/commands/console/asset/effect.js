// Whether what was done helped: what the alerts measure, before and after an action.

import { el } from "../api.js";
import { marksOf, pagesOf } from "../marks.js";
import { formatClock } from "../time.js";
import { formatValue, guessUnit } from "../unit.js";
import { range, read } from "./client.js";
import { Panel } from "./view.js";

/** How long after an action its effect is watched, and how far the chart looks back. */
export const WATCH = 180;
const BACK = 300;
const EVERY = 2000;

/** What tells a line from the others: the instance, else all labels. */
const named = ({ instance, ...others }) => instance ?? (Object.values(others).join(" ") || "value");

/** Watches the indicators of the pages from before the action at `at` on; `state` has incident and signal. */
export function watch(state, at) {
  const pages = state.incident.pages.filter(({ alert, indicator }, index, all) => indicator && all.findIndex((one) => one.alert === alert) === index);
  if (!pages.length) return el("p", { class: "quiet" }, "Nothing has paged, so there is no indicator to watch.");
  clearTimeout(state.timer);
  const rows = pages.map((page) => ({ page, unit: guessUnit(page.indicator.expression), said: el("span", {}, "…") }));
  // The first page is the one that the incident page opens on.
  let [chosen, panel] = [rows[0], null];
  const frame = el("div", {});
  const choose = (row) => {
    chosen = row;
    panel = new Panel(row.page.alert, { group: [], unit: row.unit, isLow: true });
    frame.replaceChildren(panel.element);
    for (const one of rows) one.button?.setAttribute("aria-pressed", String(one === row));
    if (row.seen) row.seen();
  };
  for (const row of rows) row.button = el("button", { type: "button", class: "small", onclick: () => choose(row) }, row.page.alert);
  const stopped = el("p", { class: "quiet", hidden: true }, "It is no longer refreshed.");
  choose(chosen);
  const look = async () => {
    const now = Date.now() / 1000;
    const start = Math.floor(Math.max(now - BACK, Date.parse(state.incident.started) / 1000));
    const times = { start, end: Math.ceil(now), step: 1 };
    const deploys = await read("deploys", {}, { background: true, signal: state.signal });
    const marks = [...marksOf(deploys.filter(({ command }) => command)), ...pagesOf(state.incident.pages.slice(0, 1))];
    await Promise.allSettled(rows.map(async (row) => {
      const { expression, operator, threshold } = row.page.indicator;
      const series = await range(expression, { since: new Date(start * 1000).toISOString(), step: 1 }, { signal: state.signal });
      row.said.textContent = moved(series, { at, operator, threshold, unit: row.unit });
      row.seen = () => panel.show(times, series, { named, expression, marks, levels: [{ value: threshold, text: `fires ${operator} ${formatValue(threshold, row.unit)}`, color: "--alarm" }] });
      if (row === chosen) row.seen();
    }));
    if (state.signal.aborted) return;
    const isOver = now - at > WATCH;
    stopped.hidden = !isOver;
    if (!isOver) state.timer = setTimeout(run, EVERY);
  };
  const run = () => look().catch((error) => { if (error.name !== "AbortError") state.timer = setTimeout(run, EVERY); });
  run();
  const window = /\[(\d+)s\]/.exec(chosen.page.indicator.expression)?.[1];
  return el("div", {},
    el("ul", { class: "effects", role: "status" }, rows.map((row) => el("li", {}, row.button, row.said))),
    frame, window ? el("p", { class: "quiet" }, `${chosen.page.alert} looks back ${window} s, so it takes that long until an effect shows in full.`) : "", stopped);
}

/** Whether an indicator moved since the action, in a sentence. */
export function moved(series, { at, operator, threshold, unit }) {
  const isHigh = operator.startsWith(">");
  const worst = new Map();
  for (const { points } of series) {
    for (const [t, value] of points) {
      if (Number.isNaN(value)) continue;
      const known = worst.get(t);
      worst.set(t, known === undefined ? value : isHigh ? Math.max(known, value) : Math.min(known, value));
    }
  }
  const times = [...worst.keys()].sort((a, b) => a - b);
  const since = times.filter((t) => t >= at);
  if (!since.length) return "nothing is measured since the action";
  const isBeyond = (value) => ({ ">": value > threshold, ">=": value >= threshold, "<": value < threshold, "<=": value <= threshold })[operator];
  const [value, then] = [worst.get(times.at(-1)), worst.get(times.filter((t) => t <= at).at(-1))];
  const shown = (number) => formatValue(number, unit);
  const [beyond, within] = isHigh ? ["above", "below"] : ["below", "above"];
  if (isBeyond(value)) {
    const share = then === undefined || then === threshold ? 0 : (then - value) / Math.abs(then - threshold || 1);
    const how = then === undefined ? "" : !isBeyond(then) ? `; it was ${within} it when you acted (${shown(then)})` : Math.abs(value - then) < Math.abs(then) * 0.1 ? "; no change so far" : `; it was ${shown(then)} when you acted, so it ${(isHigh ? share : -share) > 0 ? "recovers" : "gets worse"}`;
    return `still ${beyond} the threshold: ${shown(value)}${how}`;
  }
  const lastBad = times.filter((t) => isBeyond(worst.get(t))).at(-1);
  if (lastBad === undefined) return `${within} the threshold all the time: ${shown(value)}`;
  const good = times.find((t) => t > lastBad);
  const from = `${within} the threshold since ${formatClock(good)}`;
  return good < at ? `${from}, before the action: ${shown(value)}` : `${from}, ${Math.max(0, Math.round(good - at))} s after the action: ${shown(value)}`;
}
