// Two changes of one text brought together, line by line. Pure.

/** More than this many pairs of lines are not compared: then everything that differs is one change. */
const MOST = 4_000_000;

/** What both made of one text, or null where they changed the same lines in different ways. */
export function merged(base, mine, theirs) {
  if (mine === theirs || theirs === base) return mine;
  if (mine === base) return theirs;
  const [lines, ours, others] = [base, mine, theirs].map((text) => text.split("\n"));
  const all = [...changes(lines, ours), ...changes(lines, others)].sort((a, b) => a.start - b.start || a.end - b.end);
  const result = [];
  let at = 0;
  let last = null;
  for (const change of all) {
    if (last && change.start === last.start && change.end === last.end && change.lines.join("\n") === last.lines.join("\n")) continue;
    // Two lines next to one another may change; where one side added lines at such a place, the order is not known.
    const isAdding = last && (change.start === change.end || last.start === last.end);
    if (last && (change.start < last.end || (change.start === last.end && isAdding))) return null;
    result.push(...lines.slice(at, change.start), ...change.lines);
    at = change.end;
    last = change;
  }
  return [...result, ...lines.slice(at)].join("\n");
}

/** Which lines of the base became which others: `[{start, end, lines}]`, in order and never touching. */
export function changes(base, text) {
  const most = Math.min(base.length, text.length);
  let first = 0;
  while (first < most && base[first] === text[first]) first += 1;
  let rear = 0;
  while (rear < most - first && base.at(-1 - rear) === text.at(-1 - rear)) rear += 1;
  const [old, fresh] = [base.slice(first, base.length - rear), text.slice(first, text.length - rear)];
  if (!old.length && !fresh.length) return [];
  if (old.length * fresh.length > MOST) return [{ start: first, end: first + old.length, lines: fresh }];
  return hunks(old, fresh).map(({ start, end, lines }) => ({ start: start + first, end: end + first, lines }));
}

/** By the longest common sequence of lines. */
function hunks(old, fresh) {
  const width = fresh.length + 1;
  const longest = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = old[i] === fresh[j] ? longest[(i + 1) * width + j + 1] + 1 : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const found = [];
  let [i, j, open] = [0, 0, null];
  while (i < old.length || j < fresh.length) {
    if (i < old.length && j < fresh.length && old[i] === fresh[j]) {
      open = null;
      i += 1;
      j += 1;
      continue;
    }
    if (!open) found.push((open = { start: i, end: i, lines: [] }));
    if (j >= fresh.length || (i < old.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) open.end = i += 1;
    else open.lines.push(fresh[j++]);
  }
  return found;
}
