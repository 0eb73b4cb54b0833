// Series are asked for once, many at a time, and again after a failure; points are found by a moment.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';

import { Series, at } from '../../lightning_viz/tensorboard/static/series.js';

test('the last point at or before a moment is that of a search one by one', () => {
  const points = [-1, 4, 4, 9, 14].map((step, i) => [step, i]);
  for (let length = 0; length <= points.length; length += 1) {
    for (let moment = -3; moment < 18; moment += 1) {
      const some = points.slice(0, length);
      assert.equal(at(some, (step) => step, moment), some.filter(([step]) => step <= moment).pop(), `${length} points at ${moment}`);
    }
  }
  assert.equal(at(undefined, (step) => step, 3), undefined);
});

/** A source that answers what it is asked for, and remembers it. */
function recording() {
  const wishes = [];
  const series = (run, wish) => {
    wishes.push([run, wish]);
    return Promise.resolve({ images: { a: [[1, 'key']] } });
  };
  return { wishes, series };
}

test('what is looked at in one turn is one request for each run', async () => {
  const source = recording();
  let arrived = 0;
  const series = new Series(source, () => { arrived += 1; }, assert.fail);
  for (const tag of ['a', 'b', 'a']) assert.equal(series.get('images', 'one', tag), undefined);
  series.get('scalars', 'one', 'a');
  series.get('images', 'two', 'a');
  await turn();
  const none = { originals: [], places: [], captions: [], maps: [], bounds: [], predictions: [], counts: [], rights: [], tables: [] };
  assert.deepEqual(source.wishes, [
    ['one', { ...none, images: ['a', 'b'], scalars: ['a'] }],
    ['two', { ...none, images: ['a'], scalars: [] }],
  ]);
  assert.equal(arrived, 2);
  assert.deepEqual(series.get('images', 'one', 'a'), [[1, 'key']]);
  assert.deepEqual(series.get('images', 'one', 'b'), []); // there is none
  await turn();
  assert.equal(source.wishes.length, 2);
});

test('what is outdated stays to look at until its successor is here', async () => {
  const source = recording();
  const series = new Series(source, () => {}, assert.fail);
  series.get('images', 'one', 'a');
  await turn();
  series.outdate();
  assert.deepEqual(series.get('images', 'one', 'a'), [[1, 'key']]);
  await turn();
  assert.equal(source.wishes.length, 2);
});

test('what failed is told, and asked for again', async () => {
  const errors = [];
  let asked = 0;
  const source = { series: () => Promise[(asked += 1) === 1 ? 'reject' : 'resolve'](asked === 1 ? new Error('away') : { maps: { a: [[2, 'm']] } }) };
  const series = new Series(source, () => {}, (error) => errors.push(error.message));
  series.get('maps', 'one', 'a');
  await turn();
  assert.deepEqual(errors, ['away']);
  assert.equal(series.get('maps', 'one', 'a'), undefined);
  await turn();
  assert.deepEqual(series.get('maps', 'one', 'a'), [[2, 'm']]);
});
