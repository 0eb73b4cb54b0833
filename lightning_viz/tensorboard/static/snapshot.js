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
  const within = (/** @type {Box} */ frame, /** @type {() => void} */ draw) => {
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    draw();
    context.restore();
  };
  for (const { part, box, frame } of parts) {
    const { filter, imageRendering } = window.getComputedStyle(part);
    within(frame, () => {
      context.filter = filter;
      context.imageSmoothingEnabled = imageRendering !== 'pixelated';
      context.drawImage(part, box.left, box.top, box.width, box.height);
    });
  }
  for (const drawing of marksOf(node)) within(drawing.getBoundingClientRect(), () => outlineOnto(context, drawing));
  return new Promise((done) => canvas.toBlob(done));
}

/** Outlines and boxes that are drawn over pictures. @param {HTMLElement} node */
export const marksOf = (node) => /** @type {SVGSVGElement[]} */ ([...node.querySelectorAll('svg.marks')]).filter((drawing) => drawing.hasChildNodes() && drawing.checkVisibility());

/** Draws outlines and boxes with the lines that they have on the screen. @param {CanvasRenderingContext2D} context @param {SVGSVGElement} drawing */
function outlineOnto(context, drawing) {
  const [box, { width, height }] = [drawing.getBoundingClientRect(), drawing.viewBox.baseVal];
  const onto = new DOMMatrix([box.width / width, 0, 0, box.height / height, box.left, box.top]);
  for (const line of drawing.querySelectorAll('path, rect')) {
    const { stroke, strokeWidth, strokeDasharray } = window.getComputedStyle(line);
    const path = new Path2D();
    path.addPath(pathOf(line), onto);
    context.strokeStyle = stroke;
    context.lineWidth = parseFloat(strokeWidth);
    context.setLineDash(strokeDasharray === 'none' ? [] : strokeDasharray.split(',').map(parseFloat));
    context.stroke(path);
  }
}

/** @param {Element} line A path, or a rectangle. */
function pathOf(line) {
  if (line.matches('path')) return new Path2D(line.getAttribute('d') ?? '');
  const path = new Path2D();
  const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((name) => Number(line.getAttribute(name)));
  path.rect(x, y, width, height);
  return path;
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
