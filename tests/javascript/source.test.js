// What the server and the exported page answer.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { Embedded, Server } from '../../lightning_viz/tensorboard/static/source.js';

const text = async (blob) => blob && [blob.type, await blob.text()];

afterEach(() => {
  delete globalThis.document;
});

/** Answers requests by a function of the path and the fields, and remembers them. */
function answering(t, answer) {
  const asked = [];
  t.mock.method(globalThis, 'fetch', async (path, { body } = {}) => {
    const fields = Object.fromEntries(body ?? []);
    asked.push([path, fields]);
    return answer(path, fields);
  });
  return asked;
}

test('pictures are cut out of the pack, and what the server no longer has is null', async (t) => {
  answering(t, () => new Response('[[3, "image/png"], [-1, ""], [0, "image/gif"], [5, "image/webp"]]\nabc\n\nd\n'));
  const found = await new Server().blobs(['a', 'b', 'c', 'd']);
  assert.deepEqual([...found.keys()], ['a', 'b', 'c', 'd']);
  const told = await Promise.all([...found.values()].map(text));
  assert.deepEqual(told, [['image/png', 'abc'], null, ['image/gif', ''], ['image/webp', '\n\nd\n']]);
});

test('many pictures are asked for in several requests', async (t) => {
  const keys = Array.from({ length: 600 }, (_, i) => `key${i}`);
  const asked = answering(t, (_, fields) => {
    const wanted = JSON.parse(fields.keys);
    return new Response(`${JSON.stringify(wanted.map((key) => [key.length, 'image/png']))}\n${wanted.join('')}`);
  });
  const found = await new Server().blobs(keys);
  assert.deepEqual(asked.map(([, fields]) => JSON.parse(fields.keys).length), [256, 256, 88]);
  assert.deepEqual([...found.keys()], keys);
  assert.equal(await found.get('key599').text(), 'key599');
});

test('a refusal is told in the words of the server', async (t) => {
  answering(t, () => new Response('no such run', { status: 404 }));
  await assert.rejects(new Server().series('gone', {}), /404 no such run/);
});

test('series are asked for by run and kind', async (t) => {
  const asked = answering(t, () => Response.json({ images: {} }));
  await new Server().series('a run/ä&b', { images: ['x/y'], maps: [] });
  assert.deepEqual(asked, [['./series', { run: 'a run/ä&b', images: '["x/y"]', maps: '[]' }]]);
});

test('the address of an export names its runs', () => {
  const url = new URL(new Server().exportUrl(['a&b', 'ä/1']), 'http://here/');
  assert.deepEqual([url.pathname, url.searchParams.getAll('run')], ['/export', ['a&b', 'ä/1']]);
  assert.equal(new Embedded().exportUrl(), null);
});

/** A page that was exported: its script elements by kind and name. */
function page(elements) {
  globalThis.document = {
    getElementById: (id) => elements[id] ?? null,
    querySelectorAll: (selector) => {
      const kind = selector.match(/^script\[data-(\w+)\]$/)[1];
      return Object.entries(elements[kind] ?? {}).map(([name, value]) => ({ getAttribute: () => name, textContent: JSON.stringify(value) }));
    },
  };
}

test('an exported page answers from its own elements', async () => {
  page({
    'lightning_viz-runs': { textContent: '{"version": 1, "runs": {}}' },
    series: { demo: { images: { 'a/b': [[0, 'p.0']], c: [[0, 'p.1']] } } },
    blobs: { p: { 'p.0': 'image/png;base64,aGVsbG8=' } },
  });
  assert.equal(Embedded.here(), true);
  const source = new Embedded();
  assert.deepEqual(await source.runs(), { version: 1, runs: {} });
  assert.deepEqual(await source.series('demo', { images: ['a/b', 'none'], maps: ['a/b'] }), { images: { 'a/b': [[0, 'p.0']] }, maps: {} });
  assert.deepEqual(await source.series('unknown', { images: ['a/b'] }), { images: {} });
  const found = await source.blobs(['p.0', 'p.9', 'q.0']);
  assert.deepEqual(await Promise.all([...found.values()].map(text)), [['image/png', 'hello'], null, null]);
});

test('a page of TensorBoard is none that was exported', () => {
  page({});
  assert.equal(Embedded.here(), false);
});
