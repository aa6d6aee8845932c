// What a bench says: one line per measure, which .ci/table.py makes a table of.

/**
 * `group`, `name`: what was measured. `value`, `unit`. `better`: "higher" or "lower".
 * `budget`: the limit it must keep. `rival`: `{ name, value }` of what it is compared with, in the same unit.
 */
export function report(measure) {
  console.log(`BENCH ${JSON.stringify(measure)}`);
}

/** The middle value. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value that a share `q` of all values does not exceed. */
export function quantile(values, q) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
}
