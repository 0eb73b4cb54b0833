// The measures of a run, the best known first.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { aligned, nearest } from '../../lightning_viz/tensorboard/static/axes.js';
import { againstChance, commonRange, measuresOf } from '../../lightning_viz/tensorboard/static/measures.js';

test('measures of all runs, each once: those that are known in their order, then others by name', () => {
  const runs = [
    ['loss', 'explanations/lime/fidelity', 'explanations/lime/rank_previous', 'explanations/mine/depth_10'],
    ['explanations/mine/depth_9', 'explanations/saliency/rank_previous', 'explanations/saliency/entropy'],
  ].map((scalars) => ({ answer: { scalars } }));
  assert.deepEqual(measuresOf(runs), ['rank_previous', 'entropy', 'fidelity', 'depth_9', 'depth_10']);
  assert.deepEqual(measuresOf([]), []);
});

test('chance stands in the chart of its measure, and what is worse than it is said', () => {
  const scalars = ['deletion', 'deletion_chance', 'insertion', 'insertion_chance', 'other_chance'].map((name) => `explanations/lime/${name}`);
  assert.deepEqual(measuresOf([{ answer: { scalars } }]), ['deletion', 'insertion', 'other_chance']);
  assert.equal(againstChance('deletion', 0.6, 0.5), 'worse than chance');
  assert.equal(againstChance('insertion', 0.4, 0.5), 'worse than chance');
  for (const [measure, value, chance] of [['deletion', 0.4, 0.5], ['insertion', 0.6, 0.5], ['entropy', 9, 1], ['deletion', 1, undefined], ['deletion', null, 0]]) {
    assert.equal(againstChance(measure, value, chance), '');
  }
});

test('lines over several places stand in columns, and the nearest one is found', () => {
  const data = aligned([{ points: [[2, 1], [0, 5], [2, 3]] }, { points: [[1, 4], [2, NaN]] }]);
  assert.deepEqual(data, [[0, 1, 2], [5, null, 3], [null, 4, null]]);
  assert.equal(nearest(data, 1, 100), 1);
  assert.equal(nearest([[0], [5], [9]], 0, 6), 0);
  assert.equal(nearest([[0], [null]], 0, 6), -1);
});

test('the common range of a measure holds all methods, and all that a bounded one can be', () => {
  const logged = { 'explanations/lime/rank_best': [[0, -0.25], [4, 0.5]], 'explanations/saliency/rank_best': [[0, 0.75]], 'explanations/lime/sum': [[0, 3], [4, null]], 'explanations/saliency/sum': [[0, 7]] };
  const run = { name: 'one', answer: { scalars: Object.keys(logged) } };
  const app = { shown: [run], series: { get: (_, __, tag) => logged[tag] } };
  assert.deepEqual(commonRange(app, 'rank_best'), [-0.25, 1]);
  assert.deepEqual(commonRange(app, 'sum'), [3, 7]);
  delete logged['explanations/saliency/sum']; // which is on its way
  assert.equal(commonRange(app, 'sum'), undefined);
});
