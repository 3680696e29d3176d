// The catalogue of drills by family and level, what was run of it, and how it went.

import { el } from "../api.js";
import { formatTime } from "../time.js";
import { read } from "./client.js";
import { changed, choice, field, trouble } from "./form.js";
import { svg } from "./svg.js";

/** How families are called where people read. */
const FAMILIES = { "orders-fail": "Orders fail", "orders-slow": "Orders are slow", memory: "Memory", backlog: "Backlog" };
const called = (family) => FAMILIES[family] ?? (family.charAt(0).toUpperCase() + family.slice(1)).replaceAll("-", " ");

export function draw(main, context) {
  const abort = new AbortController();
  main.replaceChildren(el("p", { class: "quiet", role: "status" }, "reading the catalogue …"));
  const options = { background: true, signal: abort.signal };
  Promise.all([read("list", {}, options), read("history", {}, options), read("next", {}, options).catch(() => null)])
    .then(([drills, history, next]) => show(main, context, drills, history, next))
    .catch((error) => error.name === "AbortError" || main.replaceChildren(trouble(error)));
  return { leave: () => abort.abort() };
}

function show(main, context, drills, history, next) {
  const { params, go, incident } = context;
  const get = (name) => params.get(name) ?? "";
  const set = (changes) => go(changed(params, changes));
  const families = [...new Set(drills.map(({ family }) => family))];
  const levels = [...new Set(drills.map(({ level }) => level))].sort();
  const family = Object.fromEntries(drills.map((drill) => [drill.id, drill.family]));
  const runs = history.map((run) => ({ ...run, family: family[run.drill] }));
  const shown = drills.filter((drill) => (!get("family") || drill.family === get("family")) && (!get("level") || String(drill.level) === get("level")));
  main.replaceChildren(el("div", { class: "drills" },
    el("h1", {}, "Drills"),
    incident.is_live
      ? el("p", { class: "quiet" }, "A drill is running here. The next one is started in a terminal, after this one has ended: submit the write-up, or press Ctrl-C where it runs.")
      : el("p", { class: "quiet" }, "The run that this page shows has ended. The next drill is started in a terminal; end this page there with Ctrl-C first."),
    next ? nextCard(next, context) : "",
    runs.length ? progressCard(runs, families) : el("section", { class: "card" }, el("h2", {}, "Progress"), el("p", { class: "empty" }, "No graded runs yet. The first one appears here with its score.")),
    el("section", { class: "card" },
      el("div", { class: "bar" }, el("h2", {}, "Catalogue"),
        field("family", choice(get("family"), [["", "all"], ...families.map((one) => [one, called(one)])], (value) => set({ family: value }))),
        field("level", choice(get("level"), [["", "all"], ...levels.map((level) => [String(level), String(level)])], (value) => set({ level: value }))),
        el("span", { class: "quiet", role: "status" }, `${shown.length} of ${drills.length} drills, ${new Set(runs.filter(({ passed }) => passed).map(({ drill }) => drill)).size} passed`)),
      families.map((one) => catalogue(one, shown.filter((drill) => drill.family === one), runs, next, context)))));
}

/** What to type, with a button that copies it. */
function toType(id, { say }, isSmall = false) {
  const command = `firedrill run ${id}`;
  const copy = el("button", { type: "button", class: "small", "aria-label": `Copy ${command}`, onclick: async () => {
    try {
      await navigator.clipboard.writeText(command);
      say(`In the clipboard: ${command}`);
    } catch {
      say(command);
    }
  } }, "copy");
  return isSmall ? copy : el("div", { class: "copy-line" }, el("code", {}, command), copy);
}

function nextCard(next, context) {
  return el("section", { class: "card asked" }, el("h2", {}, "Next: ", next.id, el("span", { class: "quiet" }, ` ${called(next.family)}, level ${next.level}`)), el("p", {}, `Proposed because ${next.why}`), toType(next.id, context));
}

function catalogue(family, drills, runs, next, context) {
  if (!drills.length) return "";
  const rows = drills.map(({ id, level }) => {
    const own = runs.filter(({ drill }) => drill === id);
    const best = [...own].sort((a, b) => b.passed - a.passed || b.score - a.score)[0];
    const last = own.at(-1);
    const state = !best ? ["not run", ""] : best.passed ? ["✓ passed", "ok"] : ["✗ not passed", "err"];
    return el("tr", { "data-row": "", tabindex: "0", class: next?.id === id ? "now" : "" },
      el("th", { scope: "row" }, id), el("td", { class: "number" }, level), el("td", {}, el("span", { class: `badge ${state[1]}` }, state[0])),
      el("td", { class: "number" }, own.length || "—"), el("td", { class: "number" }, best ? best.score : "—"), el("td", { class: "number" }, last ? last.score : "—"),
      el("td", {}, own.length > 1 ? spark(own) : ""), el("td", {}, el("code", {}, `firedrill run ${id}`), " ", toType(id, context, true)));
  });
  const heads = ["Drill", "Level", "State", "Runs", "Best", "Last", "Over time", "To run it"].map((text) => el("th", { scope: "col", class: ["Level", "Runs", "Best", "Last"].includes(text) ? "number" : "" }, text));
  return el("div", { class: "family" }, el("h3", {}, called(family), el("span", { class: "quiet" }, ` ${drills[0].symptom}`)), el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows))));
}

/** The scores of one drill, small. */
function spark(runs) {
  const [width, height] = [84, 22];
  const x = (index) => 3 + (index / (runs.length - 1)) * (width - 6);
  const y = ({ score }) => height - 3 - (score / 100) * (height - 6);
  return svg("svg", { class: "spark progress", width, height, role: "img", "aria-label": `scores ${runs.map(({ score }) => score).join(", ")}` },
    svg("polyline", { class: "trend", points: runs.map((run, index) => `${x(index)},${y(run)}`).join(" ") }),
    ...runs.map((run, index) => svg("circle", { class: `dot ${run.passed ? "passed" : "failed"}`, cx: x(index), cy: y(run), r: 2.5 })));
}

// ---- progress ----

function progressCard(runs, families) {
  const passed = runs.filter((run) => run.passed).length;
  const plot = el("div", {});
  const lines = el("div", {});
  const redraw = () => {
    if (plot.clientWidth) plot.replaceChildren(scores(runs, plot.clientWidth));
    if (lines.clientWidth) lines.replaceChildren(byFamily(runs, families, lines.clientWidth));
  };
  const observer = new ResizeObserver(redraw);
  observer.observe(plot);
  observer.observe(lines);
  return el("section", { class: "card" }, el("h2", {}, "Progress ", el("span", { class: "quiet" }, `${passed} of ${runs.length} graded runs passed`)),
    el("div", { class: "columns" },
      el("div", {}, el("h3", {}, "Scores, oldest first"), plot),
      el("div", {}, el("h3", {}, "By family"), lines)),
    el("details", {}, el("summary", {}, "As a table"), el("div", { class: "scroll" }, history(runs))));
}

function scores(runs, width) {
  const [height, left, bottom] = [190, 34, 22];
  const x = (index) => left + 14 + (runs.length > 1 ? (index / (runs.length - 1)) * (width - left - 28) : (width - left - 28) / 2);
  const y = (score) => 8 + (1 - score / 100) * (height - bottom - 8);
  const image = svg("svg", { class: "progress", width, height, role: "img", "aria-label": `Scores of ${runs.length} runs; the table below has them` });
  for (const place of [0, 25, 50, 75, 100]) image.append(svg("line", { class: "grid-line", x1: left, x2: width, y1: y(place), y2: y(place) }), svg("text", { x: left - 8, y: y(place) + 4, "text-anchor": "end" }, place));
  const mark = runs.at(-1).pass_mark;
  image.append(svg("line", { class: "pass", x1: left, x2: width, y1: y(mark), y2: y(mark) }), svg("text", { x: width - 4, y: y(mark) - 4, "text-anchor": "end" }, `passes from ${mark}`));
  image.append(svg("polyline", { class: "trend", points: runs.map((run, index) => `${x(index)},${y(run.score)}`).join(" ") }));
  runs.forEach((run, index) => image.append(svg("circle", { class: `dot ${run.passed ? "passed" : "failed"}`, cx: x(index), cy: y(run.score), r: 5 }, svg("title", {}, `${formatTime(Date.parse(run.at) / 1000)} ${run.drill}, level ${run.level}: ${run.score} points, ${run.passed ? "passed" : "not passed"}`))));
  const times = runs.length > 1 ? [0, runs.length - 1] : [0];
  for (const index of times) image.append(svg("text", { x: x(index), y: height - 5, "text-anchor": runs.length === 1 ? "middle" : index ? "end" : "start" }, formatTime(Date.parse(runs[index].at) / 1000).slice(0, 10)));
  return image;
}

/** A row for each family: every run at its score, and the mean of the last three. */
function byFamily(runs, families, width) {
  const row = 34;
  const left = 112;
  const x = (score) => left + (score / 100) * (width - left - 12);
  const image = svg("svg", { class: "progress", width, height: families.length * row + 22, role: "img", "aria-label": families.map((family) => `${called(family)}: ${runs.filter((run) => run.family === family).map(({ score }) => score).join(", ") || "no runs"}`).join("; ") });
  families.forEach((family, index) => {
    const y = index * row + 18;
    const own = runs.filter((run) => run.family === family);
    image.append(svg("text", { x: 0, y: y + 4 }, called(family)), svg("line", { class: "grid-line", x1: x(0), x2: x(100), y1: y, y2: y }));
    if (!own.length) image.append(svg("text", { x: x(0) + 4, y: y - 4 }, "not run yet"));
    for (const run of own) image.append(svg("circle", { class: `dot ${run.passed ? "passed" : "failed"}`, cx: x(run.score), cy: y, r: 5 }, svg("title", {}, `${run.drill}: ${run.score}`)));
  });
  const mark = runs.at(-1).pass_mark;
  image.append(svg("line", { class: "pass", x1: x(mark), x2: x(mark), y1: 2, y2: families.length * row }));
  for (const place of [0, mark, 100]) image.append(svg("text", { x: x(place), y: families.length * row + 16, "text-anchor": place === 100 ? "end" : place ? "middle" : "start" }, place));
  return image;
}

const took = (run, part) => {
  const seconds = run.times.find(({ name }) => name === part)?.seconds;
  return seconds === null || seconds === undefined ? "—" : seconds < 120 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
};

function history(runs) {
  const heads = ["Start", "Drill", "Level", "Passed", "Points", "Detect", "First look", "Mitigate"].map((text) => el("th", { scope: "col" }, text));
  const rows = [...runs].reverse().map((run) => el("tr", { "data-row": "", tabindex: "0" },
    el("td", { class: "number" }, formatTime(Date.parse(run.at) / 1000).slice(0, 16)), el("th", { scope: "row" }, run.drill), el("td", { class: "number" }, run.level),
    el("td", {}, run.passed ? "✓ yes" : "✗ no", run.amended ? " (amended)" : ""), el("td", { class: "number" }, run.score), ...["detect", "first look", "mitigate"].map((part) => el("td", { class: "number" }, took(run, part)))));
  return el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows));
}
