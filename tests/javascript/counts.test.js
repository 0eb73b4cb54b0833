// The confusion matrix: which classes have a row, and what is in its cells.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MOST, groupsOf, rightOf, shareOf, signed, sizeOf, tableOf } from '../../lightning_viz/tensorboard/static/counts.js';

const CELLS = [[0, 0, 7], [0, 1, 3], [1, 1, 5], [2, 0, 1], [2, 2, 9]];
const NAMES = ['Bread', 'Egg', 'Soup'];

/** Of 100 classes, of which 90 is taken for 80 most often, and 5 for 6. */
const MANY = [...Array.from({ length: 100 }, (_, k) => [k, k, 50]), [90, 80, 40], [5, 6, 30], [7, 8, 1]];
const NUMBERED = Array.from({ length: 100 }, (_, k) => `class ${k}`);

test('of few classes every one has its row, in the order of the classes', () => {
  const groups = groupsOf(CELLS, NAMES);
  assert.deepEqual(groups.map(({ name }) => name), NAMES);
  const table = tableOf(CELLS, groups);
  assert.deepEqual(table.map((row) => row.map(({ count }) => count)), [[7, 3, 0], [0, 5, 0], [1, 0, 9]]);
  assert.deepEqual(table.map(([first]) => first.of), [10, 5, 10]);
  assert.equal(shareOf(table[0][1]), 0.3);
  assert.deepEqual(rightOf(CELLS), [21, 25]);
});

test('of many those that are mixed up most come first, and nothing is left out of the sums', () => {
  const groups = groupsOf(MANY, NUMBERED);
  assert.equal(groups.length, MOST + 1);
  assert.deepEqual(groups.slice(0, 4).map(({ name }) => name), ['class 90', 'class 80', 'class 5', 'class 6']);
  assert.equal(groups[MOST].name, '60 others');
  const table = tableOf(MANY, groups);
  const total = table.flat().reduce((sum, { count }) => sum + count, 0);
  assert.equal(total, rightOf(MANY)[1]);
  assert.equal(table[MOST][MOST].count, 60 * 50);
  assert.equal(table[MOST][MOST].right, 60 * 50);
});

test('a text finds classes, and what they are taken for', () => {
  const groups = groupsOf(MANY, NUMBERED, 'Class 90');
  assert.deepEqual(groups.map(({ name }) => name), ['class 90', 'class 80', '98 others']);
  assert.deepEqual(groupsOf(CELLS, NAMES, 'no such'), []);
});

test('classes without a name are counted too', () => {
  assert.equal(sizeOf(CELLS, 0), 3);
  assert.equal(sizeOf(CELLS, 11), 11);
});

test('a class that did not occur has no share', () => assert.equal(shareOf({ count: 0, of: 0, right: 0 }), 0));

test('differences have a sign', () => assert.deepEqual([3, 0, -2].map(signed), ['+3', '0', '−2']));
