// Links that lead to the same thing for ever, and what is told where they cannot.

import { el } from './dom.js';
import { addressOf } from './host.js';
import { toAddress } from './state.js';

const SAID_FOR = 2000; // ms

/** @typedef {import('./app.js').App} App */

/** The address of what is shown, with its run and its moment, whatever runs and epochs come later. @param {App} app */
export function linkTo(app) {
  const { state, run, moment, base, axis } = app;
  const pinned = state.against === 'epoch' ? { base } : {};
  return addressOf(toAddress({ ...state, run: run?.name ?? '', at: moment, axis: axis.kind, ...pinned }));
}

/** A button that copies it. @param {App} app */
export function copyButton(app) {
  const name = 'Copy link';
  const button = el('button', { id: 'link', textContent: name, title: 'The address of this run, epoch and choice' });
  button.onclick = async () => {
    button.textContent = (await copied(linkTo(app))) ? 'Copied' : 'Not allowed here: copy the address';
    setTimeout(() => {
      button.textContent = name;
    }, SAID_FOR);
  };
  return button;
}

/** Whether a text is in the clipboard now; where the page is not served securely, by the old way. @param {string} text */
async function copied(text) {
  try {
    await window.navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = el('textarea', { value: text });
    document.body.append(box);
    box.select();
    const done = document.execCommand('copy');
    box.remove();
    return done;
  }
}

/** What the address asks for that is not here, and what is shown instead. @param {App} app @returns {string[]} */
export function missing(app) {
  const { state, runs, run, axis, moment } = app;
  if (!run) return [];
  const found = [];
  const named = state.against.startsWith('run:') ? state.against.slice(4) : '';
  if (state.run && !runs.has(state.run)) found.push(`There is no run ${state.run} here any more: shown is ${run.name}.`);
  const gone = [named, ...(state.more ?? [])].filter((name) => name && !runs.has(name));
  found.push(...gone.map((name) => `There is no run ${name} here any more to compare with.`));
  if (state.at !== null && state.at !== moment) found.push(`There is no ${axis.name(state.at)} here: shown is ${axis.name(moment)}.`);
  if (state.zoom && !app.shown.some((one) => one.has(state.zoom))) found.push(`There is no picture ${state.zoom} in this run.`);
  return found;
}
