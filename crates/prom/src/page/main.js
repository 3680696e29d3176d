// Which page, and the header that all pages share.

import { call, el } from "./api.js";
import { graphPage } from "./graph.js";
import { alertsPage, rulesPage, targetsPage } from "./lists.js";
import { switchZone, utc } from "./time.js";

const PAGES = { "/graph": graphPage, "/query": graphPage, "/alerts": alertsPage, "/rules": rulesPage, "/targets": targetsPage };

const path = location.pathname.replace(/\/$/, "") || "/graph";
for (const link of document.querySelectorAll("#pages a")) {
  const isHere = link.getAttribute("href") === (path === "/query" ? "/graph" : path);
  if (isHere) link.setAttribute("aria-current", "page");
}
document.title = { "/alerts": "Alerts", "/rules": "Rules", "/targets": "Targets" }[path] ?? "Graph";

const zone = document.querySelector("#zone");
const page = PAGES[path](document.querySelector("#main"));
const showZone = () => { zone.textContent = utc() ? "UTC" : "local time"; };
zone.addEventListener("click", () => { switchZone(); showZone(); page.redraw(); });
showZone();

fetch("/assets/settings.json").then((answer) => answer.json()).then((settings) => {
  document.querySelector("#links").append(...settings.links.map((link) => el("a", { href: link.url }, link.text)));
}).catch(() => {
  // Without the links the page still works.
});

const firing = document.querySelector("#firing");
async function countAlerts() {
  try {
    const alerts = (await call("alerts")).data.alerts.filter((alert) => alert.state === "firing");
    firing.textContent = alerts.length;
    firing.hidden = alerts.length === 0;
  } catch {
    firing.hidden = true;
  }
  setTimeout(countAlerts, 5000);
}
countAlerts();
