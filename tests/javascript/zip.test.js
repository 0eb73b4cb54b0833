// What is saved as a ZIP can be opened: held against Python's zipfile.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { zip } from '../../lightning_viz/tensorboard/static/zip.js';

const READ = `
import base64, io, json, sys, zipfile
archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
assert archive.testzip() is None
print(json.dumps([[name, base64.b64encode(archive.read(name)).decode()] for name in archive.namelist()]))
`;

/** Names and contents of an archive, as Python reads them. */
async function read(blob) {
  const input = Buffer.from(await blob.arrayBuffer());
  const told = execFileSync('python3', ['-c', READ], { input, maxBuffer: 2 ** 26 });
  return JSON.parse(told.toString()).map(([name, code]) => [name, Uint8Array.from(Buffer.from(code, 'base64'))]);
}

test('files come out as they went in', async () => {
  const noise = Uint8Array.from({ length: 70000 }, (_, i) => (i * i * 31 + (i >> 3)) & 255);
  const files = [['epoch_0.jpg', noise], ['Crème brûlée/✓.png', new Uint8Array([0, 255])], ['empty', new Uint8Array()]];
  const archive = zip(files);
  assert.equal(archive.type, 'application/zip');
  assert.deepEqual(await read(archive), files);
});

test('an archive of nothing is one', async () => {
  assert.deepEqual(await read(zip([])), []);
});
