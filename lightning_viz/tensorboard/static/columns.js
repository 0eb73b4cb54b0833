// Which methods stand in the columns, and in what order.

import { el } from './dom.js';
import { title } from './model.js';

let open = false; // whether the list is open, which building anew must not close

/** @param {import('./app.js').App} app */
export function buildColumns(app) {
  const { chosen, hidden } = app.methods;
  const set = (/** @type {string[]} */ columns) => app.set({ columns });
  const move = (/** @type {string} */ method, /** @type {number} */ by) => {
    const order = chosen.filter((other) => other !== method);
    order.splice(chosen.indexOf(method) + by, 0, method);
    set(order);
  };
  const line = (/** @type {string} */ method, /** @type {number} */ i) => {
    const box = el('input', {
      type: 'checkbox',
      id: `column-${method}`,
      checked: chosen.includes(method),
      onchange: () => set(box.checked ? [...chosen, method] : chosen.filter((other) => other !== method)),
    });
    const name = title(method);
    const arrow = (/** @type {string} */ sign, /** @type {number} */ by, /** @type {string} */ where) =>
      el('button', {
        id: `${where}-${method}`, textContent: sign, title: `${name}: ${where}`, 'aria-label': `${name}: ${where}`,
        disabled: !chosen.includes(method) || i + by < 0 || i + by >= chosen.length, onclick: () => move(method, by),
      });
    return el('li', {}, el('label', {}, box, ` ${name}`), arrow('↑', -1, 'earlier'), arrow('↓', 1, 'later'));
  };
  const list = el('ul', {}, ...[...chosen, ...hidden].map(line));
  const all = el('button', { id: 'columns-all', textContent: 'all, as logged', onclick: () => app.set({ columns: null }) });
  const count = hidden.length ? `methods: ${chosen.length} of ${chosen.length + hidden.length}` : 'methods';
  const box = el('details', { className: 'columns', open }, el('summary', { id: 'columns', textContent: count }), el('div', {}, list, all));
  box.ontoggle = () => {
    open = box.open;
  };
  return box;
}
