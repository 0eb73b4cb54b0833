// What of the run is exported: all of it, or the probes, methods and epochs that are chosen.

import { methodsOf } from './columns.js';
import { el } from './dom.js';

/** @typedef {import('./app.js').App} App */

const MOST = 6; // epochs that are proposed

/** A button that opens the choice; none where the page is exported itself. @param {App} app @returns {Node[]} */
export function exportLinks(app) {
  const runs = app.shown.map((run) => run.name);
  const url = app.source.exportUrl(runs);
  if (!url) return [];
  const all = el('a', { id: 'export', href: url, download: '', textContent: 'Export', title: 'One HTML file with all epochs, that needs neither server nor network' });
  const button = el('button', { id: 'export-part', textContent: 'Export a part', 'aria-haspopup': 'dialog', onclick: () => open(app, runs, button) });
  return [all, button];
}

/** @param {App} app @param {string[]} runs @param {HTMLElement} button */
function open(app, runs, button) {
  const { chosen } = methodsOf(app);
  const rows = /** @type {HTMLElement[]} */ ([...app.main.querySelectorAll('tr[data-probe]:not([hidden])')]).map((row) => row.dataset.probe ?? '');
  const probes = el('input', { type: 'checkbox', id: 'part-probes', checked: rows.length > 0, disabled: !rows.length });
  const methods = el('input', { type: 'checkbox', id: 'part-methods', checked: rows.length > 0, disabled: !rows.length });
  const epochs = el('input', { type: 'text', id: 'part-epochs', value: proposed(app).join(' ') });
  const link = el('a', { id: 'part-save', download: '', textContent: 'Save' });
  const box = el('div', { id: 'part', className: 'help', popover: 'auto', role: 'dialog', 'aria-label': 'export a part' },
    el('p', {}, el('label', {}, probes, ` only the ${rows.length} probes that are shown`)),
    el('p', {}, el('label', {}, methods, ` only the methods that are shown: ${chosen.join(', ')}`)),
    el('p', {}, el('label', {}, 'epochs ', epochs), ' (-1 is untrained; nothing: all)'),
    el('p', {}, link));
  const aim = () => {
    const numbers = epochs.value.split(/[\s,]+/).filter((text) => /^-?\d+$/.test(text)).map(Number);
    link.href = app.source.exportUrl(runs, { probe: probes.checked ? rows : [], method: methods.checked ? chosen : [], epoch: numbers }) ?? '';
  };
  box.addEventListener('input', aim);
  box.addEventListener('toggle', (event) => /** @type {ToggleEvent} */ (event).newState === 'closed' && box.remove());
  aim();
  app.root.append(box);
  box.showPopover();
  const { left, bottom } = button.getBoundingClientRect();
  box.style.left = `${Math.max(Math.min(left, window.innerWidth - box.offsetWidth - 8), 8)}px`;
  box.style.top = `${bottom + 4}px`;
}

/** A few epochs from the first to the last, with the one that is shown. @param {App} app */
function proposed(app) {
  const { run, moment, axis } = app;
  const all = [...new Set(run?.epochs.values() ?? [])].sort((a, b) => a - b);
  const some = all.length > MOST ? Array.from({ length: MOST }, (_, i) => all[Math.round((i * (all.length - 1)) / (MOST - 1))]) : all;
  const now = axis.kind === 'epoch' ? moment : run?.epochOf(moment) ?? moment;
  return [...new Set([...some, now])].sort((a, b) => a - b);
}
