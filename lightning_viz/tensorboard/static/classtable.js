// A table of what a validation has counted of each class by itself, or measured of each value: it moves with the slider.

import { COLUMNS, figuresOf, rowsOf } from './classes.js';
import { differs } from './comparing.js';
import { sectionOf } from './counted.js';
import { MOST } from './counts.js';
import { bdi, el, isolated } from './dom.js';
import { percent } from './model.js';

/**
 * @typedef {import('./app.js').App} App
 * @typedef {import('./classes.js').Figures} Figures
 * @typedef {import('./classes.js').Row} Row
 * @typedef {import('./classes.js').Column} Column
 */

const PARTS = ['found', 'missed', 'false'];
const HEADS = { labels: 'labels', 'label pixels': 'pixels of each class', values: 'errors' };
/** @param {string} counted @returns {counted is keyof typeof HEADS} */
const isKnown = (counted) => counted in HEADS;

export class ClassTable {
  #drawn = '';

  /** @param {App} app @param {string} loader */
  constructor(app, loader) {
    this.app = app;
    this.loader = loader;
    const key = el('span', { className: 'colours matrix-key', hidden: this.ofValues }, ...PARTS.flatMap((part) => [el('i', { className: part }), part]));
    this.section = sectionOf(app, loader, HEADS[this.#counted], key);
  }

  get node() {
    return this.section.node;
  }

  get #counted() {
    const counted = this.app.run?.counted(this.loader) ?? '';
    return isKnown(counted) ? counted : 'labels';
  }

  /** Whether values were measured: then a row is no class, and has no images of its own. */
  get ofValues() {
    return this.#counted === 'values';
  }

  show() {
    const { app, loader } = this;
    const moments = app.moments();
    const found = moments.map((moment) => /** @type {Figures[] | undefined} */ (app.point('tables', loader, moment)?.[1]));
    const series = app.shown.map((run) => app.series.get('tables', run.name, loader));
    if (!app.run || series.includes(undefined)) return;
    const drawn = JSON.stringify([app.state.text, app.state.how, app.blinking, moments.map(({ run, at, name }) => [run.name, at, name]), found.map((table) => table?.length), app.run.answer.updated]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      const tables = series.flatMap((points) => (points ?? []).map(([, table]) => /** @type {Figures[]} */ (table)));
      const last = /** @type {Figures[]} */ (series[0]?.at(-1)?.[1] ?? []); // of the run that is shown
      const rows = rowsOf(last, last.map((_, k) => app.run?.className(k) ?? ''), app.state.text);
      this.node.hidden = !rows.length;
      this.section.place.replaceChildren(this.#table(rows, found, tables));
      this.#summarise(moments, found, rows);
    }
    this.section.mixed.show();
  }

  /** @param {Row[]} rows @param {(Figures[] | undefined)[]} found @param {Figures[][]} tables Of all moments. */
  #table(rows, found, tables) {
    const columns = COLUMNS[this.#counted];
    const heads = columns.map(({ name }) => el('th', { scope: 'col', textContent: name }));
    const name = this.ofValues ? 'value' : 'class';
    const own = rows.filter(({ other }) => !other);
    const widest = Math.max(...tables.flatMap((table) => own.map((row) => sum(figuresOf(table, row)))).filter(Number.isFinite), 1); // at all moments, so that nothing moves with the slider
    const lines = rows.map((row) => {
      const figures = found.map((table) => figuresOf(table, row));
      const full = this.ofValues ? Math.max(...tables.map((table) => figuresOf(table, row)[0]).filter(Number.isFinite), 0) : widest;
      const cells = columns.map((column) => el('td', { className: 'number', textContent: this.#text(column, figures), title: told(column, figures) }));
      return el('tr', {}, el('th', { scope: 'row' }, this.#name(row)), el('td', {}, ...figures.map((one) => barOf(one, full))), ...cells);
    });
    const corner = el('th', { scope: 'col', textContent: name });
    const bars = el('th', { scope: 'col', textContent: this.ofValues ? 'beside its largest' : 'counts' });
    return el('table', { className: 'tally', 'aria-label': `${HEADS[this.#counted]}, ${this.loader}` }, el('thead', {}, el('tr', {}, corner, bars, ...heads)), el('tbody', {}, ...lines));
  }

  /** @param {Row} row */
  #name({ name, members: [k], other }) {
    if (other || this.ofValues) return bdi(name);
    const pair = `${this.loader}/${k}/${k}`;
    return el('button', { className: 'names', title: 'show its images', onclick: () => this.app.set({ pair: this.app.state.pair === pair ? '' : pair }) }, bdi(name));
  }

  /** @param {Column} column @param {Figures[]} figures Of the moments. */
  #text(column, figures) {
    const values = figures.map(column.of);
    const subtracted = differs(this.app) && !this.app.blinking;
    if (subtracted) return values.every(Number.isFinite) ? column.differ(values[values.length - 1] - values[0]) : '–';
    return (differs(this.app) ? values.slice(0, 1) : values).map((value) => shown(column, value)).join(this.app.between);
  }

  /** @param {import('./app.js').Moment[]} moments @param {(Figures[] | undefined)[]} found @param {Row[]} rows */
  #summarise(moments, found, rows) {
    if (this.ofValues) {
      this.section.told.textContent = 'each in units of its own';
      return;
    }
    const what = this.#counted === 'labels' ? 'labels' : 'pixels';
    const parts = moments.map(({ name }, i) => {
      const [hits, missed, wrong] = figuresOf(found[i], { name, members: (found[i] ?? []).map((_, k) => k), other: true });
      const said = hits + missed ? `${hits} of ${hits + missed} ${what} found, ${percent(hits / (hits + missed))}; ${wrong} false` : 'nothing was counted here';
      return moments.length > 1 ? `${isolated(name)}: ${said}` : said;
    });
    const many = rows.at(-1)?.other && rows.length > MOST ? ` · the ${MOST} classes with most errors at the end of the run, the others together` : '';
    this.section.told.textContent = `${parts.join('; ')}${many}`;
  }
}

/** @param {Column} column @param {number} value */
const shown = (column, value) => (Number.isFinite(value) ? column.show(value) : '–');

/** What a cell says of all moments, also where it shows their difference. @param {Column} column @param {Figures[]} figures */
const told = (column, figures) => `${column.name}: ${figures.map((one) => shown(column, column.of(one))).join(' → ')}`;

/** @param {Figures} figures */
const sum = (figures) => figures.reduce((total, value) => total + value, 0);

/** @param {Figures} figures @param {number} full What the whole length stands for. */
function barOf(figures, full) {
  const parts = figures.map((value, i) => el('i', { className: figures.length > 1 ? PARTS[i] : 'missed', style: `width:${full && Number.isFinite(value) ? Math.min((100 * value) / full, 100) : 0}%` }));
  return el('span', { className: 'bar', 'aria-hidden': true }, ...parts);
}
