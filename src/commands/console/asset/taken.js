// Snapshots and profiles that were taken on this page: the API has no list of them.

const placeOf = (run) => `firedrill.taken.${run}`;

/** `{heap, cpu}`, each in the order in which they were taken. */
export function recalled(run) {
  try {
    return { heap: [], cpu: [], ...JSON.parse(localStorage.getItem(placeOf(run))) };
  } catch {
    return { heap: [], cpu: [] };
  }
}

/** Adds one. */
export function remembered(run, kind, one) {
  const taken = recalled(run);
  taken[kind] = [...taken[kind].filter(({ name }) => name !== one.name), one];
  try {
    localStorage.setItem(placeOf(run), JSON.stringify(taken));
  } catch {
    // Names can still be typed.
  }
}
