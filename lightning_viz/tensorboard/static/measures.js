// The figures of the maps, small, with the slider's moment marked.

import { attentionParts } from './attention.js';
import { colourOf } from './comparing.js';
import { el } from './dom.js';
import { distinct, natural, title } from './model.js';
import { Plot, valuesOf } from './plot.js';
import { columnHead, table } from './table.js';

/** What each measure is, in words. @type {Record<string, string>} */
const MEANING = {
  rank_previous: 'rank correlation with the last drawing',
  rank_untrained: 'rank correlation with the untrained network',
  rank_best: 'rank correlation with the best network so far',
  ssim_previous: 'structural similarity to the last drawing',
  ssim_untrained: 'structural similarity to the untrained network',
  ssim_best: 'structural similarity to the best network so far',
  entropy: 'how evenly the map is spread, nats',
  sum: 'sum of the map, in its own units',
  deletion: 'area under the deletion curve: little is faithful',
  insertion: 'area under the insertion curve: much is faithful',
  pointing: 'share of maxima that lie on the evidence',
  in_mask: 'share of the map that lies on the evidence',
  fidelity: 'R² on masks that the model was not fitted to',
  delta: 'what the attributions miss of the score',
};

const ORDER = Object.keys(MEANING);

/** Of a measure that has one, what chance is called, and whether more is worse than that. @type {Record<string, boolean>} */
const LESS_IS_BETTER = { deletion: true, insertion: false };
const chanceOf = (/** @type {string} */ measure) => `${measure}_chance`; // the same map, moved

/**
 * How a measure compares with chance, in words; nothing where it is better, or where nobody knows.
 *
 * @param {string} measure @param {unknown} value @param {unknown} chance
 */
export function againstChance(measure, value, chance) {
  if (!(measure in LESS_IS_BETTER) || typeof value !== 'number' || typeof chance !== 'number') return '';
  return (LESS_IS_BETTER[measure] ? value > chance : value < chance) ? 'worse than chance' : '';
}

/** Measures of a run, the best known ones first. @param {import('./model.js').Run[]} runs */
export function measuresOf(runs) {
  const tags = runs.flatMap((run) => run.answer.scalars.filter((tag) => tag.startsWith('explanations/')));
  const place = (/** @type {string} */ name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const names = distinct(tags.map((tag) => tag.split('/').slice(2).join('/')));
  const isChance = (/** @type {string} */ name) => Object.keys(LESS_IS_BETTER).some((measure) => name === chanceOf(measure) && names.includes(measure));
  return names.filter((name) => !isChance(name)).sort((a, b) => place(a) - place(b) || natural(a, b));
}

/** One measure of one method: a curve for each run that is shown, and the value at the moment. */
export class Measure {
  /** @param {import('./app.js').App} app @param {string} method @param {string} measure @param {{ width: number, height: number, large?: boolean }} frame Large ones have axes. */
  constructor(app, method, measure, frame) {
    this.app = app;
    this.measure = measure;
    this.tag = `explanations/${method}/${measure}`;
    this.frame = frame;
    this.title = `${title(method)}: ${MEANING[measure] ?? measure}`;
    this.plot = new Plot(app, frame.large);
    this.value = el('span', { className: 'value' });
    this.chance = el('span', { className: 'chance' });
    this.node = el('span', { className: 'measure', title: this.title }, this.plot.node, el('span', {}, this.value, this.chance));
  }

  show() {
    const { app, measure, tag } = this;
    const chance = this.tag.replace(/[^/]*$/, chanceOf(measure));
    const held = app.run?.answer.scalars.includes(chance) ? [{ run: app.run, tag: chance }] : [];
    const several = app.shown.length > 1;
    const looks = app.shown.map((run, i) => ({ label: several ? run.name : title(measure), strong: i === 0, colour: colourOf(app, run) }));
    this.plot.show([...app.shown.map((run) => ({ run, tag })), ...held], () => ({ ...this.frame, title: this.title, looks: [...looks, ...held.map(() => ({ label: 'chance', dashed: true }))] }));
    this.value.textContent = valuesOf(app, tag);
    const [now, by] = [tag, chance].map((name) => (app.run ? app.point('scalars', name, { run: app.run, at: app.moment, name: '' })?.[1] : undefined));
    this.chance.textContent = held.length ? againstChance(measure, now, by) : '';
  }
}

/** The view of all measures: measures in rows, methods in columns; those of attention below. @param {import('./app.js').App} app @returns {import('./app.js').View} */
export function buildMeasures(app) {
  const methods = distinct(app.shown.flatMap((run) => run.measured));
  const rows = measuresOf(app.shown).map((measure) => {
    const cells = methods.map((method) => {
      if (!app.shown.some((run) => run.answer.scalars.includes(`explanations/${method}/${measure}`))) return el('td');
      const part = new Measure(app, method, measure, { width: 300, height: 110, large: true });
      app.watch.add(part);
      return el('td', {}, part.node);
    });
    const name = el('span', { className: 'label', textContent: measure.replaceAll('_', ' ') });
    return el('tr', {}, el('th', { scope: 'row' }, name, el('span', { className: 'item', textContent: MEANING[measure] ?? '' })), ...cells);
  });
  const parts = [...(rows.length ? [table(methods.map(columnHead), rows)] : []), ...attentionParts(app)];
  const empty = el('p', { className: 'empty', textContent: 'No measures: SaliencyMaps, LimePanels and all other callbacks that draw a map per probe log them.' });
  return { node: el('div', { className: 'view' }, ...(parts.length ? parts : [empty])), show: () => {} };
}
