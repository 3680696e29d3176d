// Durations and times as people write them; all in seconds.

import { recall, remember } from "./api.js";

const UNITS = [["y", 31536000], ["w", 604800], ["d", 86400], ["h", 3600], ["m", 60], ["s", 1], ["ms", 0.001]];
const DAY = 86400;

/** How people call a unit, in the order of UNITS. */
const CALLED = [/^y(ears?)?$/, /^w(eeks?)?$/, /^d(ays?)?$/, /^h(rs?|ours?)?$/, /^m(ins?|inutes?)?$/, /^s(ecs?|econds?)?$/, /^(ms|milliseconds?)$/];

/** `1h30m`, `5 min`, `90` (seconds) -> seconds; null if it is not a duration. */
export function parseDuration(text) {
  const whole = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(whole)) return Number(whole) || null;
  let total = 0;
  const rest = whole.replace(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/g, (part, count, unit) => {
    const found = CALLED.findIndex((called) => called.test(unit));
    if (found < 0) return part;
    total += Number(count) * UNITS[found][1];
    return "";
  });
  return rest === "" && total > 0 ? total : null;
}

/** 5400 -> `1h30m`. */
export function formatDuration(seconds) {
  let rest = Math.round(seconds * 1000);
  let text = "";
  for (const [unit, size] of UNITS.slice(2)) {
    const count = Math.floor(rest / (size * 1000));
    if (count) text += `${count}${unit}`;
    rest -= count * size * 1000;
  }
  return text || "0s";
}

let isUtc = recall("utc", true);

/** Whether times are shown in UTC, as in the logs. */
export function utc() {
  return isUtc;
}

/** Switches between UTC and local time. */
export function switchZone() {
  isUtc = !isUtc;
  remember("utc", isUtc);
}

const two = (number) => String(number).padStart(2, "0");

function parts(seconds) {
  const date = new Date(seconds * 1000);
  return isUtc
    ? [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()];
}

/** `2026-11-23 05:06:07`. */
export function formatTime(seconds) {
  const [year, month, day, hour, minute, second] = parts(seconds);
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`;
}

/** `05:06:07`. */
export function formatClock(seconds) {
  return formatTime(seconds).slice(11);
}

/** The label of a tick: as much as the step needs. */
export function formatTick(seconds, step) {
  const [, month, day, hour, minute, second] = parts(seconds);
  if (step >= 86400) return `${two(month)}-${two(day)}`;
  return step < 60 ? `${two(hour)}:${two(minute)}:${two(second)}` : `${two(hour)}:${two(minute)}`;
}

/** Seconds of the day of `05:06:07` or `05:06`; null if it is not a time of day. */
function parseClock(text) {
  const match = /^(\d\d?):(\d\d)(?::(\d\d)(\.\d+)?)?$/.exec(text);
  if (!match) return null;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  return hour < 24 && minute < 60 && second < 60 ? hour * 3600 + minute * 60 + second : null;
}

/**
 * Reads `2026-11-23 05:06:07`, RFC 3339, Unix seconds, and `05:06:07` on the day nearest to `near`, in UTC; null if it is
 * not a time.
 */
export function parseUtc(text, near = Date.now() / 1000) {
  const whole = text.trim().replace(/Z$/, "");
  if (/^\d{9,11}(\.\d+)?$/.test(whole)) return Number(whole);
  const [, date, clock] = /^(?:(\d{4}-\d\d?-\d\d?)(?:[ T]|$))?(.*)$/.exec(whole);
  const seconds = clock === "" && date ? 0 : parseClock(clock);
  if (seconds === null) return null;
  if (!date) {
    const today = Math.floor(near / DAY) * DAY + seconds;
    return [today - DAY, today, today + DAY].reduce((best, at) => (Math.abs(at - near) < Math.abs(best - near) ? at : best));
  }
  const [year, month, day] = date.split("-").map(Number);
  const start = new Date(Date.UTC(year, month - 1, day));
  // The 31st of February is no day.
  return start.getUTCMonth() === month - 1 && start.getUTCDate() === day ? start.getTime() / 1000 + seconds : null;
}

/** The time in an address: always UTC, as Prometheus's own page has it. */
export function formatUtc(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}

/** Reads a time in the zone that is shown; a time of day is on the day nearest to `near`. */
export function parseTime(text, near = Date.now() / 1000) {
  const isAbsolute = isUtc || /Z$|^\s*\d+(\.\d+)?\s*$/.test(text.trim());
  const offset = (seconds) => (isAbsolute ? 0 : new Date(seconds * 1000).getTimezoneOffset() * 60);
  const seconds = parseUtc(text, near - offset(near));
  return seconds === null ? null : seconds + offset(seconds);
}

/** `12 s ago`. */
export function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  if (!(seconds < 4e9)) return "never";
  if (seconds < 1) return "just now";
  return seconds < 100 ? `${Math.round(seconds)} s ago` : `${formatDuration(Math.round(seconds / 60) * 60)} ago`;
}
