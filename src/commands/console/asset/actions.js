// The actions: what each asks for, and what it will do to the shop as it is now.

import { SERVICES } from "./form.js";

const service = (only = SERVICES) => ({ name: "service", kind: "choice", options: () => only });
const METHODS = ["GET", "POST", "PUT", "DELETE"];

const swap = (name, shop, what) => `replace the processes of ${name} (${shop.instances(name)}), one after the other: ${what}`;

/** `will(values, shop)` completes "This will …"; `cannot(values, shop)` says why it would do nothing. */
export const ACTIONS = [
  {
    id: "rollback", title: "Roll back", about: "Back to the release before the one that runs.", fields: [service()],
    will: ({ service: name }, shop) => swap(name, shop, `${shop.release(name)} → ${shop.previous(name)}`),
    cannot: ({ service: name }, shop) => (shop.previous(name) ? null : `There is no release of ${name} before ${shop.release(name)}.`),
  },
  {
    id: "restart", title: "Restart", about: "New processes of the same release and settings.", fields: [service()],
    will: ({ service: name }, shop) => swap(name, shop, `${shop.release(name)} again`),
  },
  {
    id: "deploy", title: "Deploy a release", about: "Any release that the deploy log has of a service.",
    fields: [service(), { name: "release", kind: "choice", options: (shop, { service: name }) => shop.releases(name) }],
    will: ({ service: name, release }, shop) => swap(name, shop, `${shop.release(name)} → ${release}`),
    cannot: ({ release }) => (release ? null : "The deploy log has no other release of it."),
  },
  {
    id: "scale", title: "Scale", about: "One to three replicas; there is one gateway.",
    fields: [service(["checkout", "inventory"]), { name: "replicas", kind: "choice", options: (shop, { service: name }) => ["1", "2", "3"].filter((count) => Number(count) !== shop.names(name).length) }],
    will: ({ service: name, replicas }, shop) => {
      const [now, wanted] = [shop.names(name), Number(replicas)];
      const change = wanted > now.length ? `start ${wanted - now.length} more on ${shop.release(name)}` : `end ${now.length - wanted}`;
      return `run ${wanted} of ${name} instead of ${now.length} (${now.join(", ")}): ${change}`;
    },
  },
  {
    id: "flush", title: "Flush caches", about: "Empties the caches of all instances; checkout has none.", fields: [service(["gateway", "inventory"])],
    will: ({ service: name }, shop) => `empty the caches of ${shop.instances(name)}; the next requests fill them again`,
  },
  {
    id: "block", title: "Block a client", about: "The gateway answers 403 to it until it is unblocked; `anonymous` stands for requests without a client id.",
    fields: [{ name: "client", kind: "text", placeholder: "client-0007" }],
    will: ({ client }, shop) => `have the gateway answer 403 to ${client}, also after deploys and restarts${shop.blocked.length ? ` (blocked already: ${shop.blocked.join(", ")})` : ""}`,
    cannot: ({ client }) => (client ? null : "Say which client."),
  },
  {
    id: "unblock", title: "Unblock a client", about: "Its requests are answered again.", fields: [{ name: "client", kind: "choice", options: ({ blocked }) => blocked }],
    will: ({ client }) => `answer the requests of ${client} again`,
    cannot: ({ client }) => (client ? null : "No client is blocked."),
  },
  {
    id: "outbox/skip", title: "Skip the oldest message", about: "Moves it from checkout's outbox to the dead letters, if a delivery of it has failed.", fields: [],
    will: () => "move the oldest message of checkout's outbox to the dead letters, if a delivery of it has failed, so that those behind it are delivered",
  },
  {
    id: "outbox/replay", title: "Replay dead letters", about: "Back into checkout's outbox, for delivery now.", fields: [],
    will: () => "move all dead letters of checkout back into its outbox, for delivery now",
  },
  {
    id: "prices/revert", title: "Revert the last price list", about: "Inventory has the prices from before its last import again.", fields: [],
    will: () => "restore the prices from before the last price list that inventory imported; prices that changed since stay",
  },
  {
    id: "request", title: "Send a request", about: "One request through the gateway; it changes the shop as a customer's would.", isRequest: true,
    fields: [{ name: "method", kind: "choice", options: () => METHODS }, { name: "path", kind: "text", placeholder: "/v1/products/sku-000001" }, { name: "data", label: "body", kind: "text", placeholder: "{…}, if it has one" }],
    will: ({ method, path, data }) => `send ${method} ${path} to the gateway${data ? `, with the body ${data}` : ""}`,
    cannot: ({ path }) => (path?.startsWith("/") ? null : "Say which path; it begins with /."),
  },
];

/** What the sentences tell of the shop, of `status` and the deploy log. */
export function shopOf({ services, blocked }, deploys) {
  const names = (name) => services.filter((one) => one.service === name).map(({ instance }) => instance);
  const release = (name) => services.find((one) => one.service === name)?.release ?? "none";
  const all = (name) => [...new Set(deploys.filter((one) => one.service === name).map((one) => one.release))];
  return {
    names, release, blocked,
    instances: (name) => names(name).join(", ") || "none runs",
    // As the runner has it: the release before the first deploy of the one that runs.
    previous: (name) => all(name)[all(name).indexOf(release(name)) - 1] ?? lastBefore(deploys, name, release(name)),
    releases: (name) => all(name).filter((one) => one !== release(name)).reverse(),
  };
}

function lastBefore(deploys, name, release) {
  const own = deploys.filter((one) => one.service === name);
  const first = own.findIndex((one) => one.release === release);
  return first > 0 ? own[first - 1].release : null;
}
