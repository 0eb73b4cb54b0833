// Maps by their values, and the difference of two on a scale that does not move with the slider.

/** @typedef {{ width: number, height: number, unit: number, values: Int8Array }} Heat */

const HEADER = 8; // bytes: height and width as uint16, unit as float32
const BLUE = [33, 102, 172];
const WHITE = [247, 247, 247];
const ORANGE = [179, 88, 6];

/** @param {ArrayBuffer} buffer @returns {Heat | null} */
export function decodeMap(buffer) {
  if (buffer.byteLength < HEADER) return null;
  const header = new DataView(buffer);
  const [height, width, unit] = [header.getUint16(0, true), header.getUint16(2, true), header.getFloat32(4, true)];
  const values = new Int8Array(buffer, HEADER);
  return values.length === width * height && values.length ? { width, height, unit, values } : null;
}

/**
 * Draws what one map has more than the other, orange, and less, blue.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Heat} heat
 * @param {Heat} other Of the same size.
 * @param {number} bound The difference at which the colours end.
 */
export function drawDifference(canvas, heat, other, bound) {
  canvas.width = heat.width;
  canvas.height = heat.height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const image = context.createImageData(heat.width, heat.height);
  heat.values.forEach((value, i) => {
    const share = (value * heat.unit - other.values[i] * other.unit) / (bound || 1);
    image.data.set([...colour(share), 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

/** The colour of a value in [-1, 1]: blue, white, orange. @param {number} share */
export function colour(share) {
  const end = share < 0 ? BLUE : ORANGE;
  const amount = Math.min(Math.abs(share), 1);
  return WHITE.map((from, i) => Math.round(from + amount * (end[i] - from)));
}

/** The largest bound of some series of bounds. @param {(import('./source.js').Points | undefined)[]} series */
export function largestBound(series) {
  return Math.max(0, ...series.flatMap((points) => (points ?? []).map(([, bound]) => bound ?? 0)));
}

