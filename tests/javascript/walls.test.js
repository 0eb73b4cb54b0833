// Walls of channels: which one is where.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { channelAt } from '../../lightning_viz/tensorboard/static/walls.js';

test('the channel at a place, by rows; none beside the wall, or where the last row has ended', () => {
  const wall = { channels: [3, 5, 9, 17, 20], columns: 3 };
  const found = [[0.1, 0.1], [0.5, 0.4], [0.9, 0.49], [0.2, 0.6], [0.5, 0.99], [0.9, 0.9], [-0.1, 0.1], [1, 0.1], [0.1, 1]].map(([x, y]) => channelAt(wall, x, y));
  assert.deepEqual(found, [3, 5, 9, 17, 20, undefined, undefined, undefined, undefined]);
});
