// The address and back: what a link leads to is what was shown, whatever else the address says.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEFAULTS, fromAddress, toAddress } from '../../lightning_viz/tensorboard/static/state.js';

test('a view without choices has an empty address', () => {
  assert.deepEqual(toAddress(DEFAULTS), {});
  assert.deepEqual(fromAddress({}), DEFAULTS);
});

test('every choice survives the way through the address', () => {
  const chosen = {
    run: 'demo/version_0', view: 'measures', axis: 'step', at: -1, against: 'run:other/run', base: 0, how: 'difference',
    columns: ['lime', 'deep_dream'], rows: 'flipped', text: 'egg', measure: 'entropy', size: 'l', scale: 'own', captions: true,
    zoom: 'probe_02_egg/lime', numbers: 'shares', pair: 'val/3/5', sort: 'loss', more: ['other/run', 'a,b'], slice: 2, marks: 'true',
    chart: 'probe_02_egg', range: 'common',
  };
  assert.deepEqual(Object.keys(chosen), Object.keys(DEFAULTS));
  assert.deepEqual(fromAddress(toAddress(chosen)), chosen);
});

for (const columns of [[], [''].concat('lime'), ['a,b', 'c'], ['50%2C', '100%', '%25,%2C']]) {
  test(`columns ${JSON.stringify(columns)} come back as they were`, () => {
    assert.deepEqual(fromAddress(toAddress({ ...DEFAULTS, columns })).columns, columns);
  });
}

test('what makes no sense is as if it were not said', () => {
  const address = { view: 'nowhere', size: 'xl', at: 'soon', base: '', axis: undefined, constructor: 'x', toString: 'y', unknown: '1' };
  assert.deepEqual(fromAddress(address), DEFAULTS);
});

test('two states do not share what they hold', () => {
  assert.notEqual(fromAddress({}), fromAddress({}));
  fromAddress({ run: 'mine' });
  assert.equal(DEFAULTS.run, '');
});
