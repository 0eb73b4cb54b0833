// What was counted of each class by itself: which classes have a row, and what stands in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { COLUMNS, figuresOf, rowsOf } from '../../lightning_viz/tensorboard/static/classes.js';

const NAMES = ['Bread', 'Egg', 'Soup'];
const TABLE = [[7, 3, 1], [5, 0, 0], [0, 4, 2]];

/** What stands in a row. */
const shown = (kind, figures) => COLUMNS[kind].map(({ of, show }) => (Number.isFinite(of(figures)) ? show(of(figures)) : '–'));

test('of few classes every one has its row, in the order of the classes', () => {
  const rows = rowsOf(TABLE, NAMES);
  assert.deepEqual(rows.map(({ name }) => name), NAMES);
  assert.deepEqual(rows.map((row) => figuresOf(TABLE, row)), TABLE);
});

test('recall, precision and intersection over union are shares in percent', () => {
  assert.deepEqual(shown('labels', [7, 3, 1]), ['7', '3', '1', '70', '88']);
  assert.deepEqual(shown('label pixels', [7_000_000, 2_000_000, 1_000_000]), ['7M', '2M', '1M', '78', '88', '70']);
  assert.deepEqual(shown('labels', [0, 0, 0]), ['0', '0', '0', '–', '–']);
  assert.deepEqual(shown('labels', figuresOf(undefined, rowsOf(TABLE, NAMES)[0])), ['–', '–', '–', '–', '–']);
});

test('differences have a sign', () => {
  const [found, , , recall] = COLUMNS.labels;
  assert.deepEqual([found.differ(3), found.differ(-2_500_000), recall.differ(-12.4)], ['+3', '−2.5M', '−12']);
  assert.deepEqual([0.5, -0.25, 0].map(COLUMNS.values[0].differ), ['+0.5', '−0.25', '0']);
});

test('of many classes those with most errors come first, and nothing is left out of the sums', () => {
  const many = Array.from({ length: 100 }, (_, k) => [1, k === 60 ? 9 : 0, k === 7 ? 20 : 0]);
  const rows = rowsOf(many, many.map((_, k) => `class ${k}`));
  assert.deepEqual([rows.length, ...rows.slice(0, 2).map(({ name }) => name), rows[40].name], [41, 'class 7', 'class 60', '60 others']);
  const sums = rows.map((row) => figuresOf(many, row)).reduce((a, b) => a.map((value, i) => value + b[i]));
  assert.deepEqual(sums, [100, 9, 20]);
});

test('a text finds classes; values, which have units of their own, are never added up', () => {
  assert.deepEqual(rowsOf(TABLE, NAMES, 'soup').map(({ name }) => name), ['Soup', '2 others']);
  assert.deepEqual(rowsOf(TABLE, NAMES, 'no such'), []);
  assert.deepEqual(rowsOf([[1], [2]], ['height', 'weight'], 'weight').map(({ name }) => name), ['weight']);
});
