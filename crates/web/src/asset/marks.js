// Deploys and pages on a chart: when a service began to run another version, when somebody was paged, and where the label
// of each finds room.

import { call } from "./api.js";

const LINE = 14;
const MOST_ROWS = 5;
const BURST = 15;
const GAP = 8;

/** What each kind of change is called on a chart. */
const CALLED = {
  deploy: (release) => ` ${release}`,
  rollback: (release) => ` back to ${release}`,
  restart: () => " restart",
  config: () => " config",
  flush: () => " flush",
  scale: () => " scale",
};

/** Deploys and pages of a range: `[{t, text, isPage}]`. */
export async function allMarks(times, signal) {
  const [deploys, pages] = await Promise.all([deployMarks(times, signal), log("/pages.json", pagesOf, signal)]);
  return [...deploys, ...(pages ?? []).filter(({ t }) => t >= times.start && t <= times.end)];
}

/** The deploys of a range: `[{t, text}]`, by time. The deploy log knows them to the moment, scrapes only afterwards. */
export async function deployMarks({ start, end, step }, signal) {
  const logged = await log("/deploys.json", marksOf, signal);
  if (logged?.length) return logged.filter(({ t }) => t >= start && t <= end);
  const query = "group by (service, instance, version) (build_info)";
  const answer = await call("query_range", { query, start, end, step }, signal).catch((error) => {
    if (error.name === "AbortError") throw error;
    return { data: { result: [] } };
  });
  return changes(answer.data.result, start, step);
}

/** The entries of a log, as marks; null where there is none. */
async function log(path, read, signal) {
  try {
    const answer = await fetch(path, { signal });
    return answer.ok ? read(await answer.json()) : null;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

/** Entries of the deploy log as marks: `[{id, t, text}]`. */
export function marksOf(entries) {
  return entries.map(({ id, at, service, release, kind }) => ({ id, t: Date.parse(at) / 1000, text: service + (CALLED[kind] ?? (() => ` ${kind}`))(release) }));
}

/** Pages as marks; those that follow another at once are one mark with it, so that deploys keep room for their labels. */
export function pagesOf(entries) {
  const bursts = [];
  for (const { at, alert } of entries) {
    const t = Date.parse(at) / 1000;
    const last = bursts.at(-1);
    if (last && t - last.until <= BURST) Object.assign(last, { until: t, more: last.more + 1 });
    else bursts.push({ t, until: t, alert, more: 0 });
  }
  return bursts.map(({ t, alert, more }) => ({ t, text: `page ${alert}${more ? ` and ${more} more` : ""}`, isPage: true }));
}

/** The version at the start of the range, or the first one, is not a change; a return to an older version is. */
export function changes(series, start, step) {
  const instances = new Map();
  for (const { metric, values } of series) {
    const { service = "", instance = "", version = "" } = metric;
    const key = `${service} ${instance}`;
    const runs = instances.get(key) ?? [];
    let before = -Infinity;
    for (const [at] of values) {
      if (at - before > step * 1.5) runs.push({ service, version, at });
      before = at;
    }
    instances.set(key, runs);
  }
  const found = [];
  for (const runs of instances.values()) {
    runs.sort((a, b) => a.at - b.at);
    runs.forEach((run, index) => {
      const previous = runs[index - 1]?.version;
      if (previous !== undefined && previous !== run.version && run.at > start) found.push({ ...run, previous });
    });
  }
  found.sort((a, b) => a.at - b.at);
  const current = new Map();
  const marks = [];
  for (const { service, version, previous, at } of found) {
    // The replicas of a service follow one another: that is one deploy.
    if (current.get(service) === version) continue;
    current.set(service, version);
    const isBack = version.localeCompare(previous, undefined, { numeric: true }) < 0;
    marks.push({ t: at, text: `${service}${isBack ? " back to" : ""} ${version}`.trim() });
  }
  return marks;
}

/**
 * Places for marks at `x` with labels of `width` between two edges: `at` is where the label begins and `row` how far up it
 * stands, none if it finds no room. A label stands above all marks that it reaches over, so that no line runs through it.
 */
export function layOut(marks, left, right) {
  const flags = marks.filter(({ x }) => x >= left && x <= right).sort((a, b) => a.x - b.x);
  for (let index = flags.length - 1; index >= 0; index -= 1) {
    const flag = flags[index];
    flag.at = Math.max(left, Math.min(flag.x + 7, right - flag.width));
    const over = flags.slice(index + 1).filter((other) => Math.min(other.x - 5, other.at) < flag.at + flag.width + GAP);
    // A label that was pushed back from the edge stands above its own arrow.
    const lowest = flag.at < flag.x + 7 ? 1 : 0;
    flag.row = Math.max(lowest, ...over.map(({ row }) => (row ?? -1) + 1));
    if (flag.row >= MOST_ROWS) flag.row = null;
    // Without a label it needs no room.
    if (!flag.text) flag.row = 0;
  }
  return flags;
}

/** How much room the labels take above a chart. */
export function roomFor(flags) {
  return flags.length ? LINE * (1 + Math.max(0, ...flags.map(({ row }) => row ?? 0))) : 0;
}

/** Draws lines, arrows and labels; the chart begins at `top` and is `height` high, and pages have a colour of their own. */
export function drawMarks(context, flags, { top, height, color, alarm, ground }) {
  context.lineWidth = 1;
  for (const { x, row, isPage } of flags) {
    context.strokeStyle = context.fillStyle = isPage ? alarm : color;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(x, top - 6 - (row ?? 0) * LINE);
    context.lineTo(x, top + height);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x - 4, top - 9);
    context.lineTo(x + 4, top - 9);
    context.lineTo(x, top - 3);
    context.fill();
  }
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const { text, at, row, width, isPage } of flags) {
    if (row === null) continue;
    const y = top - 8 - row * LINE;
    context.fillStyle = ground;
    context.fillRect(at - 2, y - LINE / 2, width + 4, LINE - 1);
    context.fillStyle = isPage ? alarm : color;
    context.fillText(text, at, y);
  }
}
