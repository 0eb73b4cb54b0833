// The list of the keys, which the key "?" shows.

import { el } from './dom.js';

/** @type {[keys: string, what: string][]} */
const KEYS = [
  ['← →', 'the moment before, the next one'],
  ['Home End', 'the first moment, the last one'],
  ['Space', 'play, pause'],
  ['n p', 'the next flip of a prediction, the one before; of one probe where it is enlarged'],
  ['b', 'while it is held: what is compared with, or the moment before, in the place of what is shown'],
  ['↑ ↓', 'rows of probes, pictures, cells of a confusion matrix'],
  ['Shift + ← →', 'columns of these'],
  ['Enter', 'enlarge a picture, show the images of a cell'],
  ['Esc', 'close what is open'],
  ['?', 'this list'],
];

/** The list, closed. */
export function keyList() {
  const rows = KEYS.map(([keys, what]) => el('tr', {}, el('th', { scope: 'row' }, ...keys.split(' ').flatMap((key) => (key === '+' ? [' + '] : [el('kbd', { textContent: key }), ' ']))), el('td', { textContent: what })));
  return el('div', { id: 'keys', className: 'help', popover: 'auto', role: 'dialog', 'aria-label': 'keys' }, el('table', {}, el('tbody', {}, ...rows)));
}
