// Durations and times as people write them; all in seconds.

import { recall, remember } from "./api.js";

const UNITS = [["y", 31536000], ["w", 604800], ["d", 86400], ["h", 3600], ["m", 60], ["s", 1], ["ms", 0.001]];

/** `1h30m` -> 5400; null if it is not a duration. */
export function parseDuration(text) {
  const match = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text.trim());
  if (!match || !text.trim()) return null;
  const total = UNITS.reduce((sum, [, seconds], index) => sum + Number(match[index + 1] ?? 0) * seconds, 0);
  return total > 0 ? total : null;
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

/** The label of a tick: as much as the step needs. */
export function formatTick(seconds, step) {
  const [, month, day, hour, minute, second] = parts(seconds);
  if (step >= 86400) return `${two(month)}-${two(day)}`;
  return step < 60 ? `${two(hour)}:${two(minute)}:${two(second)}` : `${two(hour)}:${two(minute)}`;
}

/** Reads `2026-11-23 05:06:07` in UTC; null if it is not a time. */
export function parseUtc(text) {
  const match = /^(\d{4})-(\d\d?)-(\d\d?)(?:[ T](\d\d?):(\d\d)(?::(\d\d))?)?Z?$/.exec(text.trim());
  if (!match) return null;
  const [, year, month, day, hour = 0, minute = 0, second = 0] = match.map(Number);
  return Date.UTC(year, month - 1, day, hour || 0, minute || 0, second || 0) / 1000;
}

/** The time in an address: always UTC, as Prometheus's own page has it. */
export function formatUtc(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}

/** Reads a time in the zone that is shown. */
export function parseTime(text) {
  const seconds = parseUtc(text);
  if (seconds === null || isUtc) return seconds;
  return seconds + new Date(seconds * 1000).getTimezoneOffset() * 60;
}

/** `12 s ago`. */
export function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  if (!(seconds < 4e9)) return "never";
  if (seconds < 1) return "just now";
  return seconds < 100 ? `${Math.round(seconds)} s ago` : `${formatDuration(Math.round(seconds / 60) * 60)} ago`;
}
