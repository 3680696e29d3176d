// What differs from the baseline, as tables: metrics, log patterns, attributes and spans.

import { el } from "../api.js";
import { formatValue, guessUnit } from "../unit.js";
import { pinButton, promqlPointer } from "./pin.js";

const head = (...names) => el("thead", {}, el("tr", {}, names.map((name) => (name ? el("th", { scope: "col" }, name) : el("td", {})))));

/** Rows of `compare metrics`; `at` is the time that a pointer to one of them names. */
export function metricTable(rows, at) {
  const lines = rows.map(({ metric, labels, kind, before, now, expression }) => {
    const unit = guessUnit(expression);
    const pointer = promqlPointer(expression, at);
    const isMore = !before || now > before[1];
    return el("tr", { "data-row": "", tabindex: "0", "data-pointer": pointer },
      el("td", {}, el("span", { class: "metric" }, named(metric, kind)), el("div", { class: "quiet" }, Object.entries(labels).map(([name, value]) => `${short(name)}=${value}`).join(" "))),
      el("td", { class: "number quiet" }, before ? (before[0] === before[1] ? formatValue(before[0], unit) : `${formatValue(before[0], unit)} – ${formatValue(before[1], unit)}`) : "not there"),
      el("td", { class: isMore ? "number up" : "number" }, `${isMore ? "▲" : "▼"} ${formatValue(now, unit)}`),
      el("td", {}, pinButton(pointer)));
  });
  return el("table", {}, head("Metric", "Baseline", "Now", ""), el("tbody", {}, lines));
}

const named = (metric, kind) => (kind === "mean" ? `${metric}, mean` : metric);

/** The part of a label's name that tells it apart. */
const short = (name) => name.replace(/^(http_(request|response)_|db_client_|db_query_)/, "").replace("connection_pool_name", "pool");

/** Rows of `compare logs`. */
export function patternList(rows) {
  const lines = rows.map(({ service, level, message, before, before_per_s, now_per_s, query }) => el("tr", { "data-row": "", tabindex: "0", "data-pointer": `log:${query}` },
    el("td", {}, el("span", { class: `badge ${{ error: "err", warn: "pending" }[level] ?? ""}` }, level)),
    el("td", { class: "mono" }, el("a", { href: `/logs?q=${encodeURIComponent(query)}` }, message), el("div", { class: "quiet" }, `${service}: ${before ? `${before_per_s.toFixed(2)} /s before` : "new"}, ${now_per_s.toFixed(2)} /s now`)),
    el("td", {}, pinButton(`log:${query}`))));
  return el("table", {}, head("Level", "Message", ""), el("tbody", {}, lines));
}

/** Attributes of `compare spans`: a value leads to the traces that have it. */
export function valueTable({ values, chosen, others }, service) {
  const lines = values.map((row) => {
    const isOwn = ["instance", "release", "failed"].includes(row.key);
    const term = `${row.key}=${row.value}`;
    return el("tr", { "data-row": "", tabindex: "0" },
      el("td", { class: "mono" }, el("strong", {}, row.key), `=${row.value}`, el("div", { class: "quiet" }, `${row.service} ${row.span}`)),
      share(row.chosen_share, row.chosen, "bar-fill bad"), share(row.others_share, row.others, "bar-fill other"),
      el("td", {}, isOwn ? "" : [el("a", { href: `/traces?service=${encodeURIComponent(service)}&q=${encodeURIComponent(term)}` }, "traces"), " · ", el("a", { href: `/compare?q=${encodeURIComponent(term)}` }, "compare")]));
  });
  return el("table", {}, head("Attribute", `Chosen (${chosen})`, `Others (${others})`, ""), el("tbody", {}, lines));
}

function share(value, count, kind) {
  const bar = el("span", { class: kind });
  bar.style.width = `${value * 100}%`;
  return el("td", { class: "with-bar" }, el("span", { class: "number", title: `${count} requests` }, `${Math.round(value * 100)} %`), el("span", { class: "bar-box" }, bar));
}

/** Self times of `compare spans`. */
export function timeTable({ times }) {
  const most = Math.max(...times.flatMap(({ chosen_ms, others_ms }) => [chosen_ms, others_ms]), 1e-6);
  const lines = times.map(({ service, span, chosen_ms, others_ms, difference_ms }) => {
    const bars = [["bar-fill bad", chosen_ms], ["bar-fill other", others_ms]].map(([kind, ms]) => {
      const bar = el("span", { class: kind });
      bar.style.width = `${(ms / most) * 100}%`;
      return el("td", { class: "with-bar" }, el("span", { class: "number" }, formatValue(ms / 1000, "seconds")), el("span", { class: "bar-box" }, bar));
    });
    return el("tr", { "data-row": "", tabindex: "0" }, el("td", {}, el("strong", {}, service), ` ${span}`), ...bars, el("td", { class: difference_ms > 0 ? "number up" : "number" }, `${difference_ms > 0 ? "▲" : "▼"} ${formatValue(Math.abs(difference_ms) / 1000, "seconds")}`));
  });
  return el("table", {}, head("Span", "Self time, chosen", "others", "Difference"), el("tbody", {}, lines));
}
