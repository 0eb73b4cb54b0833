// What a run taught, in a line above its probes: the weightiest findings, with the way to all of them.

import { el } from './dom.js';
import { findingsOf } from './taught.js';

const FIRST = 2; // findings that are told
const STILL = 60; // seconds without anything new, after which a run is taken for finished

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./model.js').Run} Run */

/** @type {Map<string, number>} When each run was last written to as it was first looked at. */
const first = new Map();

/** Whether a run seems to have ended: what is still training changes too often to be summed up. @param {App} app @param {Run} run */
function isAtRest({ source }, { name, answer: { updated } }) {
  if (!first.has(name)) first.set(name, updated);
  return !source.live || updated === first.get(name) || Date.now() / 1000 - updated > STILL;
}

export class Headline {
  #told = '';

  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    this.node = el('p', { className: 'headline', hidden: true });
  }

  async show() {
    const { app } = this;
    const { run } = app;
    const key = run && isAtRest(app, run) ? JSON.stringify([run.name, run.answer.updated]) : '';
    if (key === this.#told) return;
    this.#told = key;
    this.node.hidden = true;
    const all = run && key ? await findingsOf(app, run).catch(() => []) : []; // the view of them says why
    if (key !== this.#told || !all.length) return; // another run by now
    const more = el('button', { className: 'shows', textContent: `all findings (${all.length})`, onclick: () => app.set({ view: 'findings', text: '' }) });
    this.node.replaceChildren(...all.slice(0, FIRST).map(({ text }) => el('span', { textContent: text })), more);
    this.node.hidden = false;
  }
}
