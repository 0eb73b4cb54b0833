// What is seen of an element as one picture: images, maps that the page has coloured, outlines, and every word beside them.

const SHARPEST = 4; // pixels of the picture per pixel of the screen
const SHARP = 2; // at least, so that words can be read when they are enlarged
const RIM = 8; // pixels of the screen around it

/** @typedef {{ left: number, top: number, width: number, height: number }} Box */
/** @typedef {HTMLImageElement | HTMLCanvasElement} Drawn */

/**
 * Draws an element as it stands there, on its own ground; at least one pixel for each of the finest picture in it.
 *
 * @param {HTMLElement} node
 * @returns {Promise<Blob | null>} A PNG; `null` where there is nothing to see.
 */
export function snapshot(node) {
  const { left, top, width, height } = node.getBoundingClientRect();
  const parts = /** @type {Drawn[]} */ ([...node.querySelectorAll('img, canvas')]).filter((part) => part.getBoundingClientRect().width > 0);
  if (!parts.length) return Promise.resolve(null);
  const scale = Math.min(SHARPEST, Math.max(SHARP, window.devicePixelRatio, ...parts.map((part) => sizeOf(part)[0] / part.getBoundingClientRect().width)));
  const [across, down] = [Math.max(width, node.scrollWidth) + 2 * RIM, Math.max(height, node.scrollHeight) + 2 * RIM];
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.round(across * scale), Math.round(down * scale)];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.scale(scale, scale);
  context.fillStyle = window.getComputedStyle(node.closest('dialog') ?? document.body).backgroundColor;
  context.fillRect(0, 0, across, down);
  context.translate(RIM - left, RIM - top);
  paint(context, node);
  return new Promise((done) => canvas.toBlob(done));
}

/** An element, and what is in it, in the order of the document: what lies over another comes after it. @param {CanvasRenderingContext2D} context @param {Element} node */
function paint(context, node) {
  if (!node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return;
  const [style, box] = [window.getComputedStyle(node), node.getBoundingClientRect()];
  context.save();
  context.globalAlpha *= Number(style.opacity);
  paintGround(context, style, box);
  if (style.overflow !== 'visible') clip(context, box);
  if (node.matches('img, canvas')) paintPicture(context, /** @type {Drawn} */ (node), style);
  else if (node.matches('svg')) paintMarks(context, /** @type {SVGSVGElement} */ (node));
  else for (const part of node.childNodes) {
    if (part.nodeType === part.TEXT_NODE) write(context, /** @type {Text} */ (part), style);
    else paint(context, /** @type {Element} */ (part));
  }
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {Box} box */
function clip(context, { left, top, width, height }) {
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
}

/** The colour of the ground, that of a run at the left edge, and the dashes around what is of an earlier moment. @param {CanvasRenderingContext2D} context @param {CSSStyleDeclaration} style @param {Box} box */
function paintGround(context, style, { left, top, width, height }) {
  context.fillStyle = style.backgroundColor;
  context.fillRect(left, top, width, height);
  context.fillStyle = style.borderLeftColor;
  context.fillRect(left, top, parseFloat(style.borderLeftWidth), height);
  if (style.outlineStyle !== 'dashed') return;
  context.strokeStyle = style.outlineColor;
  context.setLineDash([3, 3]);
  context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {Drawn} part @param {CSSStyleDeclaration} style */
function paintPicture(context, part, style) {
  const [wide, high] = sizeOf(part);
  if (!wide || !high) return; // it is not there
  const { left, top, width, height } = part.getBoundingClientRect();
  const share = Math.min(width / wide, height / high);
  const [across, down] = style.objectFit === 'contain' ? [share * wide, share * high] : [width, height];
  context.filter = style.filter;
  context.imageSmoothingEnabled = style.imageRendering !== 'pixelated';
  context.drawImage(part, left + (width - across) / 2, top + (height - down) / 2, across, down);
}

/** Outlines and boxes, with the lines that they have on the screen. @param {CanvasRenderingContext2D} context @param {SVGSVGElement} drawing */
function paintMarks(context, drawing) {
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

/** A text by its lines, where they stand. @param {CanvasRenderingContext2D} context @param {Text} text @param {CSSStyleDeclaration} style */
function write(context, text, style) {
  context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.fillStyle = style.color;
  context.direction = /** @type {CanvasDirection} */ (style.direction);
  context.textAlign = 'left';
  for (const { said, left, top, height } of linesOf(text)) {
    const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = context.measureText(said);
    context.fillText(said, left, top + (height - above - below) / 2 + above);
  }
}

/** How the browser has broken a text. @param {Text} text @returns {{ said: string, left: number, top: number, height: number }[]} */
function linesOf(text) {
  const range = document.createRange();
  /** @type {Map<number, { said: string, left: number, top: number, height: number }>} */
  const lines = new Map();
  let at = 0;
  for (const sign of text.data) {
    range.setStart(text, at);
    range.setEnd(text, (at += sign.length));
    const box = range.getBoundingClientRect();
    if (!box.height || (!box.width && /\s/.test(sign))) continue; // white space that is not shown
    const line = lines.get(Math.round(box.top));
    if (line) Object.assign(line, { said: line.said + sign, left: Math.min(line.left, box.left) });
    else lines.set(Math.round(box.top), { said: sign, left: box.left, top: box.top, height: box.height });
  }
  return [...lines.values()];
}

/** Pixels of its own. @param {Drawn} part */
const sizeOf = (part) => ('naturalWidth' in part ? [part.naturalWidth, part.naturalHeight] : [part.width, part.height]);
