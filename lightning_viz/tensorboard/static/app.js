// What holds the tab together: the state, the data, and the view that shows them.

import { el } from './dom.js';
import { Address, onAddress, readAddress } from './host.js';
import { differs, momentsOf, othersOf } from './comparing.js';
import { Axis, Run, drawsWithinEpochs, natural } from './model.js';
import { Pictures } from './pictures.js';
import { Player } from './player.js';
import { Series, at } from './series.js';
import { fromAddress, toAddress } from './state.js';
import { onKeys } from './keys.js';
import { methodsOf, onLeave } from './columns.js';
import { Toolbar } from './toolbar.js';
import { notices } from './notices.js';
import { VIEWS, firstView } from './views.js';
import { Watch } from './watch.js';
import { Zoom } from './zoom.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {{ run: Run, at: number, name: string }} Moment
 * @typedef {{ node: HTMLElement, show: () => void }} View
 */

const EVERY = 5000; // ms between looks for something new
const PLACES = ['view', 'zoom', 'chart', 'pair']; // which the browser's "back" returns from

export class App {
  /** @type {Map<string, Run>} */
  runs = new Map();
  axis = new Axis('epoch', []);
  /** @type {View | null} */
  view = null;
  #answer = '';
  #built = '';
  #latest = '';
  #opened = false;
  #due = false;
  #address = new Address();
  error = '';
  blinking = false; // what is compared with, or the moment before, stands in the place of what is shown
  note = '';

  /** @param {HTMLElement} root @param {import('./source.js').Source} source */
  constructor(root, source) {
    this.root = root;
    this.source = source;
    this.state = fromAddress(readAddress());
    const failed = (/** @type {unknown} */ error) => this.#failed(error);
    this.series = new Series(source, () => this.show(), failed);
    this.pictures = new Pictures(source, () => this.show(), failed);
    this.main = el('main', { tabIndex: 0, 'aria-label': 'explanations' }); // which the keyboard scrolls
    this.player = new Player(this);
    this.toolbar = new Toolbar(this);
    this.zoom = new Zoom(this);
    this.watch = new Watch(this);
    this.notices = el('div', { id: 'notices', role: 'status' });
    root.append(el('section', { 'aria-label': 'title' }, el('h1', { textContent: 'Explanations' })), this.toolbar.node, this.notices, this.main, this.zoom.node);
  }

  async start() {
    onKeys(this);
    onLeave(this.root);
    new MutationObserver(() => this.show()).observe(document.documentElement, { attributeFilter: ['class'] }); // charts have colours of their own
    onAddress(() => {
      this.state = fromAddress(readAddress());
      this.build();
    });
    await this.refresh();
    if (this.source.live) setInterval(() => document.hidden || this.refresh(), EVERY);
  }

  /** Looks whether there is something new, and shows it. */
  async refresh() {
    try {
      const answer = await this.source.runs();
      const text = JSON.stringify(answer);
      if (text === this.#answer && !this.error) return;
      [this.#answer, this.error, this.note] = [text, '', answer.note ?? ''];
      const names = Object.keys(answer.runs).sort(natural);
      if (!names.length && this.runs.size) { // TensorBoard begins anew, and finds them in a moment
        this.note = 'TensorBoard reads the log anew. What is shown stays until it has found the runs again.';
        notices(this);
        return;
      }
      this.runs = new Map(names.map((name) => [name, new Run(name, answer.runs[name])]));
      if (!this.runs.has(this.#latest)) this.#latest = names.reduce((a, b) => (answer.runs[b].updated >= answer.runs[a]?.updated ? b : a), names[0]);
      this.series.outdate();
      if (!this.#opened && this.run && readAddress().view === undefined) this.state.view = firstView(this.run);
      this.#opened = this.run !== null;
      this.build();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {Partial<State>} patch */
  set(patch) {
    Object.assign(this.state, patch);
    this.#address.write(() => toAddress(this.state), PLACES.some((name) => name in patch));
    if (Object.keys(patch).every((name) => ['at', 'base', 'slice'].includes(name))) this.show();
    else this.build();
    if (this.notices.hasChildNodes()) notices(this); // what was missing may be left behind
  }

  /** Moves the slider, and stops playing. @param {number} moment */
  goTo(moment) {
    this.player.stop();
    this.set({ at: moment === this.axis.last ? null : moment });
  }

  /** The run that is shown: the one that was chosen, else the one that was last written to when the page was opened. */
  get run() {
    return this.runs.get(this.state.run) ?? this.runs.get(this.#latest) ?? null;
  }

  /** The first run it is compared with, if there is one. */
  get other() {
    return othersOf(this)[0] ?? null;
  }

  /** @returns {Run[]} */
  get shown() {
    return this.run ? [this.run, ...othersOf(this)] : [];
  }

  /** Where the slider stands. */
  get moment() {
    return this.state.at === null ? this.axis.last : this.axis.nearest(this.state.at);
  }

  /** Where it stands in what it is compared with. */
  get base() {
    return this.state.base === null ? this.axis.first : this.axis.nearest(this.state.base);
  }

  /** What stands side by side: one moment of one run, or several. @returns {Moment[]} */
  moments() {
    return momentsOf(this);
  }

  /** What stands between two moments: one becomes the other, or they are of two runs. */
  get between() {
    return this.other ? ' vs ' : ' → ';
  }

  get compares() {
    return this.moments().length > 1;
  }

  /** The point of a series at a moment. @param {import('./source.js').Kind} kind @param {string} tag @param {Moment} moment */
  point(kind, tag, moment) {
    return at(this.series.get(kind, moment.run.name, tag), (step) => this.axis.of(moment.run, step), moment.at);
  }

  /** Builds anew what the state and the data have changed, and shows it. */
  build() {
    const kind = this.state.axis || (this.shown.some(drawsWithinEpochs) ? 'step' : 'epoch');
    this.axis = new Axis(kind, this.shown);
    const { size, captions, view, measure, chart } = this.state;
    this.root.style.setProperty('--moments', String(this.moments().length));
    this.root.className = `size-${size}`;
    this.toolbar.build();
    notices(this);
    const parts = [view, measure, chart, captions, differs(this), methodsOf(this).chosen, this.shown.map((run) => [run.name, run.tags, run.measured]), this.axis.kind];
    if (JSON.stringify(parts) !== this.#built) {
      this.#built = JSON.stringify(parts);
      this.watch.forget();
      this.view = VIEWS[view].build(this);
      this.main.replaceChildren(this.view.node);
    }
    this.zoom.build();
    this.watch.arrange();
    this.show();
  }

  /** Shows the moment, once before the next paint however often it is asked to. */
  show() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.toolbar.show();
      this.view?.show();
      this.zoom.show();
      this.watch.show();
    });
  }

  /** @param {unknown} error */
  #failed(error) {
    this.error = error instanceof Error ? error.message : String(error);
    notices(this);
  }
}
