// Views of pictures that are not about a probe: filters, confusions, and what else a run holds.

import { Cell } from './cell.js';
import { ClassTable } from './classtable.js';
import { differs, subtracts } from './comparing.js';
import { loadersOf } from './counted.js';
import { COLOURS } from './curves.js';
import { bdi, el } from './dom.js';
import { Matrix } from './matrix.js';
import { PROBE, distinct, natural, title } from './model.js';
import { captionAt } from './originals.js';
import { Plot, valuesOf } from './plot.js';
import { ANEW, rankOf, ranked } from './ranks.js';
import { roving } from './roving.js';

/** @type {{ width: number, height: number, range: [number, number] }} */
const FRAME = { width: 620, height: 280, range: [0, 1] };
export const HOME = { filters: /^filters\//, confusion: /^confusions?\//, measures: /^explanations\// };

/** @typedef {import('./app.js').App} App */

/** @param {App} app @returns {import('./app.js').View} */
export function buildFilters(app) {
  const empty = 'No filters in this run: FilterAscent() shows what single channels look for, FilterWall() all channels of a layer.';
  return gallery(app, (tag) => HOME.filters.test(tag), { empty, caption: activation });
}

/** @param {App} app @returns {import('./app.js').View} */
export function buildConfusion(app) {
  const empty = 'No confusion matrix in this run: add ConfusionMatrixPanel(), and ConfusionPanels() to see why.';
  const [counted, tabled] = [loadersOf(app.shown, 'counts'), loadersOf(app.shown, 'tables')];
  const tables = [...counted.map((loader) => new Matrix(app, loader)), ...tabled.map((loader) => new ClassTable(app, loader))]; // instead of the picture of the same counts
  const isDrawn = (/** @type {string} */ tag) => [...counted, ...tabled].some((loader) => tag === `confusion/${loader}`);
  const view = gallery(app, (tag) => HOME.confusion.test(tag) && !isDrawn(tag), { empty, large: true, also: tables, caption: (_, tag) => (rankOf(tag) ? ranked(app, tag) : null) });
  for (const loader of loaders(app)) {
    const part = new Recalls(app, loader);
    view.node.append(el('h2', { textContent: `recall of every class · ${loader}` }), part.node);
    app.watch.add(part);
  }
  return view;
}

/** Pictures of measures: how the score falls and rises where a map's pixels are deleted and inserted. @param {App} app @returns {import('./app.js').View | null} */
export function curvesOf(app) {
  if (!app.shown.some((run) => run.tags.some((tag) => HOME.measures.test(tag)))) return null;
  const heading = () => 'deletion and insertion';
  return gallery(app, (tag) => HOME.measures.test(tag), { empty: '', large: true, grouped: (tag) => tag.split('/')[0], heading });
}

/** @param {App} app @returns {import('./app.js').View} */
export function buildOther(app) {
  const empty = 'No other pictures: everything that this run holds is in the other views.';
  return gallery(app, isOther, { empty, large: true, grouped: (tag) => tag.split('/')[0] });
}

/** Whether a picture has its place in no other view. @param {string} tag */
export const isOther = (tag) => ![PROBE, ...Object.values(HOME)].some((pattern) => pattern.test(tag));

/**
 * Pictures by the groups of their tags.
 *
 * @param {App} app
 * @param {(tag: string) => boolean} wanted
 * @param {{ empty: string, large?: boolean, also?: { node: HTMLElement, show: () => void }[], grouped?: (tag: string) => string, heading?: (group: string) => string, caption?: (app: App, tag: string) => import('./watch.js').Part | null }} how
 * @returns {import('./app.js').View}
 */
function gallery(app, wanted, { empty, large = false, also = [], grouped = groupOf, heading = headOf, caption = () => null }) {
  const tags = distinct(app.shown.flatMap((run) => run.tags.filter(wanted)));
  const groups = distinct(tags.map(grouped)).sort(natural).map((group) => {
    const figures = tags.filter((tag) => grouped(tag) === group).sort(natural).map((tag) => ({ tag, node: figureOf(app, tag, { group, caption }) }));
    const head = el('h2', { textContent: heading(group) });
    const anew = tags.some((tag) => grouped(tag) === group && rankOf(tag)) ? [el('p', { className: 'item', textContent: ANEW })] : [];
    return { figures, nodes: [head, ...anew, el('div', { className: 'gallery' }, ...figures.map((figure) => figure.node))] };
  });
  const stops = groups.map(({ nodes }) => roving(nodes[nodes.length - 1], '.gallery'));
  const none = el('p', { className: 'empty', textContent: tags.length + also.length ? 'No picture fits: clear the text.' : empty });
  const apart = el('p', { className: 'item', textContent: 'Only maps are subtracted: pictures that the log has no maps of stand side by side.' });
  const show = () => {
    for (const table of also) table.show();
    for (const { figures, nodes } of groups) {
      for (const figure of figures) figure.node.hidden = !fits(app, figure.tag);
      for (const node of nodes) node.hidden = figures.every((figure) => figure.node.hidden);
    }
    for (const keep of stops) keep();
    apart.hidden = !differs(app) || tags.every((tag) => subtracts(app, tag));
    none.hidden = groups.some(({ nodes }) => !nodes[0].hidden) || also.some(({ node }) => !node.hidden);
  };
  return { node: el('div', { className: large ? 'view large' : 'view' }, ...also.map((table) => table.node), apart, ...groups.flatMap(({ nodes }) => nodes), none), show };
}

/** Whether a picture's name, or what its caption says now, holds the text that is sought. @param {App} app @param {string} tag */
function fits(app, tag) {
  const sought = app.state.text.trim().toLowerCase();
  if (!sought) return true;
  const words = app.moments().flatMap((moment) => captionAt(app, tag, moment));
  return [title(tag), tag, ...words].some((text) => text.toLowerCase().includes(sought));
}

/** @param {App} app @param {string} tag @param {{ group: string, caption: (app: App, tag: string) => import('./watch.js').Part | null }} how */
function figureOf(app, tag, { group, caption }) {
  const cell = new Cell(app, tag, (chosen) => app.set({ zoom: chosen }));
  const more = caption(app, tag);
  for (const part of more ? [cell, more] : [cell]) app.watch.add(part);
  const own = title(tag.startsWith(`${group}/`) ? tag.slice(group.length + 1) : tag).replaceAll('/', ' · ');
  const name = el('span', { className: 'called', textContent: rankOf(tag)?.name ?? own });
  const wall = tag.endsWith('/wall'); // all channels of a layer, each a small picture
  return el('figure', wall ? { className: 'wall' } : {}, cell.node, el('figcaption', {}, name, ...(more ? [more.node] : [])));
}

/** The figure that a filter's picture comes with. @param {App} app @param {string} tag @returns {import('./watch.js').Part | null} */
function activation(app, tag) {
  const scalar = `${tag}_activation`;
  if (!app.shown.some((run) => run.answer.scalars.includes(scalar))) return null;
  const node = el('span', { className: 'value' });
  const show = () => {
    node.textContent = `activation ${valuesOf(app, scalar)}`;
  };
  return { node, show };
}

/** @param {App} app */
const loaders = (app) => distinct((app.run?.answer.scalars ?? []).filter((tag) => tag.startsWith('recall/')).map((tag) => tag.split('/')[1]));

/** The recall of every class of a loader, the worst ones in colour, and which are best and worst at the moment. */
class Recalls {
  /** @param {App} app @param {string} loader */
  constructor(app, loader) {
    this.app = app;
    this.stem = `recall/${loader}/`;
    this.plot = new Plot(app, true);
    this.list = el('ol', { className: 'recalls' });
    this.node = el('div', { className: 'recall' }, this.plot.node, this.list);
  }

  show() {
    const { app, stem } = this;
    const { run } = app;
    if (!run) return;
    const tags = run.answer.scalars.filter((tag) => tag.startsWith(stem));
    const ends = tags.map((tag) => ({ tag, value: app.series.get('scalars', run.name, tag)?.at(-1)?.[1] ?? Infinity }));
    const worst = ends.sort((a, b) => a.value - b.value).slice(0, COLOURS.length).map(({ tag }) => tag); // in the end, so that no colour moves
    const looks = tags.map((tag) => ({ label: run.className(tag.slice(stem.length)), strong: worst.includes(tag), colour: COLOURS[worst.indexOf(tag)] }));
    this.plot.show(tags.map((tag) => ({ run, tag })), () => ({ ...FRAME, title: 'Recall of every class', looks }));
    const values = tags.map((tag, i) => ({ ...looks[i], value: app.point('scalars', tag, { run, at: app.moment, name: '' })?.[1] }));
    const sorted = values.filter(({ value }) => typeof value === 'number').sort((a, b) => b.value - a.value);
    this.list.replaceChildren(
      ...sorted.map(({ label, colour, value }) => el('li', {}, el('i', { style: `background:${colour ?? 'var(--line)'}` }), bdi(label), ` ${Math.round(100 * value)} %`)),
    );
  }
}

/** @param {string} group */
const headOf = (group) => title(group).replaceAll('/', ' · ');

/** @param {string} tag */
const groupOf = (tag) => tag.slice(0, Math.max(tag.lastIndexOf('/'), 0)) || tag;
