import assert from 'node:assert/strict';
import test from 'node:test';

import { warningsOf } from '../../lightning_viz/tensorboard/static/warnings.js';

/** @param {Record<string, number>} values */
const warned = (values) => warningsOf((measure) => values[measure] ?? null);

test('a method without doubts warns of nothing', () => {
  assert.deepEqual(warned({}), []);
  assert.deepEqual(warned({ rank_untrained: 0.89, fidelity: 0.5, deletion: 0.2, deletion_chance: 0.3, insertion: 0.6, insertion_chance: 0.5 }), []);
});

test('maps like those of the untrained network, a poor fit and what is worse than chance are told', () => {
  const values = { rank_untrained: 0.934, fidelity: 0.31, deletion: 0.4, deletion_chance: 0.3, insertion: 0.4, insertion_chance: 0.5 };
  assert.deepEqual(warned(values), ['like untrained: 0.934', 'R² 0.31: says little', 'deletion worse than chance', 'insertion worse than chance']);
  assert.deepEqual(warned({ rank_untrained: -0.95 }), ['like untrained: -0.95']);
  assert.deepEqual(warned({ deletion: 0.4 }), []);
});
