// What is seen on the page as one picture: of a difference, of two moments, of maps that the page has coloured.

/** @typedef {{ left: number, top: number, width: number, height: number }} Box */

const SHARPEST = 4; // pixels of the picture per pixel of the screen

/**
 * Draws the pictures within an element as they stand there, one pixel for each of the finest of them.
 *
 * @param {HTMLElement} node
 * @returns {Promise<Blob | null>} A PNG; `null` where there is nothing to see.
 */
export function snapshot(node) {
  const shown = /** @type {(HTMLImageElement | HTMLCanvasElement)[]} */ ([...node.querySelectorAll('img, canvas')]).filter((part) => part.checkVisibility() && part.getBoundingClientRect().width > 0);
  const parts = shown.map((part) => ({ part, box: part.getBoundingClientRect(), frame: frameOf(part) }));
  if (!parts.length) return Promise.resolve(null);
  const scale = Math.min(SHARPEST, Math.max(1, ...parts.map(({ part, box }) => widthOf(part) / box.width)));
  const whole = around(parts.map(({ frame }) => frame));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.round(whole.width * scale), Math.round(whole.height * scale)];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.scale(scale, scale);
  context.translate(-whole.left, -whole.top);
  for (const { part, box, frame } of parts) {
    const { filter, imageRendering } = window.getComputedStyle(part);
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    context.filter = filter;
    context.imageSmoothingEnabled = imageRendering !== 'pixelated';
    if (part.closest('.blend .shot + .shot')) context.globalCompositeOperation = 'difference';
    context.drawImage(part, box.left, box.top, box.width, box.height);
    context.restore();
  }
  return new Promise((done) => canvas.toBlob(done));
}

/** What of a picture is seen: the rest, as its caption, is cut off. @param {Element} part */
const frameOf = (part) => (part.closest('.ground, .crop') ?? part).getBoundingClientRect();

/** @param {HTMLImageElement | HTMLCanvasElement} part */
const widthOf = (part) => ('naturalWidth' in part ? part.naturalWidth : part.width);

/** @param {Box[]} boxes @returns {Box} */
function around(boxes) {
  const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
  const right = Math.max(...boxes.map((box) => box.left + box.width));
  const bottom = Math.max(...boxes.map((box) => box.top + box.height));
  return { left, top, width: right - left, height: bottom - top };
}
