// What is shown of a picture: the image of its probe itself, which is logged once and crisp at any size, or what was
// logged at the moment; and what it says of itself.

import { PROBE, methodOf } from './model.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./app.js').Moment} Moment */

/** The key of a probe's image; `null` where the log has none, `undefined` while that is not known. @param {App} app @param {Moment['run']} run @param {string} tag Of any picture of the probe. */
export function original(app, run, tag) {
  if (!PROBE.test(tag)) return null;
  const points = app.series.get('originals', run.name, probeOf(tag));
  return points && /** @type {string | null} */ (points[0]?.[1] ?? null);
}

/** The key of the slices of a probe that is a volume, below each other, likewise. @param {App} app @param {Moment['run']} run @param {string} tag */
export function pile(app, run, tag) {
  const points = app.series.get('originals', run.name, probeOf(tag));
  return points && /** @type {string | null} */ (points[0]?.[2] ?? null);
}

/** The key of where the evidence lies in a probe, where its data set knows. @param {App} app @param {Moment['run']} run @param {string} tag */
export function mask(app, run, tag) {
  const points = isMasked(run, tag) ? app.series.get('originals', run.name, probeOf(tag)) : undefined;
  return /** @type {string | undefined} */ (points?.[0]?.at(-1));
}

/** @param {Moment['run']} run @param {string} tag */
const isMasked = (run, tag) => run.manifest?.probes[probeOf(tag)]?.masked === true;

/** Whether a picture shows its probe's image and nothing else, but for the caption. @param {Moment['run']} run @param {string} tag */
const isPlain = (run, tag) => methodOf(tag) === 'input' && !run.manifest?.probes[probeOf(tag)]?.outlined;

/** Whether a picture is one image, whatever moments of some runs are compared. @param {Moment['run'][]} runs @param {string} tag */
export function isSame(runs, tag) {
  const entries = runs.map((run) => run.manifest?.probes[probeOf(tag)]);
  const changes = runs.some((run) => run.answer.places?.includes(probeOf(tag))) || entries.some((entry) => entry?.outlined);
  return methodOf(tag) === 'input' && !changes && new Set(entries.map((entry) => entry?.print)).size === 1;
}

/**
 * What to show of a picture at a moment: the image itself where it is nothing else, or what was logged then.
 *
 * @param {App} app
 * @param {string} tag
 * @param {Moment} moment
 * @returns {{ key: string | undefined, step: number | undefined, own: boolean }} The step is that of a logged picture.
 */
export function pictureAt(app, tag, moment) {
  const own = isPlain(moment.run, tag) ? original(app, moment.run, tag) : null;
  if (own !== null) return { key: own, step: undefined, own: true };
  const [step, key] = app.point('images', tag, moment) ?? [];
  return { key, step, own: false };
}

/** What the picture of a moment says of itself, by lines: nothing where only an older one said something. @param {App} app @param {string} tag @param {Moment} moment @returns {string[]} */
export function captionAt(app, tag, moment) {
  const [picture, words] = [app.point('images', tag, moment), app.point('captions', tag, moment)];
  return words && !(picture && picture[0] > words[0]) ? words.slice(1) : [];
}

/** @param {string} tag */
const probeOf = (tag) => tag.split('/')[0];
