// Masks as outlines: what is logged as runs of pixels becomes paths along their edges.

/**
 * @typedef {{ class: number, colour: number[], true: number[], predicted: number[] }} Area Runs of pixels, by turns without and with the class.
 * @typedef {{ edges: number[], class: number, colour: number[], true: boolean, what: string, score?: number, iou?: number }} Box Edges in pixels: left, top, right, bottom.
 * @typedef {{ inside: number[], colour: number[], class?: number }} Mask Where the evidence lies, in runs likewise; of several labels that of a class.
 * @typedef {{ size: [slices: number, height: number, width: number], areas?: Area[], boxes?: Box[], masks?: Mask[] }} Places
 */

/** @param {ArrayBuffer} buffer @returns {Places | null} */
export function decodePlaces(buffer) {
  if (new Uint8Array(buffer)[0] !== 0x7b) return null; // no brace: a map
  try {
    const found = JSON.parse(new TextDecoder().decode(buffer));
    return Array.isArray(found.size) && found.size.length === 3 ? found : null;
  } catch {
    return null; // a map, or something else
  }
}

/**
 * The pixels of one slice.
 *
 * @param {number[]} runs
 * @param {number} from Of the first pixel of the slice.
 * @param {number} count
 */
export function maskOf(runs, from, count) {
  const mask = new Uint8Array(count);
  let at = 0;
  runs.forEach((length, i) => {
    if (i % 2) mask.fill(1, Math.max(at - from, 0), Math.min(Math.max(at + length - from, 0), count));
    at += length;
  });
  return mask;
}

/**
 * The outline of a mask as an SVG path, along the edges of its pixels; what is within lies to the right of it.
 *
 * @param {Uint8Array} mask By rows.
 * @param {number} width
 */
export function outline(mask, width) {
  const height = mask.length / width;
  const inside = (/** @type {number} */ x, /** @type {number} */ y) => x >= 0 && x < width && y >= 0 && y < height && mask[y * width + x] === 1;
  /** @type {Map<number, number[]>} Where edges that begin at a corner end. */
  const edges = new Map();
  const corner = (/** @type {number} */ x, /** @type {number} */ y) => y * (width + 1) + x;
  const add = (/** @type {number} */ from, /** @type {number} */ to) => edges.set(from, [...(edges.get(from) ?? []), to]);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!inside(x, y)) continue;
      if (!inside(x, y - 1)) add(corner(x, y), corner(x + 1, y));
      if (!inside(x + 1, y)) add(corner(x + 1, y), corner(x + 1, y + 1));
      if (!inside(x, y + 1)) add(corner(x + 1, y + 1), corner(x, y + 1));
      if (!inside(x - 1, y)) add(corner(x, y + 1), corner(x, y));
    }
  }
  return loops(edges).map((loop) => pathOf(loop, width + 1)).join('');
}

/** Edges joined to closed ways. @param {Map<number, number[]>} edges @returns {number[][]} */
function loops(edges) {
  const found = [];
  for (const [start, ends] of edges) {
    while (ends.length) {
      const loop = [start];
      let at = /** @type {number} */ (ends.pop());
      while (at !== start) {
        loop.push(at);
        at = edges.get(at)?.pop() ?? start;
      }
      found.push(loop);
    }
  }
  return found;
}

/** A way without the corners that it goes straight through. @param {number[]} loop @param {number} across Corners in a row. */
function pathOf(loop, across) {
  const turns = loop.filter((at, i) => at - loop[(i || loop.length) - 1] !== loop[(i + 1) % loop.length] - at);
  return `M${turns.map((at) => `${at % across},${Math.floor(at / across)}`).join('L')}Z`;
}
