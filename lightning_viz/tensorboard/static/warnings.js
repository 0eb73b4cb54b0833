// What a method warns of at the moment, on average over the probes: seen also where captions are left out.

import { figure } from './curves.js';
import { el } from './dom.js';
import { againstChance } from './measures.js';

export const ALIKE = 0.9; // rank correlation from which on maps are alike, as captions and findings have it
const LITTLE = 0.5; // R² of LIME's linear model, below which findings say that it tells little

/** @param {(measure: string) => number | null} value Of a measure at the moment. @returns {string[]} */
export function warningsOf(value) {
  const [alike, fits] = [value('rank_untrained'), value('fidelity')];
  const chance = ['deletion', 'insertion'].filter((name) => againstChance(name, value(name), value(`${name}_chance`)));
  return [
    ...(alike !== null && Math.abs(alike) >= ALIKE ? [`like untrained: ${figure(alike)}`] : []),
    ...(fits !== null && fits < LITTLE ? [`R² ${figure(fits)}: says little`] : []),
    ...chance.map((name) => `${name} worse than chance`),
  ];
}

export class Warnings {
  /** @param {import('./app.js').App} app @param {string} method */
  constructor(app, method) {
    this.app = app;
    this.method = method;
    this.node = el('span', { className: 'warnings' });
  }

  show() {
    const found = warningsOf((measure) => this.#value(measure));
    if (this.node.textContent === found.join('')) return;
    this.node.replaceChildren(...found.map((textContent) => el('span', { textContent, title: 'mean of all probes: read these maps with care' })));
  }

  /** A measure of the method, if it is logged at this very moment. @param {string} measure @returns {number | null} */
  #value(measure) {
    const { app } = this;
    const tag = `explanations/${this.method}/${measure}`;
    if (!app.run?.answer.scalars.includes(tag)) return null;
    const [step, value] = app.point('scalars', tag, { run: app.run, at: app.moment, name: '' }) ?? [];
    return step !== undefined && typeof value === 'number' && app.axis.of(app.run, step) === app.moment ? value : null;
  }
}
