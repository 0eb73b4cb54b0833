// The outline of an image: strong where neighbours differ, nothing where all is alike.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { edgesOf } from '../../lightning_viz/tensorboard/static/edges.js';

test('an edge lies at both sides of a step, and nowhere else', () => {
  const row = [0, 0, 0, 8, 8, 8];
  assert.deepEqual([...edgesOf(Float32Array.from([...row, ...row]), 6)], [0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0]);
  assert.deepEqual([...edgesOf(new Float32Array(4).fill(3), 2)], [0, 0, 0, 0]);
});

test('a weak edge is weak beside a strong one', () => {
  const [, faint, , , strong] = edgesOf(Float32Array.from([0, 0, 1, 1, 1, 21]), 6);
  assert.ok(strong === 1 && Math.abs(faint - 1 / 20 / 0.6) < 1e-6);
});
