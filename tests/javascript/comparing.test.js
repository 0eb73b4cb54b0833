// Several runs beside each other: what tells them apart.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { momentsOf, ownParts } from '../../lightning_viz/tensorboard/static/comparing.js';

test('runs are told apart by what they do not share', () => {
  assert.deepEqual(ownParts(['demo/version_0', 'demo/version_1']), ['version_0', 'version_1']);
  assert.deepEqual(ownParts(['a/x', 'b/x']), ['a/x', 'b/x']);
  assert.deepEqual(ownParts(['same', 'same']), ['same', 'same']);
  const long = ['0.1', '0.01', '0.001'].map((rate) => `sweep/resnet50_pretrained_imagenet_lr_${rate}_seed_1`);
  assert.deepEqual(ownParts(long), ['…0.1…', '…0.01…', '…0.001…']);
});

const runs = new Map(['a', 'b', 'c'].map((name) => [name, { name }]));
const axis = { name: (at) => `epoch ${at}`, beyond: (at, by) => at + by };
const app = (state, more = {}) => ({ runs, run: runs.get('a'), axis, moment: 3, base: 1, blinking: false, state: { against: '', more: null, how: 'side', ...state }, ...more });
const seen = (of) => momentsOf(of).map(({ run, at }) => [run.name, at]);

test('three runs stand side by side, a difference is of two', () => {
  const state = { against: 'run:b', more: ['c', 'gone', 'a'] };
  assert.deepEqual(seen(app(state)), [['b', 3], ['c', 3], ['a', 3]]);
  assert.deepEqual(seen(app({ ...state, how: 'difference' })), [['b', 3], ['a', 3]]);
  assert.deepEqual(seen(app({ more: ['c'] })), [['a', 3]]);
});

test('while it blinks, what is compared with stands in every place', () => {
  assert.deepEqual(seen(app({}, { blinking: true })), [['a', 2]]);
  assert.deepEqual(seen(app({ against: 'epoch' }, { blinking: true })), [['a', 1], ['a', 1]]);
  assert.deepEqual(seen(app({ against: 'run:b' }, { blinking: true })), [['b', 3], ['b', 3]]);
});
