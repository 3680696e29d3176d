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

/** The address for a place that the debrief names, or null where the console has none. */
export function addressOfLink({ kind, target }, incident) {
  if (kind === "jaeger") return traces(new URLSearchParams(target));
  if (kind === "prometheus") return graph(target, incident.links, incident.pages);
  return addressOf(`${kind}:${target}`, incident);
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
