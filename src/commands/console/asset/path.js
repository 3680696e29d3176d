// What a trace shows beyond its spans: their order as a tree, self times, the critical path, gaps. Pure.

/** A gap before a span is told from this share of the trace on. */
const GAP = 0.04;

/**
 * The spans in the order of a waterfall: `[{span, depth, start, end, self, isCritical, gap}]`, times in ms from the start of the
 * trace. A span whose parent is missing stands at the top.
 */
export function lay(spans) {
  const origin = Math.min(...spans.map(({ start_ns }) => start_ns));
  const rows = new Map(spans.map((span) => [span.id, { span, start: (span.start_ns - origin) / 1e6, end: (span.end_ns - origin) / 1e6, children: [], critical: 0 }]));
  const tops = [];
  for (const row of rows.values()) {
    const parent = rows.get(row.span.parent);
    if (parent && parent !== row) parent.children.push(row);
    else tops.push(row);
  }
  const total = Math.max(...[...rows.values()].map(({ end }) => end));
  const ordered = [];
  const seen = new Set();
  const byStart = (a, b) => a.start - b.start;
  const stack = tops.sort(byStart).map((row) => [row, 0]).reverse();
  while (stack.length) {
    const [row, depth] = stack.pop();
    if (seen.has(row)) continue;
    seen.add(row);
    ordered.push(Object.assign(row, { depth, self: selfTime(row) }));
    gaps(row, total);
    for (const child of row.children.sort(byStart).reverse()) stack.push([child, depth + 1]);
  }
  // Spans that are parents of one another in a circle hang below no top.
  for (const row of rows.values()) if (!seen.has(row)) ordered.push(Object.assign(row, { depth: 0, self: selfTime(row) }));
  for (const top of tops.slice(0, 1)) critical(top, top.end);
  return ordered.map((row) => ({ ...row, isCritical: row.critical > 0 }));
}

/** What no child covers, in ms. */
function selfTime({ start, end, children }) {
  let covered = 0;
  let until = start;
  for (const child of [...children].sort((a, b) => a.start - b.start)) {
    const [from, to] = [Math.max(until, child.start), Math.min(end, child.end)];
    if (to > from) covered += to - from;
    until = Math.max(until, to);
  }
  return Math.max(0, end - start - covered);
}

/** How long nothing else of its parent ran before a child, where that is worth a word. */
function gaps({ start, children }, total) {
  let until = start;
  for (const child of [...children].sort((a, b) => a.start - b.start)) {
    if (child.start - until > total * GAP) child.gap = child.start - until;
    until = Math.max(until, child.end);
  }
}

/** Walks back from the end: what the end waited for, and what that waited for. */
function critical(top, end) {
  const work = [[top, end]];
  const seen = new Set();
  while (work.length) {
    const [row, until] = work.pop();
    if (seen.has(row)) continue;
    seen.add(row);
    let at = Math.min(until, row.end);
    for (const child of [...row.children].sort((a, b) => b.end - a.end)) {
      if (child.start >= at || child.end <= row.start) continue;
      row.critical += Math.max(0, at - child.end);
      work.push([child, Math.min(child.end, at)]);
      at = Math.max(row.start, child.start);
    }
    row.critical += Math.max(0, at - row.start);
  }
}

/** Self time by service and name, of one trace. */
export function bySpan(rows) {
  const sums = new Map();
  for (const { span, self } of rows) {
    const name = `${span.service} ${called(span)}`;
    const sum = sums.get(name) ?? { self: 0, count: 0 };
    sums.set(name, { self: sum.self + self, count: sum.count + 1 });
  }
  return sums;
}

/** What a span does, for a reader: a call says whom it calls, a query which. */
export function called({ name, kind, attributes }) {
  const peer = attributes["peer.service"];
  if (kind === "client" && peer) return `${name} → ${peer}`;
  return attributes["db.query.summary"] && !name.includes(attributes["db.query.summary"]) ? `${name} ${attributes["db.query.summary"]}` : name;
}
