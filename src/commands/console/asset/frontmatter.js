// The head of a write-up, read as far as the form needs it: TOML between two lines of `+++`, with the place of every value in
// the text, so that one can be taken out while comments and order stay. Pure.

/** Sections that have entries. */
export const LISTS = ["timeline", "contributing", "ruled_out", "action_items"];

/**
 * Reads the head: `{ sections: [{name, isList, start, end, keys}], broken }`. A key has `{value, start, end, items?}` with places in
 * the text; `broken` is the number of the line from which on it cannot be read, or null.
 */
export function readHead(text) {
  const first = /^\uFEFF?\s*\+\+\+[ \t]*\r?\n/.exec(text);
  const root = { name: "", isList: false, start: 0, end: 0, keys: new Map() };
  const head = { sections: [root], broken: null };
  if (!first) return { ...head, broken: 1 };
  let section = root;
  let at = (root.start = first[0].length);
  const rest = (pattern) => { pattern.lastIndex = at; return pattern.exec(text); };
  while (at < text.length) {
    const blank = rest(/[ \t]*(#[^\n]*)?\r?\n/y);
    if (blank) { at += blank[0].length; continue; }
    if (rest(/\+\+\+[ \t]*(\r?\n|$)/y)) { section.end = at; return head; }
    const title = rest(/[ \t]*(\[\[?)\s*([\w.-]+)\s*\]\]?[ \t]*(#[^\n]*)?(\r?\n|$)/y);
    const key = !title && rest(/[ \t]*([\w.-]+)[ \t]*=[ \t]*/y);
    if (title) {
      section.end = at;
      section = { name: title[2], isList: title[1] === "[[", start: at, end: text.length, keys: new Map() };
      head.sections.push(section);
      at += title[0].length;
      continue;
    }
    const value = key && readValue(text, at + key[0].length);
    const rear = value && /[ \t]*(#[^\n]*)?(\r?\n|$)/y;
    if (rear) rear.lastIndex = value.end;
    const tail = rear && rear.exec(text);
    if (!tail) return { ...head, broken: lineOf(text, at) };
    section.keys.set(key[1], value);
    at = value.end + tail[0].length;
  }
  return { ...head, broken: lineOf(text, text.length) };
}

const lineOf = (text, at) => text.slice(0, at).split("\n").length;

const ESCAPES = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", '"': '"', "\\": "\\", e: "\x1b" };

function unescaped(text) {
  return text
    .replace(/\\\r?\n\s*/g, "")
    .replace(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/g, (whole, code) => (/^[uU]./.test(code) && code.length > 1 ? String.fromCodePoint(Math.min(parseInt(code.slice(1), 16), 0x10ffff)) : ESCAPES[code] ?? whole));
}

const STRINGS = [
  [/"""(?:\r?\n)?((?:[^\\]|\\[^])*?)"""/y, unescaped],
  [/'''(?:\r?\n)?([^]*?)'''/y, (text) => text],
  [/"((?:[^"\\\n]|\\.)*)"/y, unescaped],
  [/'([^'\n]*)'/y, (text) => text],
];

/** The value that begins there, or null. */
function readValue(text, start) {
  for (const [pattern, meant] of STRINGS) {
    pattern.lastIndex = start;
    const found = pattern.exec(text);
    if (found) return { value: meant(found[1]), start, end: start + found[0].length };
  }
  if (text[start] === "[") return readList(text, start);
  const bare = /[^\s,\]#"']+/y;
  bare.lastIndex = start;
  const found = bare.exec(text);
  return found && { value: found[0], start, end: start + found[0].length };
}

function readList(text, start) {
  const items = [];
  const between = /(?:\s|#[^\n]*\n|,)*/y;
  let at = start + 1;
  for (;;) {
    between.lastIndex = at;
    at += between.exec(text)[0].length;
    if (text[at] === "]") return { value: items.map(({ value }) => value), items, start, end: at + 1 };
    const item = at < text.length ? readValue(text, at) : null;
    if (!item) return null;
    items.push(item);
    at = item.end;
  }
}

/** The entries of a section of the head, in their order. */
export function entries(head, name) {
  return head.sections.filter((section) => section.name === name);
}

/** What a key such as `ruled_out[0].because` holds, or undefined. */
export function found(head, key) {
  const [, name, index, field] = /^(?:([a-z_]+)(?:\[(\d+)\])?\.)?([a-z0-9_]+)$/.exec(key);
  const section = name ? entries(head, name)[Number(index ?? 0)] : head.sections[0];
  return section?.keys.get(field) ?? (name && index === undefined ? head.sections[0].keys.get(key) : undefined);
}

/** Whether nothing is filled in: the grade leaves such an entry out, and counts on without it. */
export function isBlank(section) {
  return [...section.keys.values()].every(({ value }) => value.length === 0);
}

/** The text with one item taken out of a list. */
export function withoutItem(text, item) {
  let start = item.start;
  const before = /\n[ \t]*$/.exec(text.slice(0, start));
  if (before) start = before.index;
  const after = /^\s*,[ \t]*/.exec(text.slice(item.end));
  const end = item.end + (after ? after[0].length : 0);
  const kept = text.slice(0, start);
  return (after ? kept : kept.replace(/,[ \t]*$/, "")) + text.slice(end);
}

/** The text without a value: its line becomes a comment, which `report set` makes a field again. */
export function withoutValue(text, { start }) {
  const line = text.lastIndexOf("\n", start) + 1;
  return `${text.slice(0, line)}# ${text.slice(line).trimStart()}`;
}

/** The text without an entry. */
export function withoutEntry(text, { start, end }) {
  return text.slice(0, start) + text.slice(end);
}

/** The words that the template lists at its end: `cause.component` -> [[word, meaning]]. */
export function vocabulary(text) {
  const words = {};
  let list = null;
  for (const line of text.split("\n")) {
    const title = /^# ((?:cause|trigger)\.[a-z]+|severity)\s*$/.exec(line);
    const word = /^# {3}([a-z0-9-]+)\s+(\S.*)$/.exec(line);
    if (title) list = words[title[1]] = [];
    else if (word && list) list.push([word[1], word[2].trim()]);
    else list = null;
  }
  return words;
}
