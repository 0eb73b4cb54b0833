// Runs in the order of the log, the slider's axis, and what names and shares look like.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Axis, Run, distinct, drawsWithinEpochs, methodOf, natural, percent, title } from '../../lightning_viz/tensorboard/static/model.js';

const NBSP = '\u00a0';

/** A run as the server tells of it. */
function run(patch = {}) {
  return new Run('demo', {
    manifest: null, problem: null, epochs: [[-1, -1], [4, 0], [9, 1], [14, 2]], updated: 0,
    images: {}, maps: {}, scalars: [], predictions: [], ...patch,
  });
}

const MANIFEST = {
  version: 1, classes: ['Dairy product', 'Egg'], class_tags: ['dairy_product', 'egg'],
  probes: { probe_00_egg: { label: 1 } },
  pictures: { 'probe_00_egg/saliency': { caption: 30 }, 'probe_00_egg/lime': {}, 'probe_00_egg/film_like': { film: false } },
};

test('the input comes first, then methods as the run drew them, then what it does not tell of', () => {
  const tags = ['another', 'lime', 'input', 'saliency', 'film_saliency', 'filmstrip'].map((name) => `probe_00_egg/${name}`);
  const { methods } = run({ manifest: MANIFEST, images: Object.fromEntries(tags.map((tag) => [tag, 14])) });
  assert.deepEqual(methods, ['input', 'saliency', 'lime', 'another']);
});

test('the page colours pictures whose maps are logged, if the run says how', () => {
  const pictures = { a: { colours: 'signed', unit: 'log-odds' }, b: { colours: 'signed' }, c: { unit: 'years' } };
  const told = run({ manifest: { ...MANIFEST, pictures }, maps: { a: 1, c: 1, d: 1 } });
  assert.deepEqual(['a', 'b', 'c', 'd'].map((tag) => told.colours(tag)), ['signed', undefined, undefined, undefined]);
  assert.deepEqual(['a', 'b', 'c', 'd'].map((tag) => told.unit(tag)), ['log-odds', '', 'years', '']);
  assert.equal(run({ maps: { a: 1 } }).colours('a'), undefined);
});

test('without a manifest tags stand in the order of their numbers', () => {
  const images = { 'probe_10_egg/lime': 1, 'probe_2_egg/lime': 1, 'probe_2_egg/cam': 1, 'filters/a/10': 1, 'filters/a/9': 1 };
  const { probes, tags } = run({ images });
  assert.deepEqual(probes, ['probe_2_egg', 'probe_10_egg']);
  assert.deepEqual(tags.filter((tag) => tag.startsWith('filters')), ['filters/a/9', 'filters/a/10']);
});

test('films are no pictures of one epoch, unless the run says so', () => {
  const images = { 'probe_00_egg/saliency': 1, 'probe_00_egg/film_saliency': 1, 'probe_00_egg/film_like': 1, 'probe_00_egg/filmstrip': 1 };
  const told = run({ manifest: MANIFEST, images });
  assert.deepEqual(told.methods, ['saliency', 'film_like']);
  assert.deepEqual(run({ images }).methods, ['saliency']);
});

test('classes have the names of the manifest, or what can be told without', () => {
  const told = run({ manifest: MANIFEST });
  assert.equal(told.className(0), 'Dairy product');
  assert.equal(told.className('egg'), 'Egg');
  assert.equal(told.className(7), 'class 7');
  assert.equal(told.label('probe_00_egg'), 'egg');
  assert.equal(told.caption('probe_00_egg/saliency'), 30);
  assert.equal(run().className('fried_food'), 'fried food');
  assert.equal(run().label('probe_03_fried_food'), 'fried_food');
  assert.equal(run().caption('probe_00_egg/saliency'), 0);
});

test('a step within an epoch belongs to the epoch before it that was told', () => {
  const told = run();
  const steps = [-5, -1, 0, 4, 8, 9, 100];
  assert.deepEqual(steps.map((step) => told.epochOf(step)), [-1, -1, -1, 0, 0, 1, 2]);
});

test('measures are those of explanations alone', () => {
  const scalars = ['loss', 'explanations/lime/sum', 'explanations/lime/delta', 'explanations/saliency/sum', 'explain_seconds/Lime'];
  assert.deepEqual(run({ scalars }).measured, ['lime', 'saliency']);
});

test('the slider goes through the epochs of all runs, in order', () => {
  const axis = new Axis('epoch', [run(), run({ epochs: [[20, 3], [-1, -1]] })]);
  assert.deepEqual(axis.values, [-1, 0, 1, 2, 3]);
  assert.deepEqual([axis.first, axis.last], [-1, 3]);
  assert.deepEqual([axis.name(-1), axis.name(2)], ['untrained', 'epoch 2']);
});

test('the slider stops at its ends', () => {
  const axis = new Axis('step', [run()]);
  assert.deepEqual(axis.values, [-1, 4, 9, 14]);
  assert.deepEqual([axis.nearest(5), axis.nearest(7), axis.nearest(1e9)], [4, 9, 14]);
  assert.deepEqual([axis.beyond(4, 1), axis.beyond(4, -1), axis.beyond(-1, -1), axis.beyond(14, 5)], [9, -1, -1, 14]);
});

test('a log that tells no epochs is gone through by step', () => {
  const axis = new Axis('epoch', [run({ epochs: [], images: { a: 3, b: 8 } })]);
  assert.equal(axis.kind, 'step');
  assert.deepEqual(axis.values, [3, 8]);
});

test('an axis of nothing has somewhere to stand', () => {
  const axis = new Axis('epoch', []);
  assert.deepEqual([axis.first, axis.last, axis.nearest(3), axis.beyond(0, 1)], [0, 0, 0, 0]);
});

test('pictures every few steps are told by step, pictures every epoch by epoch', () => {
  assert.equal(drawsWithinEpochs(run()), false);
  assert.equal(drawsWithinEpochs(run({ epochs: Array.from({ length: 12 }, (_, i) => [i, Math.floor(i / 4)]) })), true);
});

test('names', () => {
  assert.equal(methodOf('probe_02_egg/gradcam/layer'), 'gradcam/layer');
  assert.equal(title('gradcam_net__conv_head'), 'gradcam net.conv head');
  assert.deepEqual(['b10', 'b9', 'a'].sort(natural), ['a', 'b9', 'b10']);
  assert.deepEqual(distinct(['a', 'b', 'a']), ['a', 'b']);
});

test('probabilities are as captions tell them: whole percents, or one figure of less than one', () => {
  const told = [0, 0.00042, 0.0042, 0.01, 0.126, 1].map(percent);
  assert.deepEqual(told, ['0', '0.04', '0.4', '1', '13', '100'].map((text) => `${text}${NBSP}%`));
});
