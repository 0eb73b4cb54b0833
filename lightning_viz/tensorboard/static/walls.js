// Walls of many channels, a small picture each: which one is under the pointer, and the numbers of all where it is large.

import { el } from './dom.js';

/** @typedef {{ channels: number[], columns: number }} Wall The channels by rows, and how many are in one. */

/** The channel at a place of a wall; `undefined` where there is none. @param {Wall} wall @param {number} x From the left, as a share of the width. @param {number} y From the top, likewise. */
export function channelAt({ channels, columns }, x, y) {
  const rows = Math.ceil(channels.length / columns);
  const [column, row] = [Math.floor(x * columns), Math.floor(y * rows)];
  return Math.min(x, y) < 0 || column >= columns ? undefined : channels[row * columns + column];
}

export class Numbers {
  /** @type {Wall | null} */
  #wall = null;

  /** @param {boolean} large Then every channel has its number. */
  constructor(large) {
    this.large = large;
    this.tip = el('span', { className: 'channel', hidden: true });
    this.all = el('span', { className: 'numbers' });
    this.node = el('span', { className: 'over', hidden: true }, this.all, this.tip);
    this.node.addEventListener('pointermove', (event) => this.#tell(event));
    this.node.addEventListener('pointerleave', () => Object.assign(this.tip, { hidden: true }));
  }

  /** @param {Wall | null} wall */
  show(wall) {
    this.node.hidden = !wall;
    if (!wall || JSON.stringify(wall) === JSON.stringify(this.#wall)) return;
    this.#wall = wall;
    const { channels, columns } = wall;
    const rows = Math.ceil(channels.length / columns);
    const place = (/** @type {number} */ i) => `left:${(100 * (i % columns)) / columns}%;top:${(100 * Math.floor(i / columns)) / rows}%`;
    this.all.replaceChildren(...(this.large ? channels.map((channel, i) => el('span', { textContent: String(channel), style: place(i) })) : []));
  }

  /** @param {PointerEvent} event */
  #tell({ clientX, clientY }) {
    const { left, top, width, height } = this.node.getBoundingClientRect();
    const channel = this.#wall ? channelAt(this.#wall, (clientX - left) / width, (clientY - top) / height) : undefined;
    Object.assign(this.tip, { textContent: `channel ${channel}`, hidden: channel === undefined });
  }
}
