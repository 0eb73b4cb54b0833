// The findings of a run, asked for once by all that tell them.

/** @typedef {import('./source.js').Finding} Finding */

/** @type {Map<string, { updated: number, found: Promise<Finding[]> }>} By runs: what was found when they were last written to. */
const known = new Map();

/** What is found in a run as it is now; what failed is asked for again. @param {import('./app.js').App} app @param {import('./model.js').Run} run */
export function findingsOf({ source }, { name, answer: { updated } }) {
  const held = known.get(name);
  if (held?.updated === updated) return held.found;
  const found = source.findings(name);
  known.set(name, { updated, found });
  found.catch(() => known.delete(name));
  return found;
}
