// Maps as the log holds them, and their colours.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AGAINST, FOR, diverging, sequential } from '../../lightning_viz/tensorboard/static/colours.js';
import { decodeMap, drawDifference, drawMap, largestBound, largestValue, over, plain } from '../../lightning_viz/tensorboard/static/maps.js';

/** A map in the log's format: height, width, unit, then one signed byte a pixel, then a title. */
function encoded(height, width, unit, values, title = '') {
  const bytes = Buffer.concat([Buffer.alloc(8 + values.length), Buffer.from(title)]);
  bytes.writeUInt16LE(height, 0);
  bytes.writeUInt16LE(width, 2);
  bytes.writeFloatLE(unit, 4);
  values.forEach((value, i) => bytes.writeInt8(value, 8 + i));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

test('a map is read with its size, its unit and its signs', () => {
  const { width, height, unit, values } = decodeMap(encoded(2, 3, 0.25, [0, 1, -1, 127, -128, 5]));
  assert.deepEqual([width, height, unit, [...values]], [3, 2, 0.25, [0, 1, -1, 127, -128, 5]]);
});

test('a map may have a title, of any letters', () => {
  assert.equal(decodeMap(encoded(1, 2, 1, [3, 4])).title, '');
  const { values, title } = decodeMap(encoded(1, 2, 1, [3, 4], 'crème 卵'));
  assert.deepEqual([[...values], title], [[3, 4], 'crème 卵']);
});

test('what is no map is none', () => {
  for (const buffer of [new ArrayBuffer(0), new ArrayBuffer(7), encoded(0, 0, 1, []), encoded(2, 2, 1, [1, 2, 3])]) {
    assert.equal(decodeMap(buffer), null);
  }
});

/** A canvas that keeps what is drawn on it. */
function canvas() {
  const made = { getContext: () => ({ createImageData: (w, h) => ({ data: new Uint8ClampedArray(4 * w * h) }), putImageData: (image) => { made.drawn = [...image.data]; } }) };
  return made;
}

test('nothing is white, less is blue, more is orange, and magnitudes grow from black', () => {
  assert.ok(Math.min(...diverging(0)) >= 245);
  const [less, more] = [diverging(-1), diverging(1)];
  assert.ok(less[2] > less[0] && more[0] > more[2]);
  const light = [0, 0.25, 0.5, 0.75, 1].map((share) => sequential(share).reduce((a, b) => a + b));
  assert.deepEqual(light, [...light].sort((a, b) => a - b));
});

test('over an image, what is strong is opaque and what is nothing is not there', () => {
  assert.deepEqual(over('signed')(1), [...FOR, 255 * 0.9]);
  assert.deepEqual(over('signed')(-1), [...AGAINST, 255 * 0.9]);
  assert.equal(over('signed')(0)[3], 0);
  assert.equal(over('sequential')(0)[3], 0);
  assert.deepEqual(over('sequential')(1), [...sequential(1), 255 * 0.9]);
});

test('a map is drawn on the scale that is given, and what is beyond it is clipped', () => {
  const [heat, shown] = [decodeMap(encoded(1, 4, 0.5, [0, 2, -4, 100])), canvas()];
  drawMap(shown, heat, 2, plain('signed'));
  assert.deepEqual([shown.width, shown.height], [4, 1]);
  assert.deepEqual(shown.drawn, [0, 0.5, -1, 1].flatMap((share) => [...diverging(share), 255]));
  drawMap(shown, heat, 0, plain('signed')); // a map of zeros has no scale
  assert.deepEqual(shown.drawn.slice(0, 4), [...diverging(0), 255]);
});

test('a difference is that of the values, each in its own unit', () => {
  const shown = canvas();
  const [now, before] = [decodeMap(encoded(1, 3, 0.5, [2, 0, 4])), decodeMap(encoded(1, 3, 0.25, [0, 4, 8]))];
  drawDifference(shown, now, before, 2);
  assert.deepEqual([shown.width, shown.height], [3, 1]);
  assert.deepEqual(shown.drawn, [0.5, -0.5, 0].flatMap((share) => [...diverging(share), 255]));
});

test('the own scale of maps side by side is their largest magnitude', () => {
  assert.equal(largestValue([decodeMap(encoded(1, 2, 0.5, [-6, 1])), decodeMap(encoded(1, 2, 0.25, [8, 2]))]), 3);
  assert.equal(largestValue([]), 0);
});

test('the bound is the largest of all epochs', () => {
  assert.equal(largestBound([[[0, 0.1], [1, 0.4]], undefined, [[0, null]]]), 0.4);
  assert.equal(largestBound([undefined, []]), 0);
});
