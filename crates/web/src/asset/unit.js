// What the numbers of an expression mean, guessed from the names in it, and how to write them.

/** One of "seconds", "bytes", "ratio", "per second", "bytes per second" or "". */
export function guessUnit(expression) {
  const text = expression.replace(/"(\\.|[^"])*"|'(\\.|[^'])*'/g, '""').replace(/#.*$/gm, "");
  const [left, right] = splitDivision(unwrap(text));
  if (right === undefined) return leaf(text);
  if (/_seconds_sum\b/.test(left) && /_count\b/.test(right)) return "seconds";
  if (/_bytes_sum\b/.test(left) && /_count\b/.test(right)) return "bytes";
  if (/^[\s\d.e]+$/i.test(right)) return "";
  const [over, under] = [guessUnit(left), guessUnit(right)];
  return over === under ? "ratio" : "";
}

/** Takes outer parentheses, comparisons and scalar factors off. */
function unwrap(text) {
  let inner = text.trim().replace(/\s*(==|!=|>=|<=|>|<)\s*(bool\s*)?[\d.e]+\s*$/i, "");
  while (inner.startsWith("(") && closes(inner) === inner.length - 1) inner = inner.slice(1, -1).trim();
  return inner;
}

function closes(text) {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    if ("([{".includes(text[at])) depth += 1;
    if (")]}".includes(text[at])) depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** The operands of the first division that stands in no parentheses. */
function splitDivision(text) {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    if ("([{".includes(text[at])) depth += 1;
    if (")]}".includes(text[at])) depth -= 1;
    if (depth === 0 && text[at] === "/") return [text.slice(0, at), text.slice(at + 1).replace(/^\s*(on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "")];
  }
  // A call around a division, such as sum(a / b), has the unit of what is inside.
  const call = /^[a-z_]+\s*(?:(?:by|without)\s*\([^)]*\)\s*)?\(/.exec(text);
  if (call && closes(text.slice(call[0].length - 1)) === text.length - call[0].length && !/quantile|^(i?rate|increase)/.test(text)) {
    return splitDivision(text.slice(call[0].length, -1));
  }
  return [text];
}

function leaf(text) {
  const perSecond = /\b(i?rate|deriv)\s*\(/.test(text);
  if (/histogram_(quantile|avg)\b/.test(text)) return base(text);
  if (/\bcount(_values)?\b\s*(by|without|\()|\b(changes|resets|histogram_count|absent|increase)\s*\(/.test(text)) return /increase/.test(text) && /_bytes/.test(text) ? "bytes" : "";
  if (/\b(time|timestamp)\s*\(/.test(text)) return /-/.test(text) ? "seconds" : "";
  if (!perSecond) return base(text);
  if (/_bytes(_total|_sum)?\b/.test(text)) return "bytes per second";
  if (/_seconds(_total|_sum)\b/.test(text)) return "ratio";
  return /_(total|count|bucket)\b/.test(text) ? "per second" : "";
}

function base(text) {
  if (/_(count|total|bucket)\b/.test(text) && !/histogram_/.test(text)) return "";
  if (/_seconds(_|\b)/.test(text)) return "seconds";
  if (/_bytes(_|\b)/.test(text)) return "bytes";
  return /_ratio\b/.test(text) ? "ratio" : "";
}

function digits(number, most = 3) {
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (size >= 1000 || size < 1e-4) return String(Number(number.toPrecision(most)));
  return String(Number(number.toPrecision(Math.max(most, Math.ceil(Math.log10(size + 1))))));
}

function scaled(value, base, units) {
  let [number, index] = [value, 0];
  while (Math.abs(number) >= base * 0.9995 && index < units.length - 1) {
    number /= base;
    index += 1;
  }
  return [number, units[index]];
}

/** A value with its unit, short enough for an axis. */
export function formatValue(value, unit, most = 3) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  if (unit === "seconds") {
    if (size === 0) return "0 s";
    if (size < 1e-3) return `${digits(value * 1e6, most)} µs`;
    if (size < 1) return `${digits(value * 1e3, most)} ms`;
    if (size < 120) return `${digits(value, most)} s`;
    return size < 7200 ? `${digits(value / 60, most)} min` : `${digits(value / 3600, most)} h`;
  }
  if (unit === "bytes" || unit === "bytes per second") {
    const [number, prefix] = scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
    return `${digits(number, most)} ${prefix}${unit === "bytes" ? "" : "/s"}`;
  }
  if (unit === "ratio") return `${digits(value * 100, most)} %`;
  const suffix = unit === "per second" ? "/s" : "";
  if (size !== 0 && size < 1e-3) return `${Number(value.toPrecision(most)).toExponential()}${suffix && ` ${suffix}`}`;
  const [number, prefix] = scaled(value, 1000, ["", "k", "M", "G", "T", "P"]);
  return `${digits(number, most)}${prefix && ` ${prefix}`}${suffix && (prefix ? suffix : ` ${suffix}`)}`;
}

/** Round places for the ticks of an axis from `low` to `high`. */
export function ticks(low, high, count, unit) {
  const span = high - low || 1;
  const isBinary = unit.startsWith("bytes") && span >= 1024;
  const factor = isBinary ? 1024 ** Math.floor(Math.log(span / count) / Math.log(1024)) : 1;
  const raw = span / count / factor;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((nice) => nice * power >= raw * 0.999) * power * factor;
  const first = Math.ceil(low / step - 1e-9);
  const places = [];
  for (let index = first; index * step <= high + step * 1e-9; index += 1) places.push(index * step);
  return places;
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** Round moments between two times, at most `count`; answers them and their step. */
export function timeTicks(start, end, count) {
  const step = TIME_STEPS.find((step) => (end - start) / step <= count) ?? 86400 * Math.ceil((end - start) / 86400 / count);
  const places = [];
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) places.push(at);
  return [places, step];
}
