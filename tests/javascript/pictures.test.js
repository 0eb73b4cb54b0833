// Pictures in bounded memory: what is in view comes first, and stays.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, test } from 'node:test';

import { Pictures } from '../../lightning_viz/tensorboard/static/pictures.js';

const MIB = 2 ** 20;
let urls;

beforeEach((t) => {
  urls = new Set();
  t.mock.method(URL, 'createObjectURL', (blob) => {
    urls.add(`blob:${blob.key}`);
    return `blob:${blob.key}`;
  });
  t.mock.method(URL, 'revokeObjectURL', (url) => urls.delete(url));
});

/** Pictures of one size from a source that remembers what it was asked for. */
function gallery(size) {
  const asked = [];
  const blobs = async (keys) => {
    asked.push(keys);
    return new Map(keys.map((key) => [key, key.startsWith('gone') ? null : { key, size }]));
  };
  return { asked, pictures: new Pictures({ blobs }, () => {}, assert.fail) };
}

test('what is in view is fetched before what may come', async () => {
  const { asked, pictures } = gallery(1);
  pictures.want(['now1', 'now2'], ['now2', 'soon']);
  await turn();
  assert.deepEqual(asked.flat(), ['now1', 'now2', 'soon']);
  pictures.want(['now1', 'soon']);
  await turn();
  assert.equal(asked.length, 1); // all of it is here
  assert.equal(pictures.url('soon'), 'blob:soon');
  assert.equal(pictures.waiting, 0);
});

test('what is fetched ahead is not waited for', async () => {
  const { pictures } = gallery(1);
  pictures.want(['now1', 'now2'], ['soon1', 'soon2', 'soon3']);
  assert.equal(pictures.waiting, 2);
  pictures.want(['now2', 'soon1'], ['soon2']); // the slider has moved
  assert.equal(pictures.waiting, 2);
  await turn();
  assert.equal(pictures.waiting, 0);
  pictures.want(['now2'], Array.from({ length: 200 }, (_, i) => `k${i}`));
  assert.equal(pictures.waiting, 0);
});

test('requests are packs of 32, three at once', async () => {
  const { asked, pictures } = gallery(1);
  pictures.want(Array.from({ length: 200 }, (_, i) => `k${i}`));
  assert.deepEqual(asked.map((keys) => keys.length), [32, 32, 32]);
  assert.equal(pictures.waiting, 200);
  for (let i = 0; i < 9; i += 1) await turn();
  assert.deepEqual(asked.map((keys) => keys.length), [32, 32, 32, 32, 32, 32, 8]);
});

test('what the slider has left is not fetched', async () => {
  const { asked, pictures } = gallery(1);
  pictures.want(Array.from({ length: 200 }, (_, i) => `old${i}`));
  pictures.want(['new']);
  for (let i = 0; i < 9; i += 1) await turn();
  assert.deepEqual(asked.flat().filter((key) => key.startsWith('old')).length, 96); // those that were under way
  assert.ok(pictures.blob('new'));
});

test('beyond 256 MiB those go that were longest not used', async () => {
  const { pictures } = gallery(60 * MIB);
  for (const key of ['a', 'b', 'c', 'd']) {
    pictures.want([key]);
    await turn();
  }
  assert.ok(pictures.blob('a')); // used now
  pictures.want(['e']);
  await turn();
  assert.deepEqual(['a', 'b', 'c', 'd', 'e'].filter((key) => pictures.blob(key)), ['a', 'c', 'd', 'e']);
  assert.equal(pictures.bytes, 240 * MIB);
  assert.deepEqual([...urls].sort(), ['blob:a', 'blob:c', 'blob:d', 'blob:e']); // what went has been given back
});

test('nothing is fetched ahead where there is no room for it', async () => {
  const { asked, pictures } = gallery(240 * MIB);
  pictures.want(['a']);
  await turn();
  pictures.want(['a'], ['soon']);
  await turn();
  assert.deepEqual(asked.flat(), ['a']);
});

test('what is gone is not asked for again', async () => {
  const { asked, pictures } = gallery(1);
  pictures.want(['gone1']);
  await turn();
  assert.equal(pictures.isGone('gone1'), true);
  pictures.want(['gone1']);
  await turn();
  assert.equal(asked.length, 1);
});

test('a failure is told and leaves the rest for the next try', async () => {
  const errors = [];
  const pictures = new Pictures({ blobs: () => Promise.reject(new Error('away')) }, () => {}, (error) => errors.push(error.message));
  pictures.want(['a']);
  await turn();
  assert.deepEqual([errors, pictures.waiting, pictures.isGone('a')], [['away'], 0, false]);
});
