// What has happened since one looked last: in an earlier visit, or before the page was hidden.

import { bdi, el } from './dom.js';
import { badge } from './host.js';
import { title } from './model.js';
import { at } from './series.js';
import { flipsOf } from './story.js';
import { ALIKE } from './warnings.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./model.js').Run} Run */

const KEPT = 'lightning_viz/seen'; // in the browser: the last step of each run that was seen
const HIDDEN = 20000; // ms between looks while nobody sees the page
const MOST = 5; // flips that are told
const CLASSES = 100; // of more, counts are too much to fetch for a line
const TOP = 3; // confusions that are held against each other

/** The last step of a run. @param {Run} run */
const lastOf = (run) => Math.max(-1, ...run.epochs.keys());

export class Away {
  /** @type {Map<string, number>} The step after which everything is news. */
  #since = new Map();
  /** @type {Map<string, number>} */
  #until = new Map();
  #told = '';
  node = el('div', { className: 'away', role: 'status', hidden: true });

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    if (!app.source.live) return;
    this.#since = new Map(Object.entries(remembered()));
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#leave() : this.#back()));
    setInterval(() => document.hidden && app.refresh().then(() => badge(this.#news())), HIDDEN);
  }

  /** From here on everything is news. */
  #leave() {
    for (const run of this.app.runs.values()) this.#since.set(run.name, lastOf(run));
    this.#until.clear();
  }

  /** What has come by now is told at once, whatever else comes. */
  #back() {
    badge(0);
    this.app.show();
  }

  /** Epochs that have come while nobody looked. */
  #news() {
    const { run } = this.app;
    const since = run ? this.#since.get(run.name) : undefined;
    return run && since !== undefined ? new Set([...run.epochs].filter(([step]) => step > since).map(([, epoch]) => epoch)).size : 0;
  }

  show() {
    const { run } = this.app;
    if (!run || !this.app.source.live || document.hidden) return;
    remember(run.name, lastOf(run));
    const since = this.#since.get(run.name);
    if (!this.#until.has(run.name)) this.#until.set(run.name, lastOf(run)); // what comes now is seen as it comes
    const until = this.#until.get(run.name) ?? since;
    if (since === undefined || until === undefined || until <= since) {
      this.node.hidden = true;
      return;
    }
    const parts = this.#parts(run, since, until);
    if (parts === null) return; // some of it is on its way
    const told = JSON.stringify([run.name, since, until]);
    this.node.hidden = false;
    if (told === this.#told) return;
    this.#told = told;
    const close = el('button', { className: 'shows', textContent: 'Close', onclick: () => this.#close(run.name) });
    const when = [run.epochOf(since), run.epochOf(until)].map((epoch) => (epoch < 0 ? 'untrained' : `epoch ${epoch}`)).join(' → ');
    this.node.replaceChildren(el('b', { textContent: `While you were away (${when}): ` }), ...parts, close);
  }

  /** @param {string} run */
  #close(run) {
    this.#since.delete(run);
    this.node.hidden = true;
  }

  /** @param {Run} run @param {number} since @param {number} until @returns {Node[] | null} */
  #parts(run, since, until) {
    const { app } = this;
    if (run.probes.some((probe) => app.series.get('predictions', run.name, probe) === undefined)) return null;
    const found = [this.#flips(run, since), ...this.#confusions(run, since, until), this.#maps(run, since, until, 'rank_previous', 'maps that settled'), this.#maps(run, since, until, 'rank_untrained', 'maps that turned like those of the untrained network')];
    if (found.includes(null)) return null;
    const told = found.filter((part) => part !== null && part.length > 0);
    return told.length ? told.flatMap((part) => [el('span', {}, .../** @type {(Node | string)[]} */ (part))]) : [el('span', { textContent: 'no prediction flipped' })];
  }

  /** @param {Run} run @param {number} since @returns {(Node | string)[] | null} */
  #flips(run, since) {
    const { app } = this;
    const after = app.axis.of(run, since);
    const flips = [...flipsOf(app, run.probes)].filter(([moment]) => moment > after).flatMap(([moment, texts]) => texts.map((text) => ({ moment, text })));
    const shown = flips.slice(-MOST).map(({ moment, text }) => el('button', { className: 'shows', textContent: text, title: app.axis.name(moment), onclick: () => app.goTo(moment) }));
    return flips.length ? [`${flips.length} ${flips.length === 1 ? 'flip' : 'flips'} `, ...shown] : [];
  }

  /** The most frequent confusions that were not among them before, and those that are no more. @param {Run} run @param {number} since @param {number} until @returns {((Node | string)[] | null)[]} */
  #confusions(run, since, until) {
    const [loader] = run.rated;
    if (loader === undefined || (run.manifest?.classes.length ?? 0) > CLASSES) return [];
    const series = this.app.series.get('counts', run.name, loader);
    if (!series) return [null];
    const top = (/** @type {number} */ step) => {
      const cells = /** @type {import('./counts.js').Cells} */ (at(series, (one) => one, step)?.[1] ?? []);
      return cells.filter(([t, p]) => t !== p).sort((a, b) => b[2] - a[2]).slice(0, TOP).map(([t, p]) => `${t}/${p}`);
    };
    const [before, now] = [top(since), top(until)];
    const named = (/** @type {string[]} */ pairs) => pairs.flatMap((pair) => {
      const [t, p] = pair.split('/').map(Number);
      return [el('button', { className: 'shows', onclick: () => this.app.set({ view: 'confusion', pair: `${loader}/${pair}` }) }, bdi(run.className(t)), ' → ', bdi(run.className(p)))];
    });
    const [come, gone] = [now.filter((pair) => !before.includes(pair)), before.filter((pair) => !now.includes(pair))];
    return [come.length ? ['now among the most frequent confusions ', ...named(come)] : [], gone.length ? ['no more ', ...named(gone)] : []];
  }

  /** @param {Run} run @param {number} since @param {number} until @param {string} measure @param {string} what @returns {string[] | null} */
  #maps(run, since, until, measure, what) {
    const methods = run.measured.filter((method) => run.answer.scalars.includes(`explanations/${method}/${measure}`));
    const values = methods.map((method) => this.app.series.get('scalars', run.name, `explanations/${method}/${measure}`));
    if (values.includes(undefined)) return null;
    const alike = (/** @type {number} */ i, /** @type {number} */ step) => (at(values[i], (one) => one, step)?.[1] ?? 0) >= ALIKE;
    const turned = methods.filter((_, i) => alike(i, until) && !alike(i, since));
    return turned.length ? [`${what}: ${turned.map(title).join(', ')} `] : [];
  }
}

/** @returns {Record<string, number>} */
function remembered() {
  try {
    return JSON.parse(window.localStorage.getItem(KEPT) ?? '{}');
  } catch {
    return {}; // a browser that keeps nothing
  }
}

/** @param {string} run @param {number} step */
function remember(run, step) {
  const known = remembered();
  if (known[run] === step) return;
  try {
    window.localStorage.setItem(KEPT, JSON.stringify({ ...known, [run]: step }));
  } catch {
    // a browser that keeps nothing
  }
}
