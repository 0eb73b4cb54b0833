// Maps as the log holds them, and the colours of a difference.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { colour, decodeMap, drawDifference, largestBound } from '../../lightning_viz/tensorboard/static/maps.js';

/** A map in the log's format: height, width, unit, then one signed byte a pixel. */
function encoded(height, width, unit, values) {
  const bytes = Buffer.alloc(8 + values.length);
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

test('what is no map is none', () => {
  for (const buffer of [new ArrayBuffer(0), new ArrayBuffer(7), encoded(0, 0, 1, []), encoded(2, 2, 1, [1, 2, 3])]) {
    assert.equal(decodeMap(buffer), null);
  }
});

test('nothing is white, less is blue, more is red, and colours end at the bound', () => {
  assert.deepEqual(colour(0), [247, 247, 247]);
  const [less, more] = [colour(-1), colour(1)];
  assert.ok(less[2] > less[0] && more[0] > more[2]);
  assert.deepEqual([colour(-9), colour(9)], [less, more]);
  assert.deepEqual(colour(0.5), colour(0).map((from, i) => Math.round((from + more[i]) / 2)));
});

test('a difference is that of the values, each in its own unit', () => {
  const canvas = { getContext: () => ({ createImageData: (w, h) => ({ data: new Uint8ClampedArray(4 * w * h) }), putImageData: (image) => { canvas.drawn = image.data; } }) };
  const [now, before] = [decodeMap(encoded(1, 3, 0.5, [2, 0, 4])), decodeMap(encoded(1, 3, 0.25, [0, 4, 8]))];
  drawDifference(canvas, now, before, 2);
  assert.deepEqual([canvas.width, canvas.height], [3, 1]);
  assert.deepEqual([...canvas.drawn], [0.5, -0.5, 0].flatMap((share) => [...colour(share), 255]));
});

test('the bound is the largest of all epochs', () => {
  assert.equal(largestBound([[[0, 0.1], [1, 0.4]], undefined, [[0, null]]]), 0.4);
  assert.equal(largestBound([undefined, []]), 0);
});
