// What pointers and links of the debrief lead to in the console.

/** The address that shows a pointer, or null where the console has none; expressions are drawn by the metrics' own page. */
export function addressOf(pointer, { links, pages }) {
  const [, kind, whole] = /^([a-z]+):(.*)$/s.exec(pointer) ?? [];
  const target = whole?.replace(/\s*=>\s*[^"']*$/, "").trim();
  if (!target) return null;
  if (kind === "trace") return `/trace/${encodeURIComponent(target)}`;
  if (kind === "log") return `/logs?${new URLSearchParams({ q: target })}`;
  if (kind === "deploy") return `/deploys?${new URLSearchParams({ id: target })}`;
  if (kind === "heap") return profiles("a", "b", target);
  if (kind === "profile") return profiles("cpu_a", "cpu_b", target);
  if (kind === "promql") return graph(target.replace(/@[^@"}\])]*$/, ""), links, pages);
  return null;
}

/** The address for a link of the debrief, which is said as the terminal has it. */
export function addressOfLink(link, { links, pages }) {
  const [, jaeger] = /, then Jaeger: search\?(.*)$/s.exec(link) ?? [];
  if (jaeger !== undefined) return traces(new URLSearchParams(jaeger));
  const [, expression] = /, then graph: (.*)$/s.exec(link) ?? [];
  if (expression !== undefined) return graph(expression, links, pages);
  const [program, command, ...rest] = words(link);
  if (program !== "firedrill") return null;
  const run = rest.indexOf("--run");
  if (run >= 0) rest.splice(run, 2);
  const args = rest.filter((word) => word !== "--");
  if (command === "logs") return `/logs?${new URLSearchParams({ q: args.map(quoted).join(" ") })}`;
  if (command === "deploys" && args[0] === "show") return `/deploys?${new URLSearchParams({ id: args[1] })}`;
  if (command === "heap" && args[0] === "diff") return profiles("a", "b", `${args[1]}..${args[2]}`);
  return null;
}

/** A search of Jaeger's page, as the console's has it. */
function traces(asked) {
  const query = new URLSearchParams();
  if (asked.get("service")) query.set("service", asked.get("service"));
  if (asked.get("operation")) query.set("operation", asked.get("operation"));
  if (asked.get("minDuration")) query.set("min", asked.get("minDuration"));
  let tags = {};
  try {
    tags = JSON.parse(asked.get("tags") ?? "{}");
  } catch {
    // Without them, more is found.
  }
  const { error, ...others } = tags;
  if (String(error) === "true") query.set("errors", "true");
  const terms = Object.entries(others).map(([name, value]) => `${name}=${/\s/.test(value) ? `"${value}"` : value}`);
  if (terms.length) query.set("q", terms.join(" "));
  return `/traces?${query}`;
}

function profiles(earlier, later, names) {
  const [before, after] = names.split("..");
  return `/profiles?${new URLSearchParams({ [earlier]: before ?? "", [later]: after ?? "" })}`;
}

function graph(expression, links, pages) {
  if (!links?.prometheus) return null;
  const query = new URLSearchParams({ "g0.expr": expression, "g0.range_input": "5m", "g0.tab": "0" });
  if (pages?.length) query.set("g0.end_input", String(Math.round(Date.parse(pages[0].at) / 1000) + 120));
  return `${links.prometheus}/graph?${query}`;
}

const quoted = (word) => (/\s/.test(word) && !word.includes('"') ? `"${word}"` : word);

/** The words of a shell's line. */
function words(line) {
  const parts = line.matchAll(/(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/g);
  return [...parts].map(([word]) => word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (whole, single, double, escaped) => single ?? double?.replace(/\\(.)/g, "$1") ?? escaped));
}
