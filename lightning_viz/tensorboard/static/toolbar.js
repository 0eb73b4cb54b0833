// Everything that can be chosen, and the slider.

import { Away } from './away.js';
import { buildColumns, methodsOf } from './columns.js';
import { buildMore } from './comparing.js';
import { choice, el } from './dom.js';
import { copyButton } from './links.js';
import { marksOf } from './marks.js';
import { measuresOf } from './measures.js';
import { exportLinks } from './part.js';
import { SliceBar } from './slider.js';
import { DEFAULTS } from './state.js';
import { Story } from './story.js';
import { VIEWS } from './views.js';

/** @typedef {import('./state.js').State} State */

/** @type {(keyof State)[]} What is folded away where there is little room. */
const FOLDED = ['against', 'how', 'rows', 'sort', 'columns', 'measure', 'size', 'scale', 'marks', 'captions', 'range'];
/** @type {[value: string, text: string][]} */
const ORDERS = [['', 'as logged'], ['change', 'most changed'], ['unsure', 'least sure'], ['flips', 'most flips'], ['loss', 'largest loss']];

export class Toolbar {
  #made = '';

  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    this.play = el('button', { id: 'play', onclick: () => app.player.toggle() });
    const moved = (/** @type {HTMLInputElement} */ range) => app.axis.values[range.valueAsNumber] ?? app.axis.last;
    this.slider = el('input', { type: 'range', id: 'moment', min: '0', 'aria-label': 'moment', oninput: () => app.goTo(moved(this.slider)) });
    this.base = el('input', { type: 'range', id: 'base', min: '0', 'aria-label': 'compare with', oninput: () => app.set({ base: moved(this.base) }) });
    this.label = el('output', { id: 'label', htmlFor: 'moment' });
    this.baseLabel = el('output', { id: 'base-label', htmlFor: 'base' });
    this.status = el('span', { id: 'status' });
    this.choices = el('div', { className: 'choices', id: 'choices' });
    this.fold = el('button', { id: 'fold', 'aria-controls': 'choices', 'aria-expanded': false, onclick: () => this.#unfold() }); // where there is little room
    this.story = new Story(app);
    const ends = el('span', { className: 'ends' }, this.label, this.status);
    const bar = el('div', { className: 'slides' }, el('span'), this.story.node, this.story.key, this.play, this.slider, ends);
    this.baseBar = el('div', { className: 'slide base' }, el('span', { textContent: 'compared with' }), this.base, this.baseLabel);
    this.away = new Away(app);
    this.sliceBar = new SliceBar(app);
    this.node = el('header', { className: 'folded' }, this.choices, bar, this.baseBar, this.sliceBar.node, this.away.node);
  }

  /** Builds the choices anew where they have changed; what had the focus keeps it. */
  build() {
    const { app } = this;
    const state = { ...app.state, at: null, base: null, slice: null, zoom: '', text: '' };
    const made = JSON.stringify([state, [...app.runs.keys()], methodsOf(app), measuresOf(app.shown), marksOf(app.shown), app.axis.kind]);
    const search = /** @type {HTMLInputElement | null} */ (this.node.querySelector('#text'));
    if (search && search !== document.activeElement) search.value = app.state.text; // a link may tell another one
    if (made === this.#made) return;
    this.#made = made;
    const focus = document.activeElement?.id;
    this.choices.replaceChildren(this.#views(), this.fold, this.#runs(), ...this.#filters(), this.#looks());
    if (focus && this.node.contains(document.getElementById(focus))) document.getElementById(focus)?.focus();
    this.node.hidden = !app.runs.size;
    this.baseBar.hidden = app.state.against !== 'epoch';
    const own = FOLDED.filter((name) => JSON.stringify(state[name]) !== JSON.stringify(DEFAULTS[name])).length;
    this.fold.textContent = own ? `Choices (${own})` : 'Choices';
    this.fold.title = own ? `${own} of them not as they are at first` : '';
  }

  /** Shows the choices that are folded away where there is little room, or hides them. */
  #unfold() {
    const folded = this.node.classList.toggle('folded');
    this.fold.setAttribute('aria-expanded', String(!folded));
  }

  /** Moves the sliders to where they stand. */
  show() {
    const { axis, moment, base, pictures, player } = this.app;
    for (const [slider, label, value] of /** @type {const} */ ([[this.slider, this.label, moment], [this.base, this.baseLabel, base]])) {
      slider.max = String(axis.values.length - 1);
      slider.valueAsNumber = axis.values.indexOf(value);
      label.textContent = label === this.label ? axis.place(value) : axis.name(value);
      slider.setAttribute('aria-valuetext', label.textContent);
    }
    const name = player.playing ? 'Pause' : 'Play';
    if (this.play.title !== name) Object.assign(this.play, { textContent: player.playing ? '❚❚' : '▶', title: name, ariaLabel: name });
    this.story.show();
    this.away.show();
    this.sliceBar.show();
    this.status.textContent = pictures.waiting ? `loading ${pictures.waiting}` : '';
  }

  #views() {
    const { app } = this;
    const tabs = Object.entries(VIEWS).map(([view, { name }]) =>
      el('button', { id: `view-${view}`, textContent: name, 'aria-pressed': view === app.state.view, onclick: () => app.set({ view: /** @type {State['view']} */ (view), ...(view === app.state.view ? {} : { text: '', chart: '' }) }) }),
    );
    return el('nav', { 'aria-label': 'views' }, ...tabs);
  }

  #runs() {
    const { app } = this;
    const { state, run } = app;
    const names = [...app.runs.keys()];
    const runs = choice('run', names.map((name) => [name, name]), run?.name ?? '', (name) => app.set({ run: name, against: state.against === `run:${name}` ? '' : state.against }));
    const others = names.filter((name) => name !== run?.name).map((name) => /** @type {[string, string]} */ ([`run:${name}`, `with ${name}`]));
    const against = choice('compare', [['', 'compare'], ['epoch', 'with another epoch'], ...others], state.against, (value) => app.set({ against: value }));
    const how = choice('how', [['side', 'side by side'], ['difference', 'difference']], state.how, (value) => app.set({ how: /** @type {State['how']} */ (value) }));
    const axis = choice('axis', [['epoch', 'by epoch'], ['step', 'by step']], app.axis.kind, (value) => app.set({ axis: /** @type {State['axis']} */ (value), at: null, base: null }));
    Object.assign(runs, { id: 'run', hidden: names.length < 2 });
    Object.assign(against, { id: 'against' });
    Object.assign(how, { id: 'how', hidden: !app.compares });
    Object.assign(axis, { id: 'axis' });
    return el('span', { className: 'group' }, runs, axis, against, buildMore(app), how);
  }

  #filters() {
    const { app } = this;
    const { view } = app.state;
    const wanted = { probes: 'class or probe', measures: 'measure or method', findings: 'class or word' }[String(view)] ?? 'class or picture';
    const text = el('input', { type: 'search', id: 'text', placeholder: wanted, 'aria-label': 'filter by text', value: app.state.text, oninput: () => app.set({ text: text.value }) });
    return view === 'probes' ? this.#probes(text) : view === 'measures' ? [text, this.#range()] : [text];
  }

  #range() {
    const { app } = this;
    const range = choice('range of the values', [['own', 'own range'], ['common', 'common range']], app.state.range, (value) => app.set({ range: /** @type {State['range']} */ (value) }));
    return Object.assign(range, { id: 'range', title: 'of the values: of each chart its own, or one for all methods, 0 to 1 where a measure is bounded' });
  }

  /** @param {HTMLElement} text What filters by text. */
  #probes(text) {
    const { app } = this;
    const rows = choice('rows', [['all', 'all probes'], ['wrong', 'mistaken now'], ['flipped', 'ever flipped']], app.state.rows, (value) => app.set({ rows: /** @type {State['rows']} */ (value) }));
    const sort = choice('order of the probes', ORDERS, app.state.sort, (value) => app.set({ sort: /** @type {State['sort']} */ (value) }));
    const measures = measuresOf(app.shown).map((name) => /** @type {[string, string]} */ ([name, name.replaceAll('_', ' ')]));
    const measure = choice('measure', measures, app.state.measure, (value) => app.set({ measure: value }));
    Object.assign(rows, { id: 'rows' });
    Object.assign(sort, { id: 'sort' });
    Object.assign(measure, { id: 'measure', hidden: !measures.length });
    return [el('span', { className: 'group' }, rows, sort, text, buildColumns(app), measure)];
  }

  #looks() {
    const { app } = this;
    const size = choice('size', [['s', 'small'], ['m', 'medium'], ['l', 'large']], app.state.size, (value) => app.set({ size: /** @type {State['size']} */ (value) }));
    const scale = choice('scale', [['run', 'run scale'], ['own', 'own scale']], app.state.scale, (value) => app.set({ scale: /** @type {State['scale']} */ (value) }));
    const painted = app.shown.some((run) => run.tags.some((tag) => run.colours(tag)));
    size.id = 'size';
    Object.assign(scale, { id: 'scale', hidden: !painted, title: 'full colour: the largest value of the whole run, or of each map' });
    const known = marksOf(app.shown);
    const marks = choice('outlines and boxes', known, app.state.marks, (value) => app.set({ marks: /** @type {State['marks']} */ (value) }));
    Object.assign(marks, { id: 'marks', hidden: !known.length });
    const box = el('input', { type: 'checkbox', id: 'captions', checked: app.state.captions, onchange: () => app.set({ captions: box.checked }) });
    const keys = el('button', { id: 'keys-button', textContent: 'Keys', title: 'the list of the keys (?)', onclick: () => document.getElementById('keys')?.togglePopover() });
    return el('span', { className: 'group' }, size, scale, marks, el('label', { title: 'what each picture says of itself: class, prediction, how much to trust it' }, box, ' captions'), copyButton(app), ...exportLinks(app), keys);
  }
}
