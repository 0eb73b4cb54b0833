// The figures of the maps, small, with the slider's moment marked.

import { attentionParts } from './attention.js';
import { colourOf } from './comparing.js';
import { extent, figure } from './curves.js';
import { el } from './dom.js';
import { curvesOf } from './gallery.js';
import { MetricChart, metricsShown } from './metrics.js';
import { distinct, natural, title } from './model.js';
import { Plot, leastMost, opening, valuesOf } from './plot.js';
import { Prediction } from './prediction.js';
import { columnHead, table } from './table.js';

/** What each measure is, in words. @type {Record<string, string>} */
const MEANING = {
  rank_previous: 'rank correlation with the last drawing',
  rank_untrained: 'rank correlation with the untrained network: near 1 the map shows nothing that was learnt',
  rank_best: 'rank correlation with the best network so far',
  ssim_previous: 'structural similarity to the last drawing',
  ssim_untrained: 'structural similarity to the untrained network',
  ssim_best: 'structural similarity to the best network so far',
  entropy: 'how evenly the map is spread, nats',
  sum: 'sum of the map, in its own units',
  deletion: 'area under the deletion curve: little is faithful',
  insertion: 'area under the insertion curve: much is faithful',
  pointing: 'share of maxima that lie on the evidence',
  in_mask: 'share of the map that lies on the evidence',
  fidelity: 'R² on masks that the model was not fitted to',
  delta: 'what the attributions miss of the score',
};

const ORDER = Object.keys(MEANING);
const WIDEST = 1000; // pixels of the chart that is large
const [NARROW, WIDE, HEAD, PAD] = [180, 300, 216, 12]; // pixels of other charts, at least and at most, of what names a row, and around a chart

/** Whether a measure's values lie in [0, 1], or hardly ever leave it: correlations may. @param {string} measure */
const isBounded = (measure) => /^(rank|ssim)_|^(deletion|insertion|pointing|in_mask|fidelity)$/.test(measure);

/** Of a measure that has one, what chance is called, and whether more is worse than that. @type {Record<string, boolean>} */
const LESS_IS_BETTER = { deletion: true, insertion: false, pointing: false, in_mask: false };
const chanceOf = (/** @type {string} */ measure) => `${measure}_chance`; // the same map, moved; of masks their share of the image

/**
 * How a measure compares with chance, in words; nothing where it is better, or where nobody knows.
 *
 * @param {string} measure @param {unknown} value @param {unknown} chance
 */
export function againstChance(measure, value, chance) {
  if (!(measure in LESS_IS_BETTER) || typeof value !== 'number' || typeof chance !== 'number') return '';
  return (LESS_IS_BETTER[measure] ? value > chance : value < chance) ? 'worse than chance' : '';
}

/** Measures of a run, the best known ones first. @param {import('./model.js').Run[]} runs */
export function measuresOf(runs) {
  const tags = runs.flatMap((run) => run.answer.scalars.filter((tag) => tag.startsWith('explanations/')));
  const place = (/** @type {string} */ name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const names = distinct(tags.map((tag) => tag.split('/').slice(2).join('/')));
  const isChance = (/** @type {string} */ name) => Object.keys(LESS_IS_BETTER).some((measure) => name === chanceOf(measure) && names.includes(measure));
  return names.filter((name) => !isChance(name)).sort((a, b) => place(a) - place(b) || natural(a, b));
}

/** What a measure's values lie in, of all methods: all that it can be where it is bounded; `undefined` while some of it is on its way. @param {import('./app.js').App} app @param {string} measure @returns {[number, number] | undefined} */
export function commonRange(app, measure) {
  const tags = app.shown.flatMap((run) => run.answer.scalars.filter((tag) => tag.startsWith('explanations/') && tag.endsWith(`/${measure}`)).map((tag) => ({ run, tag })));
  const series = tags.map(({ run, tag }) => app.series.get('scalars', run.name, tag));
  if (series.includes(undefined)) return undefined;
  const values = series.flatMap((points) => (points ?? []).map(([, value]) => value)).filter(Number.isFinite);
  return [Math.min(...values, ...(isBounded(measure) ? [0] : [])), Math.max(...values, ...(isBounded(measure) ? [1] : []))];
}

/** One measure of one method: a curve for each run that is shown, and the value at the moment. */
export class Measure {
  /** @param {import('./app.js').App} app @param {string} method @param {string} measure @param {{ width: number, height: number, large?: boolean }} frame Large ones have axes. */
  constructor(app, method, measure, frame) {
    this.app = app;
    this.measure = measure;
    this.tag = `explanations/${method}/${measure}`;
    this.frame = frame;
    this.title = `${title(method)}: ${MEANING[measure] ?? measure}`;
    this.plot = new Plot(app, frame.large);
    this.value = el('span', { className: 'value' });
    this.ends = el('span', { hidden: Boolean(frame.large) });
    this.chance = el('span', { className: 'chance' });
    const plot = frame.large ? this.plot.node : opening(app, this.plot, this.tag);
    this.node = el('span', { className: 'measure', title: this.title }, plot, this.ends, el('span', {}, this.value, this.chance));
  }

  show() {
    const { app, measure, tag } = this;
    const chance = this.tag.replace(/[^/]*$/, chanceOf(measure));
    const held = app.run?.answer.scalars.includes(chance) ? [{ run: app.run, tag: chance }] : [];
    const several = app.shown.length > 1;
    const looks = app.shown.map((run, i) => ({ label: several ? run.name : title(measure), strong: i === 0, colour: colourOf(app, run) }));
    const range = this.frame.large && app.state.range === 'common' ? commonRange(app, measure) : null;
    const drawing = () => ({ ...this.frame, ...(range && { range }), title: this.title, looks: [...looks, ...held.map(() => ({ label: 'chance', dashed: true }))] });
    const drawn = this.plot.show([...app.shown.map((run) => ({ run, tag })), ...held], drawing, [range && range.join()]);
    if (drawn && !this.frame.large) this.#tellEnds();
    this.value.textContent = valuesOf(app, tag);
    const [now, by] = [tag, chance].map((name) => (app.run ? app.point('scalars', name, { run: app.run, at: app.moment, name: '' })?.[1] : undefined));
    this.chance.textContent = held.length ? againstChance(measure, now, by) : '';
  }

  /** What the small chart's lower and upper edge stand for. */
  #tellEnds() {
    const { app, tag } = this;
    const lines = app.shown.map((run) => ({ points: /** @type {[number, number][]} */ (app.series.get('scalars', run.name, tag) ?? []) }));
    const [least, most] = extent(lines).map(figure);
    this.ends.replaceChildren(leastMost(least, most));
  }
}

/** The view of all measures: measures in rows, methods in columns; those of attention below. @param {import('./app.js').App} app @returns {import('./app.js').View} */
export function buildMeasures(app) {
  const methods = distinct(app.shown.flatMap((run) => run.measured));
  const heads = methods.map(columnHead);
  const fit = Math.floor((app.main.clientWidth - HEAD - 40) / Math.max(methods.length, 1)) - PAD;
  const rows = measuresOf(app.shown).map((measure) => rowOf(app, measure, methods, Math.min(Math.max(fit, NARROW), WIDE)));
  const metrics = metricsShown(app).map((metric) => new MetricChart(app, metric, { width: WIDE, height: 130 }, true));
  for (const metric of metrics) app.watch.add(metric);
  const [attention, curves] = [attentionParts(app), curvesOf(app)];
  const empty = el('p', { className: 'empty', textContent: 'No measures: SaliencyMaps, LimePanels and all other callbacks that draw a map per probe log them.' });
  const none = el('p', { className: 'empty', textContent: 'No measure fits: clear the text.' });
  const all = rows.length ? table(heads, rows.map(({ node }) => node)) : empty;
  all.hidden = !rows.length && attention.length + metrics.length > 0;
  all.classList.toggle('stacked', fit < NARROW);
  const show = () => {
    const sought = app.state.text.toLowerCase().split(/\s+/);
    const fits = (/** @type {string} */ text) => sought.every((word) => text.toLowerCase().includes(word));
    const kept = rows.map(({ cells }) => cells.map((cell) => cell.text !== '' && fits(cell.text)));
    const columns = methods.map((_, i) => kept.some((row) => row[i]));
    heads.forEach((head, i) => Object.assign(head, { hidden: !columns[i] }));
    rows.forEach(({ node, cells }, k) => {
      node.hidden = !kept[k].includes(true);
      cells.forEach((cell, i) => Object.assign(cell.node, { hidden: !columns[i] }));
      cells.forEach((cell, i) => cell.node.classList.toggle('unsought', !kept[k][i]));
    });
    const others = /** @type {HTMLElement[]} */ (attention.flatMap((part) => [.../** @type {HTMLElement} */ (part).querySelectorAll('tr')]));
    for (const row of others) row.hidden = !fits(`attention ${row.querySelector('th')?.textContent}`);
    for (const { node, metric } of metrics) node.hidden = !fits(metric.name);
    curves?.show();
    const pictures = /** @type {HTMLElement[]} */ ([...(curves?.node.querySelectorAll('figure') ?? [])]);
    if (curves) curves.node.hidden = pictures.every(({ hidden }) => hidden);
    const found = [...[...rows, ...metrics].map(({ node }) => node), ...others, ...pictures];
    none.hidden = !found.length || found.some((row) => !row.hidden);
    if (rows.length) all.hidden = rows.every(({ node }) => node.hidden);
  };
  return { node: el('div', { className: 'view' }, ...enlarged(app), el('div', { className: 'metrics' }, ...metrics.map(({ node }) => node)), all, ...(curves ? [curves.node] : []), ...attention, none), show };
}

/** The charts of a measure, and by what each is found. @param {import('./app.js').App} app @param {string} measure @param {string[]} methods @param {number} width */
function rowOf(app, measure, methods, width) {
  const cells = methods.map((method) => {
    if (!app.shown.some((run) => run.answer.scalars.includes(`explanations/${method}/${measure}`))) return { node: el('td'), text: '' };
    const part = new Measure(app, method, measure, { width, height: 110, large: true });
    app.watch.add(part);
    return { node: el('td', {}, el('span', { className: 'which', textContent: title(method) }), part.node), text: [method, title(method), measure, title(measure), MEANING[measure] ?? ''].join(' ') };
  });
  const name = el('span', { className: 'label', textContent: measure.replaceAll('_', ' ') });
  const held = methods.some((method) => app.shown.some((run) => run.answer.scalars.includes(`explanations/${method}/${chanceOf(measure)}`)));
  const head = el('th', { scope: 'row' }, name, el('span', { className: 'item', textContent: [MEANING[measure] ?? '', held ? 'dashed: chance' : ''].filter(Boolean).join('; ') }));
  return { node: el('tr', {}, head, ...cells.map(({ node }) => node)), cells };
}

/** The one chart that is large, if the run has it. @param {import('./app.js').App} app @returns {Node[]} */
function enlarged(app) {
  const { run, state } = app;
  const [first, method, ...measure] = state.chart.split('/');
  const frame = { width: Math.min(app.main.clientWidth - 130, WIDEST), height: 320, large: true };
  const metric = metricsShown(app).find(({ id }) => id === state.chart);
  const part = metric ? new MetricChart(app, metric, frame, false) : run?.answer.scalars.includes(state.chart) && first === 'explanations' ? new Measure(app, method, measure.join('/'), frame) : run?.probes.includes(state.chart) ? new Prediction(app, state.chart, frame) : null;
  if (!part) return [];
  app.watch.add(part);
  const name = metric ? metric.name : part instanceof Measure ? part.title : 'what the network says of a probe';
  const close = el('button', { className: 'shows', textContent: 'Close', onclick: () => app.set({ chart: '' }) });
  return [el('section', { className: 'enlarged' }, el('div', { className: 'matrix-head' }, el('h2', { textContent: name }), close), part.node)];
}
