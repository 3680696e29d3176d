// Cases for the scripts that pages share; the value is the list of those that fail.
(async () => {
  const wrong = [];
  const check = (what, found, expected) => {
    if (JSON.stringify(found) !== JSON.stringify(expected)) wrong.push(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
  };
  const time = await import("/assets/time.js");
  for (const [text, expected] of [["1h30m", 5400], ["5 min", 300], ["5s", 5], ["90", 90], ["1h 30m", 5400], ["1.5h", 5400], ["2 Hours", 7200], ["250ms", 0.25], ["", null], ["0s", null], ["soon", null], ["5 lightyears", null], ["5m later", null], ["m", null]]) {
    check(`duration ${text}`, time.parseDuration(text), expected);
  }
  const noon = Date.UTC(2026, 10, 23, 12) / 1000;
  for (const [text, expected] of [
    ["2026-11-23 12:00:00", noon], ["2026-11-23T12:00Z", noon], ["12:00:00", noon], ["12:00", noon], ["00:50:30", noon - 40170],
    ["2026-11-23", noon - 43200], [String(noon), noon], ["24:00", null], ["12:60", null], ["2026-02-31", null], ["soon", null], ["", null],
  ]) {
    check(`time ${text}`, time.parseUtc(text, noon), expected);
  }
  check("just before midnight", time.parseUtc("23:59", noon - 43200), noon - 43260);
  const exemplar = await import("/assets/exemplar.js");
  const dots = Array.from({ length: 400 }, (_, at) => ({ value: at % 7, color: `c${at % 5}`, x: at }));
  const shown = exemplar.spread(dots, ({ x, value }) => ({ x, y: value }));
  check("exemplars in a column", shown.length <= 3 * Math.ceil(400 / 26), true);
  check("the highest stays", shown.some(({ exemplar: { value } }) => value === 6), true);
  const color = await import("/assets/color.js");
  const style = getComputedStyle(document.body);
  check("colours", new Set(Array.from({ length: 100 }, (_, index) => color.lineColor(index, style))).size, 100);
  const marks = await import("/assets/marks.js");
  check("marks", marks.marksOf([
    { at: "2026-11-23T12:00:00.25Z", service: "checkout", release: "2", kind: "deploy" },
    { at: "2026-11-23T12:00:01Z", service: "checkout", release: "1", kind: "rollback" },
    { at: "2026-11-23T12:00:02Z", service: "gateway", release: "1", kind: "block" },
  ]), [{ t: noon + 0.25, text: "checkout 2" }, { t: noon + 1, text: "checkout back to 1" }, { t: noon + 2, text: "gateway block" }]);
  const paged = (seconds, alert) => ({ at: `2026-11-23T12:00:${seconds}Z`, alert });
  check("pages", marks.pagesOf([paged("00.5", "A"), paged("04", "B"), paged("40", "A")]), [{ t: noon + 0.5, text: "page A and 1 more", isPage: true }, { t: noon + 40, text: "page A", isPage: true }]);
  const { pointerOf } = await import("/assets/pointer.js");
  for (const [expression, expected] of [
    ["up", "promql:up@12:00:00"], [" sum by (a) (\n  rate(x[1m]) # all\n)\n", "promql:sum by (a) ( rate(x[1m]) )@12:00:00"],
    ["x{a=\"b  # c\"}", "promql:x{a=\"b  # c\"}@12:00:00"],
  ]) {
    check(expression, pointerOf(expression, noon + 0.9), expected);
  }
  const lists = await import("/assets/lists.js");
  for (const [expression, expected] of [
    ["a / b\n  > 0.3", "a / b"], ["deriv(x[20s]) > 250e3\n and on (i) time() - y > 20", "deriv(x[20s]) > 250e3\n and on (i) time() - y > 20"],
    ["up{job=\"and\"} == 0", "up{job=\"and\"}"], ["rate(x[1m])", "rate(x[1m])"],
  ]) {
    check(expression, lists.withoutThreshold(expression), expected);
  }
  for (const [state, expected] of [["pending", "2026-11-23T12:00:00.000Z"], ["firing", "2026-11-23T12:00:05.000Z"]]) {
    check(state, lists.since({ activeAt: "2026-11-23T12:00:00Z", state }, 5), expected);
  }
  const said = (end) => lists.missing(end, "Nothing.", "it is over.", "up").map((one) => one.textContent).join("");
  check("an empty list", [said(null), said(5)], ["Nothing.", "This run has ended: it is over. The graph shows what was recorded."]);
  const { el, update } = await import("/assets/api.js");
  const root = el("div", {}, el("p", { "data-key": "a" }, "one"), el("p", { "data-key": "b" }, "two"));
  const [first, second] = root.children;
  update(root, [el("p", { "data-key": "b", class: "x" }, "two"), null, el("p", { "data-key": "c" }, "three"), el("p", { "data-key": "a" }, "1")]);
  check("order", root.textContent, "twothree1");
  check("the same elements", [root.children[0] === second, root.children[2] === first, second.className], [true, true, "x"]);
  update(root, []);
  check("empty", root.childNodes.length, 0);
  return wrong;
})()
