// The outline of an image, over what has changed of its maps: where in the image that is.

const FINE = 256; // pixels on the longer side: of small images, whose pixels are seen, lines are finer than these
const STRONGEST = 0.55; // how much of a pixel the strongest edges cover
const SHARE = 0.6; // of the largest step between neighbours: from there on an edge is as strong as any

/** @typedef {{ top: number, height: number }} Part Rows of an image, in its own pixels. */

/**
 * How strong an edge is at every pixel, in [0, 1]: by the difference of its neighbours across and down.
 *
 * @param {Float32Array} grey By rows.
 * @param {number} width
 */
export function edgesOf(grey, width) {
  const height = grey.length / width;
  const at = (/** @type {number} */ x, /** @type {number} */ y) => grey[Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1)];
  const found = Float32Array.from(grey, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return Math.hypot(at(x + 1, y) - at(x - 1, y), at(x, y + 1) - at(x, y - 1));
  });
  const most = found.reduce((a, b) => Math.max(a, b), 0);
  return found.map((value) => (most ? Math.min(value / (SHARE * most), 1) : 0));
}

/** Draws the outline of a part of an image, dark and else transparent. @param {HTMLCanvasElement} canvas @param {HTMLImageElement} image @param {Part} part */
export function drawEdges(canvas, image, { top, height }) {
  const times = FINE / Math.max(image.naturalWidth, height);
  canvas.width = Math.max(Math.round(image.naturalWidth * times), 1);
  canvas.height = Math.max(Math.round(height * times), 1);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
  context.imageSmoothingEnabled = times < 1;
  context.drawImage(image, 0, top, image.naturalWidth, height, 0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = pixels;
  const grey = Float32Array.from({ length: data.length / 4 }, (_, i) => 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  edgesOf(grey, canvas.width).forEach((edge, i) => data.set([0, 0, 0, 255 * STRONGEST * edge], 4 * i));
  context.putImageData(pixels, 0, 0);
}
