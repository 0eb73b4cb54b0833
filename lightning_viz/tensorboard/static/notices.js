// What is to be shown above the pictures: there are none, some are missing, or the server does not answer.

import { el } from './dom.js';
import { missing } from './links.js';

const FIRST = `from lightning_viz import ConfusionMatrixPanel, LimePanels, SaliencyMaps

trainer = Trainer(
    callbacks=[SaliencyMaps(), LimePanels(), ConfusionMatrixPanel()],
)`;

/** @param {import('./app.js').App} app */
export function notices(app) {
  /** @type {Node[]} */
  const found = [];
  if (app.error) found.push(el('p', { className: 'notice', textContent: `No answer from TensorBoard (${app.error}). What is shown stays; it is tried again every 5 seconds.` }));
  if (app.note) found.push(el('p', { className: 'notice', textContent: app.note }));
  for (const run of app.shown) if (run.problem) found.push(el('p', { className: 'notice', textContent: `${run.name}: ${run.problem}` }));
  for (const text of missing(app)) found.push(el('p', { className: 'notice', textContent: text }));
  found.push(...different(app));
  if (!app.runs.size && !app.error) found.push(empty());
  app.notices.replaceChildren(...found);
}

/** Says where a probe of one run is another image in the other one. @param {import('./app.js').App} app */
function different({ run, other }) {
  if (!run?.manifest || !other?.manifest) return [];
  const [ours, theirs] = [run.manifest.probes, other.manifest.probes];
  const differ = Object.keys(ours).filter((probe) => theirs[probe] && theirs[probe].print !== ours[probe].print);
  if (!differ.length) return [];
  const text = `The two runs show different images as ${differ.join(', ')}: give both the same Probes(indices=...) to compare them.`;
  return [el('p', { className: 'notice', textContent: text })];
}

function empty() {
  return el(
    'div',
    { className: 'empty' },
    el('h2', { textContent: 'No explanations yet' }),
    el('p', { textContent: 'They appear here with the first drawing of a run whose Trainer has callbacks of lightning_viz:' }),
    el('pre', { textContent: FIRST }),
    el('p', { textContent: 'This page looks for new runs every 5 seconds, and TensorBoard takes a while to read a large log. If yours should be here, check that --logdir is its log folder.' }),
  );
}
