// Which methods stand in the columns, and in what order.

import { el } from './dom.js';
import { distinct, title } from './model.js';

let open = false; // whether the list is open, which building anew must not close

/** Methods in the order in which they stand, those that are left out too. @param {import('./app.js').App} app */
export function methodsOf(app) {
  const all = distinct(app.shown.flatMap((run) => run.methods));
  const { columns } = app.state;
  const known = columns?.filter((method) => all.includes(method)) ?? all;
  const chosen = columns?.length && !known.length ? all : known; // a link that tells of another run's methods
  return { chosen, hidden: all.filter((method) => !chosen.includes(method)) };
}

/** @param {import('./app.js').App} app */
export function buildColumns(app) {
  const { chosen, hidden } = methodsOf(app);
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

/** Has the list close by Escape, and by a click beside it. @param {HTMLElement} root */
export function onLeave(root) {
  const list = () => /** @type {HTMLDetailsElement | null} */ (root.querySelector('details.columns[open]'));
  root.addEventListener('pointerdown', ({ target }) => {
    const shown = list();
    if (shown && !shown.contains(/** @type {Node} */ (target))) shown.open = false;
  });
  root.addEventListener('keydown', ({ key }) => {
    const shown = list();
    if (!shown || key !== 'Escape') return;
    shown.open = false;
    shown.querySelector('summary')?.focus();
  });
}
