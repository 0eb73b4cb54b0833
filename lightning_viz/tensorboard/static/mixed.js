// The images of one cell of a confusion matrix, and what explains them.

import { Cell } from './cell.js';
import { methodsOf } from './columns.js';
import { bdi, el } from './dom.js';
import { captionAt } from './originals.js';
import { namesIn } from './ranks.js';

/** @typedef {import('./app.js').App} App */

export class Mixed {
  #made = '';
  /** @type {import('./watch.js').Part[]} */
  #parts = [];

  /** @param {App} app @param {string} loader */
  constructor(app, loader) {
    this.app = app;
    this.loader = loader;
    this.node = el('div', { className: 'mixed', hidden: true });
  }

  /** Shows what the state asks for; the probes are those of the moment. */
  show() {
    const { app } = this;
    const pair = this.#pair();
    const probes = pair ? this.#probes(pair) : [];
    const panels = pair ? this.#panels(pair) : [];
    const counted = pair && this.#counted === 'images' ? this.#count(pair) : 0;
    const made = pair ? JSON.stringify([pair, probes, panels, counted, methodsOf(app).chosen]) : '';
    if (made === this.#made) return;
    this.#made = made;
    for (const part of this.#parts) app.watch.remove(part);
    this.#parts = [];
    this.node.hidden = !pair;
    this.node.replaceChildren(...(pair ? this.#content(pair, probes, panels, counted) : []));
    for (const part of this.#parts) app.watch.add(part);
  }

  /** True and predicted class that are asked for, if they are of this loader. @returns {[number, number] | null} */
  #pair() {
    const parts = this.app.state.pair.split('/');
    const [t, p] = parts.slice(-2).map(Number);
    return parts.slice(0, -2).join('/') === this.loader && Number.isInteger(t) && Number.isInteger(p) ? [t, p] : null;
  }

  /** Probes of the one class that are taken for the other; of several labels, or boxes, those that have it, or show it where it is not. @param {[number, number]} pair */
  #probes([t, p]) {
    const { app } = this;
    const fits = (/** @type {string} */ probe) =>
      app.moments().some((moment) => {
        const known = moment.run.manifest?.probes[probe];
        if (!known || known.open || known.values) return false;
        const said = app.point('predictions', probe, moment)?.[1];
        if (!known.labels) return known.label === t && said === p;
        return known.labels.includes(t) || (this.#isNothing(t) && said === p && !known.labels.includes(p));
      });
    return app.run?.probes.filter(fits) ?? [];
  }

  /** Pictures of this very confusion at the moment, by what they say of themselves. @param {[number, number]} pair */
  #panels([t, p]) {
    const { app } = this;
    const { run } = app;
    if (!run) return [];
    const single = this.#counted === 'images';
    const names = (single ? [t, p] : [...new Set([t, p])].filter((k) => !this.#isNothing(k))).map((k) => run.className(k));
    const told = (/** @type {string} */ tag) => app.moments().some((moment) => {
      const [first = ''] = captionAt(app, tag, moment); // the next lines name them in another order
      const found = namesIn(first).map((one) => one.replace(/…$/, ''));
      if (single) return found.length >= 2 && names.every((name, i) => name.startsWith(found[i]));
      return first !== '' && names.every((name) => found.some((one) => name.startsWith(one)));
    });
    return run.tags.filter((tag) => tag.startsWith(`confusions/${this.loader}/`) && told(tag));
  }

  /** How many images the cell counts at the moment. @param {[number, number]} pair @returns {number} */
  #count([t, p]) {
    const { app } = this;
    const cells = app.run && app.point('counts', this.loader, { run: app.run, at: app.moment, name: '' })?.[1];
    return cells?.find((/** @type {number[]} */ [a, b]) => a === t && b === p)?.[2] ?? 0;
  }

  /** @param {[number, number]} pair @param {string[]} probes @param {string[]} panels @param {number} counted @returns {Node[]} */
  #content([t, p], probes, panels, counted) {
    const { app } = this;
    const name = (/** @type {number} */ k) => bdi(app.run?.className(k) ?? '');
    const what = this.#headOf(t, p, name);
    const close = el('button', { className: 'shows', textContent: 'Close', onclick: () => app.set({ pair: '' }) });
    const rows = probes.map((probe) => this.#row(`probe ${Number(probe.split('_')[1])}`, methodsOf(app).chosen.map((method) => `${probe}/${method}`)));
    const why = panels.map((tag) => this.#row('why', [tag]));
    const none = this.#counted !== 'images' ? 'No probe fits, and no picture in the log explains it: Probes(indices=...) chooses the probes.' : t === p
      ? 'No probe is of this class, or none of them is right here: Probes(indices=...) chooses the probes.'
      : 'No probe is mixed up like this here, and no picture in the log explains it: Probes(indices=...) chooses the probes, ConfusionPanels(confusions=...) how many confusions are explained.';
    const shown = [...why, ...rows];
    const found = shown.length ? shown : [el('p', { className: 'item', textContent: none })];
    const few = shown.length && counted > shown.length ? [el('p', { className: 'item', textContent: `Of ${counted} images that are counted here, the log has the probes, and those that ConfusionPanels explains.` })] : [];
    return [el('div', { className: 'matrix-head' }, el('h2', {}, ...what), close), ...few, ...found];
  }

  get #counted() {
    return this.app.run?.counted(this.loader) ?? 'images';
  }

  /** Whether a class of boxes stands for none. @param {number} k */
  #isNothing(k) {
    return k === this.app.run?.nothing(this.loader);
  }

  /** @param {number} t @param {number} p @param {(k: number) => Node} name @returns {(Node | string)[]} */
  #headOf(t, p, name) {
    if (this.#isNothing(t)) return [name(p), ' where there is none'];
    if (this.#isNothing(p)) return ['images with ', name(t), ', which is missed in some'];
    if (this.#counted !== 'images') return t === p ? ['images with ', name(t)] : ['images with ', name(t), ', which is taken for ', name(p), ' in some'];
    return t === p ? [name(t), ', right'] : [name(t), ' taken for ', name(p)];
  }

  /** @param {string} label @param {string[]} tags */
  #row(label, tags) {
    const there = tags.filter((tag) => this.app.shown.some((run) => run.has(tag)));
    const cells = there.map((tag) => new Cell(this.app, tag, (chosen) => this.app.set({ zoom: chosen })));
    this.#parts.push(...cells);
    return el('div', { className: 'mixed-row' }, el('span', { className: 'item', textContent: label }), el('div', { className: 'gallery' }, ...cells.map(({ node }) => node)));
  }
}
