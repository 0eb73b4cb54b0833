// One table of a confusion matrix: colours by share of the true class, numbers where there is room for them.

import { shareOf, signed } from './counts.js';
import { bdi, el, svg } from './dom.js';

/** @typedef {import('./matrix.js').Shown} Shown */

const [LEAST, READABLE, LARGEST] = [14, 20, 56]; // pixels of a cell: at least, where there is room, at most
const ABOVE = 90; // pixels above the matrix
const LETTER = 6.2; // pixels that a letter is wide
const NAMES = 132; // pixels for names at most
const ROOT_FROM = 26; // among so many classes a few percent are news: the root lifts them out of the ground
const GAP = 16;
const AXIS = 18; // pixels for what an axis is of
/** Shades from which on numbers are written in the colour of the ground: of dark ground, of light. @type {[from: number, name: string][]} */
const DEEP = [[58, 'half'], [80, 'deep']];

export class Board {
  /** @type {Shown | null} */
  #shown = null;
  #cell = LEAST;
  #left = 0;
  #top = 0;
  #at = [0, 0];

  /** @param {import('./matrix.js').Matrix} matrix */
  constructor(matrix) {
    this.matrix = matrix;
    this.name = el('p', { className: 'name' });
    this.mark = svg('rect', { class: 'mark', visibility: 'hidden' });
    this.frame = el('div', {
      className: 'board', role: 'application', tabIndex: 0, 'aria-roledescription': 'confusion matrix',
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#walk(event),
      onfocus: () => this.frame.matches(':focus-visible') && this.#point(this.#at[0], this.#at[1]),
      onblur: () => this.#leave(),
    });
    this.node = el('div', { className: 'board-place' }, this.name, this.frame);
  }

  /** @param {Shown} shown @param {number} beside How many there are. */
  draw(shown, beside) {
    const { groups, app } = this.matrix;
    this.#shown = shown;
    const longest = Math.max(...groups.map(({ name }) => name.length)) * LETTER + 10;
    const room = (app.main.clientWidth - 40 - (beside - 1) * GAP) / beside;
    this.#left = Math.min(longest, NAMES, Math.max(room / 3, 60)) + AXIS;
    this.#top = Math.min(longest, NAMES) + AXIS;
    const across = (room - this.#left) / groups.length;
    const down = Math.max((app.main.clientHeight - this.#top - ABOVE) / groups.length, READABLE);
    this.#cell = Math.min(Math.max(Math.floor(Math.min(across, down)), LEAST), LARGEST);
    const side = this.#cell * groups.length;
    const [width, height] = [this.#left + side + 2, this.#top + side + 2];
    const drawing = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}` }, ...this.#heads(), ...this.#cells(shown), this.mark);
    drawing.addEventListener('pointermove', (event) => this.#over(/** @type {PointerEvent} */ (event)));
    drawing.addEventListener('pointerleave', () => this.#leave());
    drawing.addEventListener('click', (event) => this.#press(/** @type {PointerEvent} */ (event)));
    this.name.replaceChildren(bdi(shown.name));
    this.name.hidden = !shown.name;
    this.frame.setAttribute('aria-label', `${this.matrix.loader}${shown.name ? `, ${shown.name}` : ''}: rows are true classes, columns predicted ones; up and down, and left and right with Shift, go through the cells${this.matrix.ofPixels ? '' : ', Enter shows the images'}`);
    this.frame.replaceChildren(drawing);
    return this.node;
  }

  #heads() {
    const { groups } = this.matrix;
    const cut = (/** @type {string} */ name, /** @type {number} */ room) => (name.length * LETTER > room - 8 ? `${name.slice(0, Math.max(Math.floor((room - 8) / LETTER) - 1, 1))}…` : name);
    const middle = (/** @type {number} */ i) => (i + 0.5) * this.#cell;
    const half = (groups.length * this.#cell) / 2;
    const axes = [
      svg('text', { x: this.#left + half, y: 11, class: 'axis-name' }, 'predicted class'),
      svg('text', { transform: `translate(11 ${this.#top + half}) rotate(-90)`, class: 'axis-name' }, 'true class'),
    ];
    const heads = groups.flatMap(({ name }, i) => [
      svg('text', { x: this.#left - 6, y: this.#top + middle(i) + 4, class: 'row-name' }, svg('title', {}, name), cut(name, this.#left - AXIS)),
      svg('text', { transform: `translate(${this.#left + middle(i) + 4} ${this.#top - 6}) rotate(-90)`, class: 'column-name' }, svg('title', {}, name), cut(name, this.#top - AXIS)),
    ]);
    return [...axes, ...heads];
  }

  /** @param {Shown} shown */
  #cells({ table, before }) {
    const { groups } = this.matrix;
    const cells = groups.flatMap((_, row) => groups.map((__, column) => ({ row, column })));
    return cells.flatMap(({ row, column }) => {
      const [now, was] = [table[row][column], before?.[row][column]];
      const share = shareOf(now) - shareOf(was);
      const shade = Math.round(100 * (groups.length >= ROOT_FROM ? Math.sqrt(Math.abs(share)) : Math.abs(share)));
      const place = { x: this.#left + column * this.#cell, y: this.#top + row * this.#cell };
      const kind = was ? (share < 0 ? 'right' : 'wrong') : kindOf(now, row === column, groups[row].other);
      const rect = svg('rect', { ...place, width: this.#cell - 1, height: this.#cell - 1, class: kind, style: `--shade:${shade}%` });
      const text = this.#text(now, was);
      if (!text || text.length * LETTER > this.#cell - 2) return [rect];
      const ink = DEEP.filter(([from]) => shade > from).map(([, name]) => name);
      return [rect, svg('text', { x: place.x + (this.#cell - 1) / 2, y: place.y + this.#cell / 2 + 3.5, class: ['figure', ...ink].join(' ') }, text)];
    });
  }

  /** @param {import('./counts.js').Figure} now @param {import('./counts.js').Figure | undefined} was */
  #text(now, was) {
    const shares = this.matrix.showsShares;
    const value = (/** @type {import('./counts.js').Figure} */ one) => (shares ? Math.round(100 * shareOf(one)) : one.count);
    const shown = value(now) - (was ? value(was) : 0);
    if (was) return shown ? signed(shown) : '';
    return shares && now.count && !shown ? '<1' : now.count ? String(shown) : '';
  }

  /** @param {PointerEvent} event @returns {[row: number, column: number] | null} */
  #cellAt(event) {
    const box = /** @type {Element} */ (this.frame.firstElementChild).getBoundingClientRect();
    const [column, row] = [(event.clientX - box.left - this.#left) / this.#cell, (event.clientY - box.top - this.#top) / this.#cell].map(Math.floor);
    const inside = (/** @type {number} */ i) => i >= 0 && i < this.matrix.groups.length;
    return inside(row) && inside(column) ? [row, column] : null;
  }

  /** @param {PointerEvent} event */
  #over(event) {
    const found = this.#cellAt(event);
    if (found) this.#point(...found);
    else this.#leave();
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const found = this.#cellAt(event);
    if (found) this.#point(...found);
    if (found) this.matrix.open(...found);
  }

  /** @param {number} row @param {number} column */
  #point(row, column) {
    if (!this.#shown) return;
    const last = this.matrix.groups.length - 1;
    this.#at = [Math.min(Math.max(row, 0), last), Math.min(Math.max(column, 0), last)];
    const place = { x: this.#left + this.#at[1] * this.#cell - 0.5, y: this.#top + this.#at[0] * this.#cell - 0.5, width: this.#cell, height: this.#cell, visibility: 'visible' };
    for (const [name, value] of Object.entries(place)) this.mark.setAttribute(name, String(value));
    this.matrix.tell(this.matrix.describe(this.#shown, this.#at[0], this.#at[1]));
  }

  #leave() {
    this.mark.setAttribute('visibility', 'hidden');
    this.matrix.tell(this.matrix.summary ?? '');
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const [row, column] = this.#at;
    const across = event.shiftKey ? { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0 : 0;
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
    if (across || down) this.#point(row + down, column + across);
    else if (event.key === 'Enter') this.matrix.open(row, column);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** What the colour of a cell says. @param {import('./counts.js').Figure} figure @param {boolean} onDiagonal @param {boolean} other Whether it is of many classes. */
function kindOf(figure, onDiagonal, other) {
  if (!figure.of) return 'missing';
  if (!onDiagonal) return 'wrong';
  return other ? 'neither' : 'right';
}
