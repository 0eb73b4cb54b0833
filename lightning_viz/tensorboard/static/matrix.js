// The confusion matrix of one loader, drawn from what its validation has counted: it moves with the slider.

import { Board } from './board.js';
import { differs } from './comparing.js';
import { sectionOf } from './counted.js';
import { NOTHING, foundOf, groupsOf, rightOf, shareOf, signed, sizeOf, tableOf } from './counts.js';
import { choice, el, isolated } from './dom.js';
import { percent } from './model.js';

/**
 * @typedef {import('./app.js').App} App
 * @typedef {import('./app.js').Moment} Moment
 * @typedef {import('./counts.js').Cells} Cells
 * @typedef {import('./counts.js').Figure} Figure
 * @typedef {{ name: string, table: Figure[][], before: Figure[][] | null }} Shown One table, or what has become of another.
 */

export class Matrix {
  #drawn = '';
  /** @type {import('./counts.js').Group[]} */
  groups = [];
  /** @type {Board[]} */
  #boards = [];

  /** @param {App} app @param {string} loader */
  constructor(app, loader) {
    this.app = app;
    this.loader = loader;
    const numbers = choice('numbers', [['counts', 'counts'], ['shares', 'shares of the true class']], app.state.numbers, (value) => app.set({ numbers: /** @type {'counts' | 'shares'} */ (value) }));
    this.key = el('span', { className: 'colours matrix-key' });
    const label = el('label', { hidden: this.ofPixels }, 'numbers ', numbers);
    this.section = sectionOf(app, loader, 'confusion matrix', label, this.key);
  }

  get node() {
    return this.section.node;
  }

  /** Whether pixels were counted: they are too many to be shown but as shares, and no cell is of some images. */
  get ofPixels() {
    return this.app.run?.counted(this.loader) === 'pixels';
  }

  /** The class that stands for none, of boxes. */
  get #nothing() {
    return this.app.run?.nothing(this.loader) ?? -1;
  }

  /** Whether shares of the true class stand in the cells. */
  get showsShares() {
    return this.ofPixels || this.app.state.numbers === 'shares';
  }

  /** Whether a class fits the text that is sought, or all do. */
  get fits() {
    return this.groups.length > 0;
  }

  show() {
    const { app } = this;
    const moments = app.moments();
    const found = moments.map((moment) => /** @type {Cells | undefined} */ (app.point('counts', this.loader, moment)?.[1]));
    const series = app.run && app.series.get('counts', app.run.name, this.loader);
    if (!app.run || series === undefined) return;
    const drawn = JSON.stringify([app.state.numbers, app.state.text, app.state.how, app.main.clientWidth, moments.map(({ run, at, name }) => [run.name, at, name]), found.map((cells) => cells?.length), app.run.answer.updated]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.groups = groupsOf(series?.at(-1)?.[1] ?? [], this.#names(series), app.state.text, app.run.manifest?.pictures[`confusion/${this.loader}`]?.first);
      if (this.fits) this.#draw(moments, found);
    }
    this.node.hidden = !this.fits;
    this.section.mixed.show();
  }

  /** The names of all classes that there are. @param {import('./source.js').Points | null} series */
  #names(series) {
    const { run } = this.app;
    const size = sizeOf(series?.at(-1)?.[1] ?? [], (run?.manifest?.classes.length ?? 0) + Number(this.#nothing >= 0));
    return Array.from({ length: size }, (_, k) => (k === this.#nothing ? NOTHING : run?.className(k) ?? ''));
  }

  /** @param {Moment[]} moments @param {(Cells | undefined)[]} found */
  #draw(moments, found) {
    const tables = found.map((cells) => tableOf(cells ?? [], this.groups));
    const subtracted = differs(this.app) && !this.app.blinking;
    const names = moments.map(({ name }) => name);
    /** @type {Shown[]} */
    const shown = subtracted
      ? [{ name: names.join(this.app.between), table: tables[tables.length - 1], before: tables[0] }]
      : (differs(this.app) ? tables.slice(0, 1) : tables).map((table, i) => ({ name: moments.length > 1 ? names[i] : '', table, before: null }));
    while (this.#boards.length < shown.length) this.#boards.push(new Board(this));
    this.section.place.replaceChildren(...shown.map((one, i) => this.#boards[i].draw(one, shown.length)));
    this.#summarise(moments, found);
    this.key.replaceChildren(...(subtracted ? [el('i', { className: 'wrong' }), 'more', el('i', { className: 'right' }), 'less'] : [el('i', { className: 'right' }), 'right', el('i', { className: 'wrong' }), 'wrong, by share of the true class']));
  }

  /** What is right of all. @param {Moment[]} moments @param {(Cells | undefined)[]} found */
  #summarise(moments, found) {
    const parts = moments.map((moment, i) => {
      const said = this.#rightOf(found[i] ?? []) || 'nothing was counted here';
      return moments.length > 1 ? `${isolated(moment.name)}: ${said}` : said;
    });
    this.summary = parts.join('; ');
    const many = this.groups.at(-1)?.other ? ` · the ${this.groups.length - 1} classes that are mixed up most at the end of the run, the others together` : '';
    this.tell(`${this.summary}${many}`);
  }

  /** @param {Cells} cells */
  #rightOf(cells) {
    if (this.#nothing >= 0) {
      const [boxes, all, wrong] = foundOf(cells, this.#nothing);
      return all || wrong ? `${boxes} of ${all} boxes found${all ? `, ${percent(boxes / all)}` : ''}; ${wrong} false` : '';
    }
    const [right, total] = rightOf(cells);
    return total ? `${right} of ${total}${this.ofPixels ? ' pixels' : ''} right, ${percent(right / total)}` : '';
  }

  /** @param {string} text */
  tell(text) {
    this.section.told.textContent = text;
  }

  /** What a cell says, in words. @param {Shown} shown @param {number} row @param {number} column */
  describe({ table, before }, row, column) {
    const what = this.#what(this.groups[row], this.groups[column]);
    const told = (/** @type {Figure} */ one) => (one.of ? `${one.count} of ${one.of}, ${percent(shareOf(one))}` : 'there were none');
    const now = table[row][column];
    if (!before) return `${what}: ${told(now)}`;
    const was = before[row][column];
    return `${what}: ${told(was)} → ${told(now)}: ${signed(now.count - was.count)}`;
  }

  /** @param {import('./counts.js').Group} from @param {import('./counts.js').Group} to */
  #what(from, to) {
    if (from === to) return from.other ? `${from.name}, among one another` : `${isolated(from.name)}, right`;
    if (to.members.has(this.#nothing)) return `${isolated(from.name)}, missed`;
    if (from.members.has(this.#nothing)) return `${isolated(to.name)} where there is none`;
    return `${isolated(from.name)} taken for ${isolated(to.name)}`;
  }

  /** Shows the images and explanations of a cell. @param {number} row @param {number} column */
  open(row, column) {
    const [from, to] = [this.groups[row], this.groups[column]];
    if (from.other || to.other || this.ofPixels) return;
    const [[t], [p]] = [[...from.members], [...to.members]];
    const pair = `${this.loader}/${t}/${p}`;
    this.app.set({ pair: this.app.state.pair === pair ? '' : pair });
    this.section.mixed.node.scrollIntoView({ block: 'nearest' });
  }
}
