// The tab's part of the address; the rest of it is TensorBoard's.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { readAddress, writeAddress } from '../../lightning_viz/tensorboard/static/host.js';

/** A page at an address; gives what has been written into it. */
function page(hash) {
  const location = { pathname: '/tb/', search: '?a=1', hash };
  const history = { state: { theirs: true }, written: [], replaceState: (...told) => history.written.push(told), pushed: [], pushState: (...told) => history.pushed.push(told) };
  globalThis.document = { getElementById: () => ({}) };
  globalThis.window = { location, history };
  return history;
}

afterEach(() => {
  delete globalThis.document;
  delete globalThis.window;
});

test('only parts of the tab are read', () => {
  page('#lightning_viz&p.lightning_viz.run=demo%2Fa%26b&runFilter=x&p.lightning_viz.columns=&p.lightning_viz.text=100%');
  assert.deepEqual(readAddress(), { run: 'demo/a&b', columns: '', text: '100%' });
});

test('a name without a value has none', () => {
  page('#p.lightning_viz.run');
  assert.deepEqual(readAddress(), { run: undefined });
});

test('what TensorBoard says in the address stays', () => {
  const history = page('#lightning_viz&p.lightning_viz.at=3&runFilter=x');
  writeAddress({ run: 'demo/ä&b', at: '4' });
  assert.deepEqual(history.written, [[{ theirs: true }, '', '/tb/?a=1#lightning_viz&runFilter=x&p.lightning_viz.run=demo%2F%C3%A4%26b&p.lightning_viz.at=4']]);
  globalThis.window.location.hash = new URL(`http://here${history.written[0][2]}`).hash;
  assert.deepEqual(readAddress(), { run: 'demo/ä&b', at: '4' });
});

test('another place is one more step of the history', () => {
  const history = page('#lightning_viz');
  writeAddress({ view: 'measures' }, true);
  assert.deepEqual([history.written, history.pushed], [[], [[{ theirs: true }, '', '/tb/?a=1#lightning_viz&p.lightning_viz.view=measures']]]);
});

test('an address that says it already is left alone', () => {
  const history = page('#lightning_viz&p.lightning_viz.at=3');
  writeAddress({ at: '3' });
  assert.deepEqual(history.written, []);
});
