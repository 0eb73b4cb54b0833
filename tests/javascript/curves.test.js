// Charts: where points lie, and how a figure is told.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { chart, figure } from '../../lightning_viz/tensorboard/static/curves.js';

/** As much of an SVG element as a chart needs. */
class Element {
  kids = [];
  attributes = {};

  constructor(name) {
    this.name = name;
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  append(...kids) {
    this.kids.push(...kids);
  }

  all(name) {
    return this.kids.filter((kid) => kid.name === name);
  }
}

before(() => {
  globalThis.document = { createElementNS: (_, name) => new Element(name) };
});

const FRAME = { width: 106, height: 26, domain: [0, 10], title: 'a chart' };

test('the least and the largest value lie at the edges, three pixels in', () => {
  const { node } = chart([{ points: [[0, -1], [5, 0], [10, 1]] }], FRAME);
  assert.equal(node.all('polyline')[0].attributes.points, '3.0,23.0 53.0,13.0 103.0,3.0');
});

test('what is not finite leaves a gap, and one point is a dot', () => {
  const { node } = chart([{ points: [[0, NaN], [5, 0.5], [10, Infinity]] }], { ...FRAME, range: [0, 1] });
  const [dot] = node.all('circle');
  assert.deepEqual([dot.attributes.cx, dot.attributes.cy], ['53', '13']);
});

test('values that are all alike, and one epoch alone, lie in the middle', () => {
  const { node, move } = chart([{ points: [[4, 2], [4, 2]] }], { ...FRAME, domain: [4, 4] });
  assert.equal(node.all('polyline')[0].attributes.points, '53.0,13.0 53.0,13.0');
  move(4);
  assert.equal(node.all('line')[0].attributes.x1, '53');
});

test('the bold line is drawn over the others, and the cursor follows', () => {
  const points = [[0, 0], [10, 1]];
  const { node, move } = chart([{ points, strong: true, label: 'mine' }, { points, dashed: true, colour: 'red' }], FRAME);
  assert.deepEqual(node.all('polyline').map((line) => line.attributes.class), ['line dashed', 'line strong']);
  move(5);
  assert.deepEqual([node.all('line')[0].attributes.x1, node.all('line')[0].attributes.x2], ['53', '53']);
});

test('figures are told in three digits, very large and small ones by powers', () => {
  const values = [0, 0.5, 1 / 3, 12.3456, -1234.5, 99999, 100000, 0.001, 0.00099, -1e-9, NaN, Infinity];
  const told = ['0', '0.5', '0.333', '12.3', '-1230', '100000', '1.0e+5', '0.001', '9.9e-4', '-1.0e-9', 'NaN', 'Infinity'];
  assert.deepEqual(values.map(figure), told);
});
