// What stands around a table of what one loader's validation has counted: its head, what it tells, and the images of a cell.

import { bdi, el } from './dom.js';
import { Mixed } from './mixed.js';
import { distinct } from './model.js';

/** @typedef {import('./app.js').App} App */

/** Loaders of which something is logged, in all runs. @param {import('./model.js').Run[]} runs @param {'counts' | 'tables'} kind */
export const loadersOf = (runs, kind) => distinct(runs.flatMap((run) => run.answer[kind] ?? [])).sort();

/** The parts of a section, with a place for its tables. @param {App} app @param {string} loader @param {string} name @param {...Node} more In its head. */
export function sectionOf(app, loader, name, ...more) {
  const told = el('p', { className: 'told', role: 'status' });
  const place = el('div', { className: 'boards' });
  const mixed = new Mixed(app, loader);
  const head = el('div', { className: 'matrix-head' }, el('h2', {}, `${name} · `, bdi(loader)), ...more, asLogged(app, loader));
  const node = el('section', { className: 'matrix' }, head, told, el('div', { className: 'matrix-body' }, place, mixed.node));
  return { told, place, mixed, node };
}

/** Opens the picture of the same counts, where one is in the log. @param {App} app @param {string} loader */
function asLogged(app, loader) {
  const hidden = !app.shown.some((run) => run.has(`confusion/${loader}`));
  return el('button', { className: 'shows', textContent: 'as logged', title: 'the picture in the log', hidden, onclick: () => app.set({ zoom: `confusion/${loader}` }) });
}
