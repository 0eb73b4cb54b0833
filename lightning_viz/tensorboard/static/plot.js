// Scalars of the log as a chart that is drawn anew when they have grown, with its cursor where the slider stands.

import { axes } from './axes.js';
import { chart, figure } from './curves.js';
import { el } from './dom.js';
import { valueOf } from './series.js';

/**
 * @typedef {{ run: import('./model.js').Run, tag: string, kind?: import('./series.js').Valued }} Scalar Of predictions it is the probability, of counts the share that is right.
 * @typedef {Omit<import('./curves.js').Line, 'points'>} Look
 * @typedef {Omit<import('./curves.js').Frame, 'domain'> & { looks: Look[], large?: boolean }} Drawing How each scalar looks, and the frame.
 */

export class Plot {
  /** @type {unknown[]} What the chart was made of. */
  #made = [];
  /** @type {(x: number) => void} */
  #move = () => {};
  node = el('span', { className: 'curves' });

  /** @param {import('./app.js').App} app @param {boolean} [large] Whether there is room for axes. */
  constructor(app, large = false) {
    this.app = app;
    this.large = large;
  }

  /**
   * Moves the cursor, and draws the chart before where anything is new and all of it is here.
   *
   * @param {Scalar[]} scalars
   * @param {() => Drawing} drawing
   * @param {unknown[]} [more] What the drawing depends on besides the scalars; undefined is on its way.
   * @returns {boolean} Whether it was drawn.
   */
  show(scalars, drawing, more = []) {
    const { axis, moment, series } = this.app;
    const found = scalars.map(({ run, tag, kind = 'scalars' }) => series.get(kind, run.name, tag));
    const made = [...found, ...more, axis.last, axis.kind];
    const due = scalars.length > 0 && !made.includes(undefined) && !same(made, this.#made);
    if (due) {
      this.#made = made;
      const { looks, ...frame } = drawing();
      const lines = looks.map((look, i) => ({
        ...look,
        points: (found[i] ?? []).map((point) => /** @type {[number, number]} */ ([axis.of(scalars[i].run, point[0]), valueOf(scalars[i].kind ?? 'scalars', point)])),
      }));
      const whole = { ...frame, domain: /** @type {[number, number]} */ ([axis.first, axis.last]) };
      const go = (/** @type {number} */ x) => this.app.goTo(axis.nearest(x));
      const { node, move } = this.large ? axes(lines, { ...whole, go, name: (x) => axis.name(x) }) : chart(lines, whole);
      this.node.replaceChildren(node);
      this.#move = move;
    }
    this.#move(moment);
    return due;
  }
}

/** What the lower and the upper edge of a small chart stand for. @param {string} least @param {string} most */
export const leastMost = (least, most) => el('span', { className: 'least-most' }, el('span', { textContent: most }), el('span', { textContent: least }));

/** A small chart as a button that shows it large, among the measures. @param {import('./app.js').App} app @param {Plot} plot @param {string} chart @param {...Node} beside */
export function opening(app, plot, chart, ...beside) {
  return el('button', { className: 'opens', title: 'show it large', onclick: () => opened(app, chart) }, plot.node, ...beside);
}

/** Shows a chart large, above the measures. @param {import('./app.js').App} app @param {string} chart */
export function opened(app, chart) {
  app.set({ view: 'measures', chart, text: '' });
  app.main.scrollTo(0, 0);
}

/** The values of a scalar at the moments that are shown. @param {import('./app.js').App} app @param {string} tag */
export function valuesOf(app, tag) {
  const told = app.moments().map((moment) => {
    const [step, value] = app.point('scalars', tag, moment) ?? [];
    if (step === undefined || typeof value !== 'number') return '–';
    const at = app.axis.of(moment.run, step); // not every drawing has every measure
    return at === moment.at ? figure(value) : `${figure(value)} (${app.axis.name(at)})`;
  });
  return told.join(app.between);
}

/** @param {unknown[]} parts @param {unknown[]} others */
const same = (parts, others) => parts.length === others.length && parts.every((part, i) => part === others[i]);
