// The debrief: what happened, with the responder's own steps over it on one time axis, the shortest path, what was misleading.

import { el } from "../api.js";
import { formatClock, formatTick, parseUtc } from "../time.js";
import { timeTicks } from "../unit.js";
import { range, read } from "./client.js";
import { entries, readHead } from "./frontmatter.js";
import { addressOf, addressOfLink } from "./pointer.js";
import { svg } from "./svg.js";

/** `story` is what `debrief` answers. */
export function drawDebrief(story, context) {
  const { incident } = context;
  const abort = new AbortController();
  const lanes = el("div", { class: "lanes" }, el("p", { class: "quiet", role: "status" }, "reading the record …"));
  drawTimeline(lanes, story, context, abort.signal);
  const element = el("div", { class: "debrief" },
    el("section", { class: "card" }, el("h2", {}, `What happened: ${story.title}`), el("p", { class: "told" }, story.happened.trim()), story.changed_at ? el("p", { class: "quiet" }, `The change came at ${formatClock(Date.parse(story.changed_at) / 1000)}.`) : "", lanes),
    el("div", { class: "pair" },
      el("section", { class: "card" }, el("h2", {}, "Shortest path through the evidence"), el("ol", { class: "shortest" }, story.path.map(({ step, why, link }) => el("li", { "data-row": "", tabindex: "0" }, el("strong", {}, step), el("div", {}, why), leads(link, incident))))),
      el("section", { class: "card" }, el("h2", {}, "What was misleading"),
        story.misled.length ? el("ul", {}, story.misled.map(({ text, link, above, below }) => el("li", {}, text, leads(link, incident, above !== null ? `goes above ${above}` : below !== null ? `stays below ${below}` : "")))) : el("p", { class: "quiet" }, "Nothing in particular."),
        story.innocent.length ? el("h3", {}, "Changes that had no part in it") : "",
        el("ul", {}, story.innocent.map((one) => { const [id, ...rest] = one.split(": "); return el("li", {}, el("a", { href: `/deploys?${new URLSearchParams({ id })}` }, id), `: ${rest.join(": ")}`); })))),
    el("p", { class: "quiet" }, "The drill was ", el("code", {}, story.id), ". Its answer key has the hash that was shown at the start: ", el("code", {}, story.scenario_hash)));
  return { element, leave: () => abort.abort() };
}

/** A link into the console; where it has none, the command of the terminal. */
function leads(link, incident, more = "") {
  if (!link) return "";
  const address = addressOfLink(link, incident);
  const text = link.kind === "command" ? `firedrill ${link.target}` : `${link.kind}: ${link.target}`;
  const away = address?.startsWith("http") ? { target: "_blank", rel: "noopener" } : {};
  return el("div", {}, address ? el("a", { class: "mono", href: address, ...away }, text) : el("code", {}, text), more ? el("span", { class: "quiet" }, ` (${more})`) : "");
}

// ---- one time axis ----

async function drawTimeline(place, story, { incident }, signal) {
  const seconds = (time) => Date.parse(time) / 1000;
  const [deploys, draft] = await Promise.all([
    read("deploys", {}, { background: true, signal }).catch(() => []),
    read("draft", {}, { background: true, signal }).catch(() => ({ text: null })),
  ]);
  if (signal.aborted) return;
  const innocent = new Set(story.innocent.map((one) => one.split(": ")[0]));
  const from = seconds(incident.steady ?? incident.started);
  const end = incident.ended ? seconds(incident.ended) : Date.now() / 1000;
  const within = deploys.filter(({ at }) => seconds(at) >= from - 5);
  const near = incident.pages.length ? seconds(incident.pages[0].at) : from;
  const written = said(draft.text, near);
  // What was changed after the page is the proof of the grade, or came too late to be behind it.
  const part = (one) => (innocent.has(one.id) ? "innocent" : seconds(one.at) <= near ? "guilty" : "later");
  const lanes = [
    { name: "What changed", events: within.filter(({ command }) => !command).map((one) => ({ t: seconds(one.at), text: one.id, full: `${one.id}: ${one.summary}`, kind: part(one), href: `/deploys?${new URLSearchParams({ id: one.id })}` })) },
    { name: "Pages", events: incident.pages.map(({ at, alert, summary }) => ({ t: seconds(at), text: alert, full: `${alert}: ${summary}`, kind: "paged" })) },
    { name: "What you did", events: incident.actions.map(({ at, what }) => ({ t: seconds(at), text: what, full: what, kind: "own" })) },
    { name: "What you looked at", events: story.looks.filter(({ at }) => seconds(at) >= near).map(({ at, kind, what }) => ({ t: seconds(at), text: "", full: `${kind}: ${what}`, kind: "looked", href: kind === "trace" ? addressOf(`trace:${what}`, incident) : null })) },
    { name: "What you wrote", events: written.events, span: written.span },
  ];
  const indicator = incident.pages.find((page) => page.indicator)?.indicator;
  const step = Math.max(1, Math.ceil((end - from) / 240));
  const series = indicator ? await range(indicator.expression, { since: new Date(from * 1000).toISOString(), step }, { signal }).catch(() => []) : [];
  if (signal.aborted) return;
  const times = { start: from, end: Math.max(end, from + 10) };
  let width = 0;
  const redraw = () => {
    if (!place.clientWidth || place.clientWidth === width) return;
    width = place.clientWidth;
    place.replaceChildren(picture(Math.max(320, width), times, lanes, series, indicator), key());
  };
  redraw();
  // It changes the height of what is observed, so not while that is told.
  new ResizeObserver(() => requestAnimationFrame(redraw)).observe(place);
  place.after(asTable(lanes));
}

/** What the write-up says happened, and when the impact was. */
function said(text, near) {
  const head = readHead(text ?? "");
  const moment = (value) => {
    const relative = /^page(?:([+-]\d+(?:\.\d+)?)(s|m))?$/.exec(value ?? "");
    if (relative) return near + (relative[1] ? Number(relative[1]) * (relative[2] === "m" ? 60 : 1) : 0);
    return value ? parseUtc(value.replace("T", " "), near) : null;
  };
  const get = (section, name) => section?.keys.get(name)?.value;
  const events = entries(head, "timeline").map((entry) => ({ t: moment(get(entry, "at")), text: "", full: get(entry, "what") ?? "", kind: "written" })).filter(({ t }) => t !== null);
  const impact = entries(head, "impact")[0];
  const start = moment(get(impact, "start"));
  return { events, span: start === null ? null : { start, end: moment(get(impact, "end")), text: "impact, as you wrote it" } };
}

const LANE = 46;
const ROW = 15;
const LEFT = 104;

function picture(width, { start, end }, lanes, series, indicator) {
  const isNarrow = width < 620;
  const left = isNarrow ? 8 : LEFT;
  const x = (t) => left + ((Math.min(end, Math.max(start, t)) - start) / (end - start)) * (width - left - 14);
  const image = svg("svg", { class: "laid", width, role: "group", "aria-label": "What happened, and what you did, on one time axis; the table below has the same" });
  let y = 6;
  if (series.length) {
    y = drawIndicator(image, { x, y, width, left, isNarrow }, series, indicator);
  }
  for (const lane of lanes) {
    const placed = place(lane.events, x, width);
    const rows = Math.max(1, ...placed.map(({ row }) => row + 1));
    const head = isNarrow ? 16 : 0;
    const height = Math.max(LANE - 16, rows * ROW + 14) + head;
    image.append(svg("line", { class: "floor", x1: 0, x2: width, y1: y + height, y2: y + height }), svg("text", { class: "lane-name", x: isNarrow ? 4 : 0, y: y + 14 }, lane.name));
    if (lane.span) {
      const [from, to] = [x(lane.span.start), x(lane.span.end ?? end)];
      image.append(svg("rect", { class: "impact", x: from, y: y + head + 3, width: Math.max(2, to - from), height: height - head - 6 }, svg("title", {}, lane.span.text)));
    }
    for (const event of placed) image.append(mark(event, y + head));
    y += height;
  }
  const [places, step] = timeTicks(start, end, Math.max(2, (width - left) / 90));
  for (const at of places) image.append(svg("line", { class: "tick", x1: x(at), x2: x(at), y1: 0, y2: y }), svg("text", { class: "tick-text", x: x(at), y: y + 15 }, formatTick(at, step)));
  // What set it off goes through everything.
  for (const { t, kind } of lanes.flatMap(({ events }) => events)) if (["guilty", "paged", "own"].includes(kind)) image.prepend(svg("line", { class: `through ${kind}`, x1: x(t), x2: x(t), y1: 0, y2: y }));
  image.setAttribute("height", y + 22);
  return image;
}

/** Events in rows, so that no text lies over another; those without a text are in the first. */
function place(events, x, width) {
  const ends = [];
  return [...events].sort((a, b) => a.t - b.t).map((event) => {
    const at = x(event.t);
    if (!event.text) return { ...event, at, row: 0, isLeft: false };
    const room = event.text.length * 6.9 + 20;
    const isLeft = at + room > width;
    const [from, to] = isLeft ? [at - room, at + 6] : [at - 6, at + room];
    let row = ends.findIndex((last) => last <= from);
    if (row < 0) row = ends.length;
    ends[row] = to;
    return { ...event, at, row, isLeft };
  });
}

const SHAPES = { guilty: "M0,-6 L6,5 L-6,5 Z", innocent: "M0,-5 L5,0 L0,5 L-5,0 Z", later: "M0,-5 L5,0 L0,5 L-5,0 Z", paged: "M-5,-5 H5 V5 H-5 Z", own: "M-5,0 A5,5 0 1 0 5,0 A5,5 0 1 0 -5,0 Z", looked: "M-2.5,0 A2.5,2.5 0 1 0 2.5,0 A2.5,2.5 0 1 0 -2.5,0 Z", written: "M-1.5,-7 H1.5 V7 H-1.5 Z" };

function mark({ at, row, isLeft, text, full, kind, href, t }, y) {
  const middle = y + 14 + row * ROW;
  const group = svg("g", { class: `mark ${kind}` }, svg("title", {}, `${formatClock(t)} ${full}`),
    svg("path", { d: SHAPES[kind], transform: `translate(${at} ${middle - 4})` }),
    svg("text", { x: at + (isLeft ? -9 : 9), y: middle, "text-anchor": isLeft ? "end" : "start" }, text));
  return href ? svg("a", { href, "aria-label": full }, group) : group;
}

function drawIndicator(image, { x, y, width, left, isNarrow }, series, { threshold, operator }) {
  const height = 92;
  const values = series.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const high = Math.max(threshold, ...values) * 1.08 || 1;
  const low = Math.min(0, threshold, ...values);
  const top = y + (isNarrow ? 16 : 0);
  const at = (value) => top + height - ((value - low) / (high - low || 1)) * height;
  image.append(svg("text", { class: "lane-name", x: isNarrow ? 4 : 0, y: y + 14 }, "Alert's indicator"));
  for (const { points } of series) {
    const line = points.filter(([, value]) => Number.isFinite(value)).map(([t, value]) => `${x(t).toFixed(1)},${at(value).toFixed(1)}`);
    image.append(svg("polyline", { class: "indicator", points: line.join(" ") }));
  }
  image.append(svg("line", { class: "threshold", x1: left, x2: width - 14, y1: at(threshold), y2: at(threshold) }), svg("text", { class: "threshold-text", x: width - 16, y: at(threshold) - 4 }, `fires ${operator} ${threshold}`));
  image.append(svg("line", { class: "floor", x1: 0, x2: width, y1: top + height + 4, y2: top + height + 4 }));
  return top + height + 4;
}

function key() {
  const one = (kind, text) => el("span", {}, svg("svg", { width: 16, height: 16, "aria-hidden": "true" }, svg("g", { class: `mark ${kind}` }, svg("path", { d: SHAPES[kind], transform: "translate(8 8)" }))), ` ${text}`);
  return el("p", { class: "laid-key quiet" }, one("guilty", "the change behind it"), one("innocent", "change without a part in it"), one("paged", "page"), one("own", "your action"), one("looked", "what you looked at"), one("written", "entry of your timeline"));
}

/** The same for those who read rather than see. */
function asTable(lanes) {
  const rows = lanes.flatMap(({ name, events }) => events.map((event) => ({ ...event, name }))).sort((a, b) => a.t - b.t)
    .map(({ t, name, full, kind, href }) => el("tr", { class: kind, "data-row": "", tabindex: "0" }, el("td", { class: "number" }, formatClock(t)), el("td", {}, ({ innocent: `${name}, no part in it`, guilty: "The change behind it" })[kind] ?? name), el("td", {}, href ? el("a", { href }, full) : full)));
  return el("details", {}, el("summary", {}, "As a table"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What happened, as a table" }, el("table", {}, el("thead", {}, el("tr", {}, ["Time", "Kind", "What"].map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows))));
}
