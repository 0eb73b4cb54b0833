// Maps by their values, in colours: of one, and of the difference of two.

import { AGAINST, FOR, diverging, sequential } from './colours.js';

/** @typedef {{ width: number, height: number, unit: number, values: Int8Array, title: string }} Heat */
/** @typedef {'signed' | 'sequential'} Colours */

const HEADER = 8; // bytes: height and width as uint16, unit as float32
const FINE = 256; // pixels on the longer side of a striped map
const STRIPES = 16; // so many fit beside each other into a map
const OPAQUE = 0.9; // at full colour, over an image

/** @param {ArrayBuffer} buffer @returns {Heat | null} */
export function decodeMap(buffer) {
  if (buffer.byteLength < HEADER) return null;
  const header = new DataView(buffer);
  const [height, width, unit] = [header.getUint16(0, true), header.getUint16(2, true), header.getFloat32(4, true)];
  const count = width * height;
  if (!count || buffer.byteLength < HEADER + count) return null;
  const title = new TextDecoder().decode(new Uint8Array(buffer, HEADER + count));
  return { width, height, unit, values: new Int8Array(buffer, HEADER, count), title };
}

/**
 * Draws a map, opaque or over the image below it.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Heat} heat
 * @param {number} bound The magnitude at which colours are full.
 * @param {(share: number) => number[]} colour Of a value in [-1, 1]: red, green, blue, and how opaque, each to 255.
 * @param {boolean} [striped] Whether what is below 0 is striped too, for those who cannot tell the colours apart.
 */
export function drawMap(canvas, heat, bound, colour, striped = false) {
  const shares = Array.from({ length: 256 }, (_, i) => clipped(((i - 128) * heat.unit) / (bound || 1)));
  const packed = (/** @type {number[][]} */ inks) => new Uint32Array(new Uint8ClampedArray(inks.flat()).buffer);
  const inks = shares.map(colour);
  const [colours, darker] = [packed(inks), packed(inks.map(darkened))];
  if (!striped) fill(canvas, heat, (i) => colours[heat.values[i] + 128]);
  else fillStriped(canvas, heat, (value, stripe) => (stripe && value < 0 ? darker : colours)[value + 128]);
}

/** A colour in a stripe: as much darker as it is opaque, whatever lies below. @param {number[]} ink */
function darkened([red, green, blue, opaque]) {
  const share = opaque / 255;
  const whole = 1 - (1 - share) ** 2; // of black as opaque as the colour, over it
  const left = whole ? (share * (1 - share)) / whole : 0;
  return [left * red, left * green, left * blue, 255 * whole];
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
  const packed = new Uint32Array(1);
  const bytes = new Uint8ClampedArray(packed.buffer);
  fill(canvas, heat, (i) => {
    bytes.set(plain('signed')(clipped((heat.values[i] * heat.unit - other.values[i] * other.unit) / (bound || 1))));
    return packed[0];
  });
}

/** Colours of a map by itself, as the pictures have them. @param {Colours} colours @returns {(share: number) => number[]} */
export const plain = (colours) => (share) => [...(colours === 'signed' ? diverging(share) : sequential(share)), 255];

/** Colours over an image in grey, likewise: the larger, the more opaque. @param {Colours} colours @returns {(share: number) => number[]} */
export const over = (colours) => (share) => {
  const ink = colours === 'signed' ? (share > 0 ? FOR : AGAINST) : sequential(0.25 + 0.75 * Math.max(share, 0));
  return [...ink, 255 * OPAQUE * Math.abs(share) ** 0.7];
};

/** The largest bound of some series of bounds. @param {(import('./source.js').Points | undefined)[]} series */
export function largestBound(series) {
  return Math.max(0, ...series.flatMap((points) => (points ?? []).map(([, bound]) => bound ?? 0)));
}

/** The largest magnitude of some maps. @param {Heat[]} maps */
export function largestValue(maps) {
  return Math.max(0, ...maps.map(({ values, unit }) => unit * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)));
}

/** Draws a map so much larger that stripes fit into its pixels. @param {HTMLCanvasElement} canvas @param {Heat} heat @param {(value: number, stripe: boolean) => number} colour Packed as the canvas has it. */
function fillStriped(canvas, { width, height, values }, colour) {
  const times = Math.ceil(FINE / Math.max(width, height));
  const period = (times * Math.max(width, height)) / STRIPES;
  fill(canvas, { width: times * width, height: times * height }, (i) => {
    const [x, y] = [i % (times * width), Math.floor(i / (times * width))];
    return colour(values[Math.floor(y / times) * width + Math.floor(x / times)], (x + y) % period < period / 3);
  });
}

/** @param {HTMLCanvasElement} canvas @param {{ width: number, height: number }} size @param {(i: number) => number} colour Packed as the canvas has it. */
function fill(canvas, { width, height }, colour) {
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i += 1) pixels[i] = colour(i);
  context.putImageData(image, 0, 0);
}

/** The largest magnitude of the difference of two maps. @param {Heat} heat @param {Heat} other Of the same size. */
export const largestDifference = (heat, other) => heat.values.reduce((most, value, i) => Math.max(most, Math.abs(value * heat.unit - other.values[i] * other.unit)), 0);

/** @param {number} share */
const clipped = (share) => Math.min(Math.max(share, -1), 1);
