// The figures of the maps, small, with the slider's moment marked.

import { attentionParts } from './attention.js';
import { COLOURS } from './curves.js';
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
  deletion_chance: 'deletion of the same map moved: what it has to stay under',
  insertion_chance: 'insertion of the same map moved: what it has to beat',
  pointing: 'share of maxima that lie on the evidence',
  in_mask: 'share of the map that lies on the evidence',
  fidelity: 'R² on masks that the model was not fitted to',
  delta: 'what the attributions miss of the score',
};

const ORDER = Object.keys(MEANING);

/** Measures of a run, the best known ones first. @param {import('./model.js').Run[]} runs */
export function measuresOf(runs) {
  const tags = runs.flatMap((run) => run.answer.scalars.filter((tag) => tag.startsWith('explanations/')));
  const place = (/** @type {string} */ name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return distinct(tags.map((tag) => tag.split('/').slice(2).join('/'))).sort((a, b) => place(a) - place(b) || natural(a, b));
}

/** One measure of one method: a curve for each run that is shown, and the value at the moment. */
export class Measure {
  /** @param {import('./app.js').App} app @param {string} method @param {string} measure @param {{ width: number, height: number }} frame */
  constructor(app, method, measure, frame) {
    this.app = app;
    this.tag = `explanations/${method}/${measure}`;
    this.frame = frame;
    this.title = `${title(method)}: ${MEANING[measure] ?? measure}`;
    this.plot = new Plot(app);
    this.value = el('span', { className: 'value' });
    this.node = el('span', { className: 'measure', title: this.title }, this.plot.node, this.value);
  }

  show() {
    const { app, tag } = this;
    const looks = app.shown.map((run, i) => ({ label: run.name, strong: i === 0, colour: i ? COLOURS[0] : undefined }));
    this.plot.show(app.shown.map((run) => ({ run, tag })), () => ({ ...this.frame, title: this.title, looks }));
    this.value.textContent = valuesOf(app, tag);
  }
}

/** The view of all measures: measures in rows, methods in columns; those of attention below. @param {import('./app.js').App} app @returns {import('./app.js').View} */
export function buildMeasures(app) {
  const methods = distinct(app.shown.flatMap((run) => run.measured));
  const rows = measuresOf(app.shown).map((measure) => {
    const cells = methods.map((method) => {
      if (!app.shown.some((run) => run.answer.scalars.includes(`explanations/${method}/${measure}`))) return el('td');
      const part = new Measure(app, method, measure, { width: 200, height: 60 });
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
