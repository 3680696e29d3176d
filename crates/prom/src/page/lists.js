// The pages that list: alerts, rules, targets. They follow the API every two seconds.

import { call, el, labelsElement, update } from "./api.js";
import { ago, formatDuration, formatTime } from "./time.js";

const REFRESH_MS = 2000;

/** A page that asks for `path` again and again and shows what `build` makes of it. */
function follow(main, title, path, build) {
  const status = el("p", { class: "error", hidden: true });
  const content = el("div");
  main.replaceChildren(el("h1", {}, title), status, content);
  let [data, end] = [null, null];
  // In place: whoever has selected a text or stands on a link must not lose it.
  const redraw = () => { if (data) update(content, build(data, end)); };
  const step = async () => {
    try {
      end = await ended;
      const answer = await call(path);
      status.hidden = true;
      data = answer.data;
      redraw();
    } catch (error) {
      status.textContent = error.message;
      status.hidden = false;
    }
    setTimeout(step, REFRESH_MS);
  };
  step();
  return { redraw };
}

/** An expression without the comparison at its end, which would hide all that is below it. */
export function withoutThreshold(expression) {
  const threshold = /\s*(==|!=|>=|<=|>|<)\s*(bool\s+)?[-+]?[\d.]+(e[-+]?\d+)?\s*$/i;
  const rest = expression.replace(threshold, "").trim();
  // What stands before `and` has a comparison of its own, which is no less part of the condition.
  return /\b(and|or|unless)\b/.test(rest.replace(/"(\\.|[^"])*"/g, "")) ? expression : rest;
}

function graphLink(expression, isAlert) {
  const shown = isAlert ? withoutThreshold(expression) : expression;
  const params = new URLSearchParams({ "g0.expr": shown, "g0.tab": "0", "g0.range_input": "15m" });
  return el("a", { class: "expression", href: `/graph?${params}` }, expression);
}

/** When the run ended, Unix seconds; null while it goes on. */
const ended = fetch("/assets/settings.json").then((answer) => answer.json()).then(({ end }) => end ?? null).catch(() => null);

/** Says that there is nothing; of an ended run why, and where its record has it. */
export function missing(end, text, why, expression) {
  if (end === null) return empty(text);
  const params = new URLSearchParams({ "g0.expr": expression, "g0.tab": "0", "g0.range_input": "15m" });
  return [el("p", { class: "empty" }, `This run has ended: ${why} `, el("a", { href: `/graph?${params}` }, "The graph shows what was recorded."))];
}

const badge = (state) => el("span", { class: `badge ${state}` }, state);
const empty = (text) => [el("p", { class: "empty" }, text)];

/** Since when an alert is in its state: the API tells when its condition began to hold, and it fires `wait` seconds later. */
export function since({ activeAt, state }, wait) {
  return new Date(Date.parse(activeAt) + (state === "firing" ? wait * 1000 : 0)).toISOString();
}

function alertRows(alerts, wait) {
  return alerts.map((alert) => el(
    "tr", { "data-key": JSON.stringify(alert.labels) },
    el("td", {}, badge(alert.state)),
    el("td", {}, labelsElement(alert.labels, ["alertname"]),
      ...Object.entries(alert.annotations).map(([name, text]) => el("div", { class: "annotation" }, el("b", {}, `${name}: `), text))),
    el("td", {}, formatTime(Date.parse(since(alert, wait)) / 1000), el("div", { class: "quiet" }, ago(since(alert, wait)))),
    el("td", { class: "number" }, String(Number(Number(alert.value).toPrecision(4)))),
  ));
}

export function alertsPage(main) {
  const order = { firing: 0, pending: 1, inactive: 2 };
  return follow(main, "Alerts", "rules?type=alert", ({ groups }, end) => {
    const rules = groups.flatMap((group) => group.rules).sort((a, b) => order[a.state] - order[b.state]);
    if (!rules.length) return missing(end, "No alerting rules are loaded.", "its alert rules are no longer evaluated.", 'ALERTS{alertstate="firing"}');
    return rules.map((rule) => el(
      "section", { class: `card ${rule.state}`, "data-key": `${rule.name} ${rule.query}` },
      el("h2", {}, badge(rule.state), ` ${rule.name}`, el("span", { class: "quiet" }, rule.duration ? ` for ${formatDuration(rule.duration)}` : "")),
      el("p", {}, graphLink(rule.query, true)),
      rule.lastError ? el("p", { class: "error" }, rule.lastError) : null,
      rule.alerts.length ? el("table", {},
        el("thead", {}, el("tr", {}, ["State", "Labels", "Since", "Value"].map((head) => el("th", {}, head)))),
        el("tbody", {}, alertRows(rule.alerts, rule.duration))) : null,
    ));
  });
}

export function rulesPage(main) {
  return follow(main, "Rules", "rules", ({ groups }, end) => {
    if (!groups.length) return missing(end, "No rules are loaded.", "its rules are no longer evaluated.", "ALERTS");
    return groups.map((group) => el(
      "section", { class: "card" },
      el("h2", {}, group.name, el("span", { class: "quiet" }, ` every ${formatDuration(group.interval)} · ${group.file}`)),
      el("table", {},
        el("thead", {}, el("tr", {}, ["State", "Rule", "Time"].map((head) => el("th", {}, head)))),
        el("tbody", {}, group.rules.map((rule) => el(
          "tr", {},
          el("td", {}, badge(rule.health === "err" ? "err" : rule.state ?? "ok")),
          el("td", {}, el("b", {}, rule.name), " ", labelsElement(rule.labels), el("div", {}, graphLink(rule.query, rule.type === "alerting")),
            ...Object.entries(rule.annotations ?? {}).map(([name, text]) => el("div", { class: "annotation" }, el("b", {}, `${name}: `), text)),
            rule.lastError ? el("div", { class: "error" }, rule.lastError) : null),
          el("td", { class: "number" }, `${(rule.evaluationTime * 1000).toFixed(2)} ms`),
        )))),
    ));
  });
}

export function targetsPage(main) {
  return follow(main, "Targets", "targets?state=active", ({ activeTargets }, end) => {
    if (!activeTargets.length) return missing(end, "Nothing is scraped.", "nothing is scraped any more.", "up");
    const up = activeTargets.filter((target) => target.health === "up").length;
    return [el(
      "section", { class: "card" },
      el("h2", {}, `${up} of ${activeTargets.length} up`),
      el("table", {},
        el("thead", {}, el("tr", {}, ["State", "Target", "Labels", "Last scrape", "Took"].map((head) => el("th", {}, head)))),
        el("tbody", {}, activeTargets.map((target) => el(
          "tr", {},
          el("td", {}, badge(target.health)),
          el("td", {}, el("a", { href: target.scrapeUrl }, target.scrapeUrl), target.lastError ? el("div", { class: "error" }, target.lastError) : null),
          el("td", {}, labelsElement(target.labels)),
          el("td", {}, ago(target.lastScrape)),
          el("td", { class: "number" }, `${(target.lastScrapeDuration * 1000).toFixed(1)} ms`),
        )))),
    )];
  });
}
