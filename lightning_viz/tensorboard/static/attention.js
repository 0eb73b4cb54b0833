// What a transformer's layers attend to, in figures: a chart for each measure, with a curve for each layer.

import { el } from './dom.js';
import { distinct, natural, title } from './model.js';
import { Plot, valuesOf } from './plot.js';

const STEM = 'attention/';
const FRAME = { width: 420, height: 150 };
/** @type {{ range: [number, number] }} */
const SHARES = { range: [0, 1] };

/** The measures in their order, and what each is. @type {Record<string, string>} */
const MEANING = {
  entropy: 'entropy of what a token attends to, nats',
  distance: 'how far patches look, patches',
  strongest: 'share of attention that the three strongest patches get',
  uniform: 'share of heads that attend to everything alike',
  blind: 'share of heads that attend to the same whatever the image',
};

/**
 * The scalars of each measure, in the order of the layers.
 *
 * @param {{ answer: { scalars: string[] } }[]} runs
 * @returns {[measure: string, tags: string[]][]}
 */
export function attentionOf(runs) {
  const tags = distinct(runs.flatMap((run) => run.answer.scalars.filter((tag) => tag.startsWith(STEM)))).sort(natural);
  return Object.keys(MEANING)
    .map((measure) => /** @type {[string, string[]]} */ ([measure, tags.filter((tag) => tag.endsWith(`/${measure}`))]))
    .filter(([, found]) => found.length > 0);
}

/** One measure of all layers: its curves, and its values at the moment. */
class Layers {
  /** @param {import('./app.js').App} app @param {string} measure @param {string[]} tags */
  constructor(app, measure, tags) {
    this.app = app;
    this.title = MEANING[measure];
    this.tags = tags;
    this.plot = new Plot(app, true);
    this.list = el('ul', { className: 'recalls' });
    this.node = el('div', { className: 'recall', title: this.title }, this.plot.node, this.list);
  }

  show() {
    const { app, tags } = this;
    const lines = app.shown.flatMap((run, i) => tags.filter((tag) => run.answer.scalars.includes(tag)).map((tag) => ({ run, tag, dashed: i > 0 })));
    const looks = lines.map(({ tag, dashed }) => ({ label: layerOf(tag), colour: this.#shade(tag), strong: !dashed, dashed }));
    this.plot.show(lines, () => ({ ...FRAME, ...(tags.some(layerOf) ? {} : SHARES), title: this.title, looks }));
    const named = (/** @type {string} */ tag) => [el('i', { style: `background:${this.#shade(tag)}` }), `${layerOf(tag)} `];
    this.list.replaceChildren(
      ...tags.map((tag) => el('li', {}, ...(layerOf(tag) ? named(tag) : []), el('span', { className: 'value', textContent: valuesOf(app, tag) }))),
    );
  }

  /** The colour of a layer: from blue for the first over violet to pink for the last. @param {string} tag */
  #shade(tag) {
    const depth = this.tags.indexOf(tag) / Math.max(this.tags.length - 1, 1);
    return `hsl(${200 + Math.round(140 * depth)} 70% 58%)`;
  }
}

/** All measures of attention below their heading; nothing where there are none. @param {import('./app.js').App} app @returns {Node[]} */
export function attentionParts(app) {
  const rows = attentionOf(app.shown).map(([measure, tags]) => {
    const part = new Layers(app, measure, tags);
    app.watch.add(part);
    const name = el('span', { className: 'label', textContent: measure });
    return el('tr', {}, el('th', { scope: 'row' }, name, el('span', { className: 'item', textContent: MEANING[measure] })), el('td', {}, part.node));
  });
  return rows.length ? [el('h2', { textContent: 'attention of the layers' }), el('table', { className: 'grid' }, el('tbody', {}, ...rows))] : [];
}

/** The layer of a scalar; empty where it is of all of them. @param {string} tag */
const layerOf = (tag) => title(tag.slice(STEM.length, Math.max(tag.lastIndexOf('/'), STEM.length)));
