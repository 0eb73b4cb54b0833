// What a run taught, in a line above its probes: the weightiest findings, with the way to all of them.

import { el } from './dom.js';

const FIRST = 2; // findings that are told
const STILL = 60; // seconds without anything new, after which a run is taken for finished

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./model.js').Run} Run */
/** @typedef {import('./source.js').Finding} Finding */

/** @type {Map<string, { first: number, updated: number, found: Promise<Finding[]> }>} By runs: when they were last written to as the page was opened, and what was found at the last. */
const known = new Map();

/** Whether a run seems to have ended: what is still training changes too often to be summed up. @param {App} app @param {Run} run */
function isAtRest({ source }, { name, answer: { updated } }) {
  const first = known.get(name)?.first ?? updated;
  return !source.live || updated === first || Date.now() / 1000 - updated > STILL;
}

/** The findings of a run as it is now, asked for once. @param {App} app @param {Run} run */
function foundIn({ source }, { name, answer: { updated } }) {
  const held = known.get(name);
  const found = held?.updated === updated ? held.found : source.findings(name).catch(() => []); // the view of them says why
  known.set(name, { first: held?.first ?? updated, updated, found });
  return found;
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
    const all = run && key ? await foundIn(app, run) : [];
    if (key !== this.#told || !all.length) return; // another run by now
    const more = el('button', { className: 'shows', textContent: `all ${all.length} findings`, onclick: () => app.set({ view: 'findings', text: '' }) });
    this.node.replaceChildren(...all.slice(0, FIRST).map(({ text }) => el('span', { textContent: text })), more);
    this.node.hidden = false;
  }
}
