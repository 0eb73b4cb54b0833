// The measures of a run, the best known first.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { measuresOf } from '../../lightning_viz/tensorboard/static/measures.js';

test('measures of all runs, each once: those that are known in their order, then others by name', () => {
  const runs = [
    ['loss', 'explanations/lime/fidelity', 'explanations/lime/rank_previous', 'explanations/mine/depth_10'],
    ['explanations/mine/depth_9', 'explanations/saliency/rank_previous', 'explanations/saliency/entropy'],
  ].map((scalars) => ({ answer: { scalars } }));
  assert.deepEqual(measuresOf(runs), ['rank_previous', 'entropy', 'fidelity', 'depth_9', 'depth_10']);
  assert.deepEqual(measuresOf([]), []);
});
