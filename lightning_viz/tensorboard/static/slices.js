// Volumes and clips: which of their slices is shown, of the maps and of the image below them.

/** @typedef {import('./maps.js').Heat} Heat */
/** @typedef {import('./model.js').Run} Run */
/** @typedef {{ slices: number, depth: number, clip: boolean }} Sliced Slices that were logged, how many there were before, and whether they are frames. */

/** How a probe is cut into slices; `null` where it is flat. @param {Run} run @param {string} probe @returns {Sliced | null} */
export function slicedOf(run, probe) {
  const { slices, depth, clip = false } = run.manifest?.probes[probe] ?? {};
  return slices && depth ? { slices, depth, clip } : null;
}

/** The most slices that a probe of some runs has; `null` where all are flat. @param {Run[]} runs @returns {Sliced | null} */
export function mostSliced(runs) {
  const all = runs.flatMap((run) => run.probes.map((probe) => slicedOf(run, probe))).filter((one) => one !== null);
  return all.length ? all.reduce((a, b) => (b.slices > a.slices ? b : a)) : null;
}

/**
 * The slice that is shown: the one that was chosen, else the one with most of a map; without a map the middle one.
 *
 * @param {Sliced} sliced @param {number | null} chosen @param {Heat[]} maps
 */
export function sliceOf({ slices, depth }, chosen, maps) {
  if (chosen !== null) return Math.min(Math.max(Math.round(chosen), 0), slices - 1);
  const [map] = maps;
  if (!map) return groupOf(Math.floor(depth / 2), { slices, depth });
  const part = Math.floor(map.values.length / slices);
  const sums = Array.from({ length: slices }, (_, k) => map.values.subarray(k * part, (k + 1) * part).reduce((sum, value) => sum + Math.abs(value), 0));
  const most = Math.max(...sums);
  return most ? sums.indexOf(most) : groupOf(Math.floor(depth / 2), { slices, depth });
}

/** The slice of a map whose slices lie below each other. @param {Heat} map @param {number} slices @param {number} k @returns {Heat} */
export function cut(map, slices, k) {
  const height = Math.floor(map.height / slices);
  const part = height * map.width;
  return { ...map, height, values: map.values.subarray(k * part, (k + 1) * part) };
}

/** In words, as captions tell it. @param {Sliced} sliced @param {number} k */
export function sliceName({ slices, depth, clip }, k) {
  const [first, last] = [firstOf(k, { slices, depth }) + 1, firstOf(k + 1, { slices, depth })];
  return `${clip ? 'frame' : 'slice'}${last > first ? 's' : ''} ${first}${last > first ? `–${last}` : ''}/${depth}`;
}

/** The first of the slices that were drawn together, as `first_slices` of the log has it. @param {number} k @param {{ slices: number, depth: number }} of */
const firstOf = (k, { slices, depth }) => Math.floor((k * depth) / slices);

/** @param {number} slice @param {{ slices: number, depth: number }} of */
function groupOf(slice, of) {
  return Array.from({ length: of.slices }, (_, k) => k).findLast((k) => firstOf(k, of) <= slice) ?? 0;
}
