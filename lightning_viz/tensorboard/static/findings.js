// What the run taught, in sentences with the pictures that show it.

import { bdi, el } from './dom.js';
import { PROBE, methodOf, title } from './model.js';
import { rankOf } from './ranks.js';
import { findingsOf } from './taught.js';

const MOST = 6; // pictures of one finding

/** @typedef {import('./source.js').Finding} Finding */

/** The view of all findings, the weightiest first. @param {import('./app.js').App} app @returns {import('./app.js').View} */
export function buildFindings(app) {
  const list = el('ul', { className: 'findings' });
  const wait = el('p', { className: 'empty', textContent: 'Reading what the run has logged …' });
  let asked = '';
  const none = el('p', { className: 'empty', hidden: true, textContent: 'No finding fits: clear the text.' });
  const whole = el('p', { className: 'item' }); // wherever the slider stands
  const show = async () => {
    const { run } = app;
    filter(app, list, none);
    whole.textContent = `Of the whole run, up to ${app.axis.name(app.axis.last)}.`;
    const key = JSON.stringify([run?.name, run?.answer.updated]);
    if (!run || key === asked) return;
    asked = key;
    try {
      const found = await findingsOf(app, run);
      if (key !== asked) return; // another run by now
      list.replaceChildren(...found.map((finding) => sentence(app, run, finding)));
      filter(app, list, none);
      wait.hidden = found.length > 0;
      wait.textContent = 'Nothing stands out in what this run has logged.';
    } catch (error) {
      asked = ''; // so that it is tried again with the next look for something new
      wait.hidden = false;
      wait.textContent = `The findings could not be read: ${error instanceof Error ? error.message : error}`;
    }
  };
  return { node: el('div', { className: 'view' }, whole, wait, list, none), show };
}

/** Leaves the findings that hold the text that is sought. @param {import('./app.js').App} app @param {HTMLElement} list @param {HTMLElement} none */
function filter(app, list, none) {
  const sought = app.state.text.trim().toLowerCase();
  const all = /** @type {HTMLElement[]} */ ([...list.children]);
  for (const one of all) one.hidden = !one.textContent.toLowerCase().includes(sought);
  none.hidden = !all.length || all.some((one) => !one.hidden);
}

/** @param {import('./app.js').App} app @param {import('./model.js').Run} run @param {Finding} finding */
function sentence(app, run, finding) {
  const shown = finding.pictures.map((tag, i) => ({ tag, step: finding.steps ? finding.steps[i] : finding.step })).filter(({ tag }) => run.has(tag));
  const links = shown.slice(0, MOST).map(({ tag, step }) => {
    const at = step === null ? null : app.axis.of(run, step);
    const open = () => app.set({ at: at === app.axis.last ? null : at, zoom: tag });
    const when = finding.steps && at !== null && at !== app.axis.last ? [` · ${app.axis.name(at)}`] : [];
    return el('button', { className: 'shows', onclick: open }, ...nameOf(run, tag), ...when);
  });
  return el('li', {}, el('p', { textContent: finding.text }), ...links);
}

/** What a picture is called where there is no column above it. @param {import('./model.js').Run} run @param {string} tag */
function nameOf(run, tag) {
  const [first] = tag.split('/');
  const rank = rankOf(tag);
  if (rank) return [`${first} · ${rank.loader} · ${rank.name}`];
  if (!PROBE.test(tag)) return [title(tag.replaceAll('/', ' '))];
  return [`${title(methodOf(tag))} of `, bdi(run.className(run.label(first))), ` (${Number(first.split('_')[1])})`];
}
