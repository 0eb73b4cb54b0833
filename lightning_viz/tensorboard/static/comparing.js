// What stands side by side: moments of one run, or of several, each with its badge and its colour.

import { COLOURS } from './curves.js';
import { el } from './dom.js';
import { distinct } from './model.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./app.js').Moment} Moment */
/** @typedef {import('./model.js').Run} Run */

const LONG = 24; // letters of a name, from which on only what is its own of it is shown
const SEPARATOR = /([/_\-\s,;=]+)/;

let open = false; // whether the list of runs is open, which building anew must not close

/** The runs that the shown one is compared with. @param {App} app @returns {Run[]} */
export function othersOf(app) {
  const { against, more } = app.state;
  if (!against.startsWith('run:')) return [];
  const names = distinct([against.slice(4), ...(more ?? [])]).filter((name) => name !== app.run?.name);
  return names.map((name) => app.runs.get(name)).filter((run) => run !== undefined);
}

/**
 * What stands side by side. A difference is between two, and while it blinks, the first stands in the place of the others.
 *
 * @param {App} app
 * @returns {Moment[]}
 */
export function momentsOf(app) {
  const { run, axis, moment } = app;
  if (!run) return [];
  const one = (/** @type {number} */ at) => ({ run, at, name: axis.name(at) });
  if (app.state.against === 'epoch') return blinked(app, [one(app.base), one(moment)]);
  const others = othersOf(app).slice(0, app.state.how === 'difference' ? 1 : undefined);
  if (!others.length) return [one(app.blinking ? axis.beyond(moment, -1) : moment)];
  const runs = [...others, run];
  const names = ownParts(runs.map(({ name }) => name));
  return blinked(app, runs.map((other, i) => ({ run: other, at: moment, name: names[i] })));
}

/** @param {App} app @param {Moment[]} moments @returns {Moment[]} */
const blinked = (app, moments) => (app.blinking ? moments.map(() => moments[0]) : moments);

/** Whether what is compared is asked for as a difference. @param {App} app */
export const differs = (app) => app.state.how === 'difference' && app.compares;

/** Whether there are maps of a picture to subtract. What has none in the log cannot be: a difference of pixels means nothing. @param {App} app @param {string} tag */
export const hasMaps = (app, tag) => app.shown.every((run) => tag in run.answer.maps);

/** Whether they are subtracted now: while it blinks, the first stands there as it is. @param {App} app @param {string} tag */
export const subtracts = (app, tag) => differs(app) && !app.blinking && hasMaps(app, tag);

/** A letter for each run where there are more than two: A is the one that is shown. @param {App} app @param {Run} run */
export function badgeOf(app, run) {
  const { shown } = app;
  return shown.length > 2 ? String.fromCharCode(65 + shown.indexOf(run)) : '';
}

/** The colour of a run in charts and badges; that of text for the one that is shown. @param {App} app @param {Run} run */
export const colourOf = (app, run) => (run === app.run ? undefined : COLOURS[(app.shown.indexOf(run) - 1) % COLOURS.length]);

/**
 * What tells runs apart: their names without the folders that they share, and long ones without other parts that they share.
 *
 * @param {string[]} names
 */
export function ownParts(names) {
  const within = trimmed(names.map((name) => name.split('/')), 0).map(({ parts }) => parts.join('/'));
  if (within.every((name) => name.length <= LONG)) return within;
  const found = trimmed(within.map((name) => name.split(SEPARATOR)), 1);
  return found.map(({ parts, start, end }) => `${start ? '…' : ''}${parts.join('')}${end ? '…' : ''}`);
}

/** Lists without what all begin with, and end with; one part at least stays. @param {string[][]} lists @param {number} both Whether the end counts too. */
function trimmed(lists, both) {
  const room = Math.min(...lists.map((list) => list.length)) - 1;
  const shared = (/** @type {number} */ most, /** @type {(list: string[], i: number) => string} */ part) => {
    let count = 0;
    while (count < most && lists.every((list) => part(list, count) === part(lists[0], count))) count += 1;
    return count;
  };
  const same = new Set(lists.map((list) => list.join())).size < 2;
  const start = same ? 0 : shared(room, (list, i) => list[i]);
  const end = same || !both ? 0 : shared(room - start, (list, i) => list[list.length - 1 - i]);
  return lists.map((list) => ({ parts: list.slice(start, list.length - end), start, end }));
}

/** A list of further runs, where there are some to compare with. @param {App} app */
export function buildMore(app) {
  const chosen = othersOf(app);
  const names = [...app.runs.keys()].filter((name) => name !== app.run?.name && name !== chosen[0]?.name);
  const more = () => app.state.more ?? [];
  const set = (/** @type {string[]} */ found) => app.set({ more: found.length ? found : null });
  const line = (/** @type {string} */ name, /** @type {number} */ i) => {
    const box = el('input', {
      type: 'checkbox', id: `more-${i}`, checked: chosen.some((run) => run.name === name),
      onchange: () => set(box.checked ? [...more(), name] : more().filter((other) => other !== name)),
    });
    return el('li', {}, el('label', { title: name }, box, ` ${name}`));
  };
  const hidden = !chosen.length || !names.length || app.state.how === 'difference';
  const box = el('details', { className: 'columns', open, hidden }, el('summary', { id: 'more', textContent: 'more runs' }), el('div', {}, el('ul', {}, ...names.map(line))));
  box.ontoggle = () => {
    open = box.open;
  };
  return box;
}
