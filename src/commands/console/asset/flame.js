// A flame graph in SVG: the width of a function is its share, below it stands what it calls.

import { svg } from "./svg.js";

const ROW = 20;
const LETTER = 7.3;
/** Narrower ones are left out. */
const LEAST = 2;

/** The last two parts of a function's path, without type parameters. */
function short(name) {
  const bare = name.replace(/<[^<>]*>/g, "").replace(/<[^<>]*>/g, "").replace(/::\{\{(closure|vtable\.shim)\}\}/g, "");
  return bare.split("::").filter(Boolean).slice(-2).join("::") || name;
}

/** Stacks, outermost function first, with their weights, as a tree. */
function tree(stacks) {
  const root = { name: "all", weight: 0, children: new Map() };
  for (const { frames, weight } of stacks) {
    root.weight += weight;
    let node = root;
    for (const name of frames) {
      if (!node.children.has(name)) node.children.set(name, { name, weight: 0, children: new Map() });
      node = node.children.get(name);
      node.weight += weight;
    }
  }
  return root;
}

/** Draws `[{frames, weight}]` at `width` pixels; `told(weight)` writes a weight, `isOwn(name)` raises the shop's functions. */
export function flame(stacks, { width, title, told, isOwn }) {
  const root = tree(stacks);
  const boxes = [];
  let depth = 0;
  const place = (node, x, row) => {
    const size = (node.weight / root.weight) * width;
    if (size < LEAST) return;
    depth = Math.max(depth, row);
    const letters = Math.floor((size - 8) / LETTER);
    const name = row ? short(node.name) : `${title}: ${told(root.weight)}`;
    const shown = letters < 3 ? "" : name.length > letters ? `${name.slice(0, letters - 1)}…` : name;
    const share = `${((node.weight / root.weight) * 100).toFixed(1)} %`;
    boxes.push(svg("g", { class: row ? (isOwn(node.name) ? "own" : "") : "root" },
      svg("title", {}, `${node.name}\n${told(node.weight)}, ${share}`),
      svg("rect", { x, y: row * ROW, width: size, height: ROW - 1, rx: 2 }),
      svg("text", { x: x + 4, y: row * ROW + 14 }, shown)));
    let at = x;
    for (const child of [...node.children.values()].sort((a, b) => b.weight - a.weight)) {
      place(child, at, row + 1);
      at += (child.weight / root.weight) * width;
    }
  };
  if (root.weight > 0) place(root, 0, 0);
  return svg("svg", { class: "flame", viewBox: `0 0 ${width} ${(depth + 1) * ROW}`, role: "img", "aria-label": title }, ...boxes);
}
