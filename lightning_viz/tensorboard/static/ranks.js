// Pictures of a rank: the most frequent confusion of a moment, the second one. Which pair that is may change with every moment.

import { bdi, el } from './dom.js';
import { captionAt } from './originals.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./app.js').Moment} Moment */

const RANKED = /^confusions\/(.+)\/(\d+)$/;
const MARKED = /\u2068([^\u2069]*)\u2069/g; // names in captions

export const ANEW = 'Ranked anew at every moment: what has a rank may change.';

/** The loader and the rank of a picture; `null` where it is of none. @param {string} tag */
export function rankOf(tag) {
  const [, loader, rank] = RANKED.exec(tag) ?? [];
  return rank ? { loader, name: `rank ${rank}` } : null;
}

/** The names in a line of a caption, long ones cut. @param {string} line */
export const namesIn = (line) => [...line.matchAll(MARKED)].map(([, name]) => name);

/** What has the rank at a moment, as its caption tells without the epoch; empty where nothing has it. @param {App} app @param {string} tag @param {Moment} moment */
export function holderOf(app, tag, moment) {
  const [first = ''] = captionAt(app, tag, moment);
  return first.slice(first.indexOf(' · ') + 1).replace(/^· /, '');
}

/** What a picture's rank is held by at the moments that are shown. @param {App} app @param {string} tag @returns {import('./watch.js').Part} */
export function ranked(app, tag) {
  const node = el('span', { className: 'value holders', title: ANEW });
  const show = () => {
    const moments = app.moments();
    const lines = moments.map((moment) => [moment.name, holderOf(app, tag, moment) || 'none here']);
    const told = lines.map(([name, holder]) => el('span', {}, ...(moments.length > 1 ? [bdi(name), ': '] : []), holder));
    node.replaceChildren(...told);
  };
  return { node, show };
}
