// The measures of attention, and the layers of each.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attentionOf } from '../../lightning_viz/tensorboard/static/attention.js';

test('measures in their order, of all layers of all runs, layers as they count', () => {
  const runs = [
    ['attention/blocks_10/entropy', 'attention/blocks_2/entropy', 'attention/uniform', 'explanations/attention_heads/entropy'],
    ['attention/blocks_2/entropy', 'attention/blocks_2/distance', 'attention/mine/else'],
  ].map((scalars) => ({ answer: { scalars } }));
  assert.deepEqual(attentionOf(runs), [
    ['entropy', ['attention/blocks_2/entropy', 'attention/blocks_10/entropy']],
    ['distance', ['attention/blocks_2/distance']],
    ['uniform', ['attention/uniform']],
  ]);
  assert.deepEqual(attentionOf([{ answer: { scalars: ['loss'] } }]), []);
});
