// A table whose heads stay in view.

import { el } from './dom.js';
import { title } from './model.js';

/** @param {string} method */
export const columnHead = (method) => el('th', { scope: 'col' }, el('span', { className: 'method', textContent: title(method) }));

/** @param {HTMLElement[]} heads Of the columns. @param {HTMLElement[]} rows Each with a head of its own. */
export function table(heads, rows) {
  return el('table', { className: 'grid' }, el('thead', {}, el('tr', {}, el('td', { className: 'corner' }), ...heads)), el('tbody', {}, ...rows));
}
