// Slices of volumes and outlines of masks, against what can be counted by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodePlaces, maskOf, outline } from '../../lightning_viz/tensorboard/static/outlines.js';
import { cut, sliceName, sliceOf } from '../../lightning_viz/tensorboard/static/slices.js';

const flat = (values, height, width) => ({ values: Int8Array.from(values), height, width, unit: 1, title: '' });

test('the slice with most of a map is shown until one is chosen', () => {
  const map = flat([0, 1, 0, 0, -5, 0, 2, 1], 4, 2); // two slices of 2 x 2
  const sliced = { slices: 2, depth: 2, clip: false };
  assert.equal(sliceOf(sliced, null, [map]), 1);
  assert.equal(sliceOf(sliced, 0, [map]), 0);
  assert.equal(sliceOf(sliced, 9, [map]), 1);
  assert.deepEqual([...cut(map, 2, 1).values], [-5, 0, 2, 1]);
  assert.equal(cut(map, 2, 1).height, 2);
});

test('without a map the middle is shown, as the picture does', () => {
  assert.equal(sliceOf({ slices: 8, depth: 8, clip: false }, null, []), 4);
  assert.equal(sliceOf({ slices: 16, depth: 20, clip: false }, null, [flat(Array(16).fill(0), 16, 1)]), 8);
});

test('slices that were drawn together are told as such', () => {
  assert.equal(sliceName({ slices: 8, depth: 8, clip: true }, 2), 'frame 3/8');
  assert.equal(sliceName({ slices: 16, depth: 20, clip: false }, 3), 'slices 4–5/20');
});

test('runs of pixels are those of one slice', () => {
  assert.deepEqual([...maskOf([1, 3, 2, 2], 0, 4)], [0, 1, 1, 1]);
  assert.deepEqual([...maskOf([1, 3, 2, 2], 4, 4)], [0, 0, 1, 1]);
  assert.deepEqual([...maskOf([], 0, 2)], [0, 0]);
});

test('an outline goes around every part and every hole', () => {
  assert.equal(outline(Uint8Array.from([0, 0, 0, 1]), 2), 'M1,1L2,1L2,2L1,2Z');
  const ring = Uint8Array.from([1, 1, 1, 1, 0, 1, 1, 1, 1]);
  assert.equal(outline(ring, 3).split('Z').length - 1, 2);
  assert.equal(outline(new Uint8Array(4), 2), '');
});

test('what is no place is none', () => {
  const text = (value) => new TextEncoder().encode(value).buffer;
  assert.deepEqual(decodePlaces(text('{"size":[1,2,3]}')), { size: [1, 2, 3] });
  assert.equal(decodePlaces(text('{"size":')), null);
  assert.equal(decodePlaces(Uint8Array.from([2, 0, 1, 0]).buffer), null);
});
