// Runs before the UI and sets straight what it takes from the browser.

(() => {
  // What the time is where the traces are: the present, or the end of an ended run.
  const now = NOW_MS;
  const Clock = Date;
  const ahead = now - Clock.now();
  // "The last hour" is counted from the browser's clock, by which a run may have ended days ago.
  if (Math.abs(ahead) > 60000) {
    const present = () => Clock.now() + ahead;
    window.Date = new Proxy(Clock, {
      construct: (target, given, asked) => Reflect.construct(target, given.length ? given : [present()], asked === window.Date ? target : asked),
      apply: () => new Clock(present()).toString(),
      get: (target, name) => (name === "now" ? present : Reflect.get(target, name)),
    });
  }
  // The search page waits for the operations of the service that was searched last, and asks for those of the address.
  const asked = new URLSearchParams(location.search);
  const service = asked.get("service");
  if (location.pathname.endsWith("/search") && service) {
    try {
      localStorage.setItem("lastSearch", JSON.stringify({ service, operation: asked.get("operation") || "all" }));
    } catch {
      // Without a storage there is no earlier search either.
    }
  }
})();
