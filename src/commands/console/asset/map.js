// The service map, from live traffic: what calls what, how often, how long and how often in vain.

import { el } from "../api.js";
import { formatValue } from "../unit.js";
import { read } from "./client.js";
import { svg } from "./svg.js";

const NODE = { width: 200, height: 66 };
const GAP = { x: 40, y: 62 };
const WIDTH = 2 * NODE.width + GAP.x + 8;

const OVER = "[30s]";
const server = 'http_server_request_duration_seconds';
const client = 'http_client_request_duration_seconds';
const BAD = 'http_response_status_code=~"5..|"';

/** What is asked: the numbers of nodes by service, those of edges by service and target. */
const QUERIES = {
  nodeRate: `sum by (service) (rate(${server}_count${OVER}))`,
  nodeErrors: `sum by (service) (rate(${server}_count{http_response_status_code=~"5.."}${OVER}))`,
  nodeP99: `histogram_quantile(0.99, sum by (le, service) (rate(${server}_bucket${OVER})))`,
  edgeRate: `sum by (service, target) (rate(${client}_count${OVER}))`,
  edgeErrors: `sum by (service, target) (rate(${client}_count{${BAD}}${OVER}))`,
  edgeP99: `histogram_quantile(0.99, sum by (le, service, target) (rate(${client}_bucket${OVER})))`,
};

/** Reads nodes and edges: `{nodes: Map(name -> numbers), edges: [{from, to, ...numbers}]}`. */
export async function readMap(signal) {
  const names = Object.keys(QUERIES);
  const answers = await Promise.all(names.map((name) => read("query", { expr: QUERIES[name] }, { background: true, signal })));
  const found = Object.fromEntries(names.map((name, index) => [name, answers[index].result]));
  const number = (list, metric) => {
    const same = list.find((one) => one.metric.service === metric.service && one.metric.target === metric.target);
    const value = Number(same?.value?.[1]);
    return Number.isFinite(value) ? value : 0;
  };
  const nodes = new Map(found.nodeRate.map(({ metric }) => [metric.service, {
    rate: number(found.nodeRate, metric), errors: number(found.nodeErrors, metric), p99: number(found.nodeP99, metric),
  }]));
  const edges = found.edgeRate.map(({ metric }) => ({
    from: metric.service, to: metric.target, rate: number(found.edgeRate, metric), errors: number(found.edgeErrors, metric), p99: number(found.edgeP99, metric),
  })).filter(({ rate }) => rate > 0);
  // Third parties serve no metrics; what callers see of them is known.
  for (const { to } of edges) if (!nodes.has(to)) nodes.set(to, null);
  return { nodes, edges };
}

/** The row of each node: below everything that calls it. */
export function rows(nodes, edges) {
  const row = new Map([...nodes.keys()].map((name) => [name, 0]));
  // As many rounds as there are nodes end also where calls form a circle.
  for (let round = 0; round < row.size; round += 1) {
    for (const { from, to } of edges) if (from !== to) row.set(to, Math.min(row.size - 1, Math.max(row.get(to), (row.get(from) ?? 0) + 1)));
  }
  return row;
}

/** Where each node stands: what is also called from far above stands on the right, so that its line has a way past the others. */
function places(nodes, edges) {
  const row = rows(nodes, edges);
  const isFar = (name) => edges.some(({ from, to }) => to === name && row.get(to) - row.get(from) > 1);
  const place = new Map();
  for (let at = 0; at <= Math.max(0, ...row.values()); at += 1) {
    const here = [...nodes.keys()].filter((name) => row.get(name) === at).sort((a, b) => isFar(a) - isFar(b) || a.localeCompare(b));
    here.forEach((name, index) => {
      const room = WIDTH - 8 - NODE.width;
      const x = here.length > 1 ? (index * room) / (here.length - 1) : at && !isFar(name) ? 0 : isFar(name) ? room : room / 2;
      place.set(name, { x: 4 + x, y: 4 + at * (NODE.height + GAP.y) });
    });
  }
  return place;
}

/** The map as SVG; a node leads to its traces. */
export function drawMap({ nodes, edges }) {
  const place = places(nodes, edges);
  const height = 8 + NODE.height + Math.max(0, ...[...place.values()].map(({ y }) => y));
  const map = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": summary(nodes, edges), class: "map" });
  const lines = edges.map((edge) => line(edge, place));
  // What is said of a line stands above all of them.
  map.append(...lines.map(([path]) => path), ...lines.flatMap(([, ...texts]) => texts));
  for (const [name, numbers] of nodes) map.append(node(name, numbers, place.get(name)));
  return map;
}

function line({ from, to, rate, errors, p99 }, place) {
  const [a, b] = [place.get(from), place.get(to)];
  const lean = Math.sign(b.x - a.x) * NODE.width * 0.3;
  const [x1, y1, x2, y2] = [a.x + NODE.width / 2 + lean, a.y + NODE.height, b.x + NODE.width / 2, b.y];
  const bend = (y2 - y1) / 2;
  const isBad = errors / rate > 0.01;
  const path = svg("path", { d: `M${x1} ${y1} C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`, class: isBad ? "edge bad" : "edge" });
  path.style.strokeWidth = `${Math.min(6, 1 + Math.log2(1 + rate))}`;
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2 + (isBad ? -4 : 4)];
  const text = svg("text", { x, y, class: isBad ? "edge-text bad" : "edge-text" }, `${formatValue(rate, "per second")} · p99 ${formatValue(p99, "seconds")}`);
  const more = isBad ? [svg("text", { x, y: y + 15, class: "edge-text bad" }, `${formatValue(errors / rate, "ratio")} fail ✕`)] : [];
  return [path, text, ...more];
}

function node(name, numbers, { x, y }) {
  const ratio = numbers ? numbers.errors / (numbers.rate || 1) : 0;
  const isBad = ratio > 0.01;
  const lines = numbers
    ? [`${formatValue(numbers.rate, "per second")}`, `${formatValue(ratio, "ratio")} errors · p99 ${formatValue(numbers.p99, "seconds")}`]
    : ["third party: what its", "callers see is on the line"];
  return svg("a", { href: `/traces?service=${encodeURIComponent(numbers ? name : "checkout")}` },
    svg("rect", { x, y, width: NODE.width, height: NODE.height, rx: 8, class: isBad ? "node bad" : "node" }),
    svg("text", { x: x + 10, y: y + 20, class: "node-name" }, `${name}${isBad ? " ✕" : ""}`),
    ...lines.map((text, index) => svg("text", { x: x + 10, y: y + 38 + index * 16, class: "node-text" }, text)));
}

function summary(nodes, edges) {
  const parts = [...nodes].filter(([, numbers]) => numbers).map(([name, { rate, errors, p99 }]) => `${name}: ${formatValue(rate, "per second")}, ${formatValue(errors / (rate || 1), "ratio")} errors, p99 ${formatValue(p99, "seconds")}`);
  return `Service map. ${parts.join("; ")}. Calls: ${edges.map(({ from, to }) => `${from} to ${to}`).join(", ")}.`;
}

/** The map in a card of its own. */
export function mapCard() {
  const box = el("div", { class: "map-box" }, el("p", { class: "quiet" }, "…"));
  const element = el("section", { class: "card" }, el("h2", {}, "Services ", el("span", { class: "quiet" }, "last 30 s; on lines: calls")), box);
  return { element, show: (map) => box.replaceChildren(map.nodes.size ? drawMap(map) : el("p", { class: "quiet" }, "No traffic yet.")) };
}
