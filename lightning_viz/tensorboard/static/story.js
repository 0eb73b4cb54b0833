// The run at a glance, above the slider: how much is right, where predictions flipped, how much the maps changed.

import { el, svg } from './dom.js';
import { accuracyOf } from './metrics.js';
import { valueOf } from './series.js';
import { distinct, percent } from './model.js';
import { opened } from './plot.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {{ name: string, kind: string, values: Map<number, number>, most: number, tell: (value: number) => string }} Lane */

const LANE = 16; // pixels
const WIDE = 1000; // the drawing's own units, stretched to the slider's width
const NEAR = 8; // pixels beside a peak that lead to it

/** What flipped at which moment, the untrained network's guesses left out. @param {App} app @param {string[]} probes @returns {Map<number, string[]>} */
export function flipsOf(app, probes) {
  /** @type {Map<number, string[]>} */
  const found = new Map();
  const { run, axis } = app;
  for (const probe of run ? probes : []) {
    const said = (app.series.get('predictions', run?.name ?? '', probe) ?? []).filter(([step]) => run && run.epochOf(step) >= 0);
    for (const [i, [step, k]] of said.entries()) {
      if (!run || i === 0 || k === said[i - 1][1]) continue;
      const at = axis.of(run, step);
      found.set(at, [...(found.get(at) ?? []), `${run.className(run.label(probe))} (${Number(probe.split('_')[1])}): ${nameOf(run, said[i - 1][1])} → ${nameOf(run, k)}`]);
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

/** What is predicted; of boxes there may be none, and scores may not be finite. @param {import('./model.js').Run} run @param {number} k */
const nameOf = (run, k) => (k < 0 ? 'nothing' : run.className(k));

/** Goes to the next flip of what is shown, or the one before. @param {App} app @param {1 | -1} by */
export function toFlip(app, by) {
  const enlarged = app.state.zoom.split('/')[0];
  const probes = app.run?.probes ?? [];
  const moments = [...flipsOf(app, probes.includes(enlarged) ? [enlarged] : probes).keys()];
  const next = by > 0 ? moments.find((at) => at > app.moment) : moments.findLast((at) => at < app.moment);
  if (next !== undefined) app.goTo(next);
}

export class Story {
  #drawn = '';
  #keyed = ''; // the words beside the lanes stay, so that the focus does
  /** @type {Lane[]} */
  #lanes = [];

  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.cursor = svg('line', { y1: 0, class: 'cursor' });
    this.node = svg('svg', { preserveAspectRatio: 'none', class: 'story', role: 'img' });
    this.node.addEventListener('click', (event) => this.#go(/** @type {PointerEvent} */ (event)));
    this.key = el('span', { className: 'story-key' });
  }

  show() {
    const { app } = this;
    const lanes = this.#found();
    if (!lanes) return; // some of it is on its way
    this.#lanes = lanes;
    const drawn = JSON.stringify([app.axis.values, lanes.map(({ name, values }) => [name, [...values]])]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#draw(lanes);
    }
    const at = this.#place(app.moment);
    this.cursor.setAttribute('x1', String(at));
    this.cursor.setAttribute('x2', String(at));
    const kinds = lanes.map(({ kind }) => kind);
    if (kinds.join() !== this.#keyed) this.key.replaceChildren(...kinds.map((kind) => this.#word(kind)));
    this.#keyed = kinds.join();
    for (const [i, lane] of lanes.entries()) (this.key.children[i].querySelector('button') ?? this.key.children[i]).textContent = lane.tell(this.#last(lane));
    for (const part of [this.node, this.key]) part.classList.toggle('untold', !lanes.length);
  }

  /** Beside a lane what it tells of the moment; that of what is right leads to its chart. @param {string} kind */
  #word(kind) {
    const open = () => opened(this.app, accuracyOf(/** @type {import('./model.js').Run} */ (this.app.run))?.id ?? '');
    return el('span', { className: kind }, ...(kind === 'right' ? [el('button', { title: 'show its chart', onclick: open })] : []));
  }

  /** @param {Lane} lane */
  #last({ kind, values }) {
    const { axis, moment } = this.app;
    if (kind === 'flips') return values.get(moment) ?? 0;
    const at = axis.values.findLast((one) => one <= moment && values.has(one));
    return at === undefined ? NaN : values.get(at) ?? NaN;
  }

  /** @returns {Lane[] | null} */
  #found() {
    const { app } = this;
    const { run } = app;
    if (!run || app.axis.values.length < 2) return [];
    const flips = new Map([...flipsOf(app, run.probes)].map(([at, texts]) => [at, texts.length]));
    const [accuracy, changed] = [this.#accuracy(run), this.#changed(run)];
    if (!accuracy || !changed) return null;
    /** @type {Lane[]} */
    const all = [
      { name: 'accuracy of the validation', kind: 'right', values: accuracy, most: 1, tell: (value) => `right ${Number.isNaN(value) ? '–' : percent(value)}` },
      { name: 'probes whose prediction flipped', kind: 'flips', values: flips, most: Math.max(...flips.values(), 1), tell: (value) => `${value} ${value === 1 ? 'flip' : 'flips'}` },
      { name: 'how much maps changed: 1 less their rank correlation with the drawing before, mean of all methods', kind: 'changed', values: changed, most: Math.max(...changed.values(), 0.1), tell: (value) => `maps changed ${Number.isNaN(value) ? '–' : value.toFixed(2)}` },
    ];
    return all.filter(({ values }) => values.size > 0);
  }

  /** Of the first loader whose counts are logged, or as the project logs it itself. @param {import('./model.js').Run} run @returns {Map<number, number> | null} */
  #accuracy(run) {
    const { app } = this;
    const metric = accuracyOf(run);
    if (!metric) return new Map();
    const points = app.series.get(metric.kind, run.name, metric.tag);
    if (!points) return null;
    const values = points.map((point) => /** @type {[number, number]} */ ([app.axis.of(run, point[0]), valueOf(metric.kind, point)]));
    return new Map(values.filter(([, value]) => Number.isFinite(value)));
  }

  /** @param {import('./model.js').Run} run @returns {Map<number, number> | null} */
  #changed(run) {
    const { app } = this;
    const tags = run.answer.scalars.filter((tag) => /^explanations\/.*\/rank_previous$/.test(tag));
    const series = tags.map((tag) => app.series.get('scalars', run.name, tag));
    if (series.includes(undefined)) return null;
    /** @type {Map<number, number[]>} */
    const found = new Map();
    for (const [step, value] of series.flatMap((points) => points ?? [])) {
      const at = app.axis.of(run, step);
      if (typeof value === 'number') found.set(at, [...(found.get(at) ?? []), Math.max(1 - value, 0)]);
    }
    return new Map([...found].sort(([a], [b]) => a - b).map(([at, values]) => [at, values.reduce((a, b) => a + b, 0) / values.length]));
  }

  /** @param {Lane[]} lanes */
  #draw(lanes) {
    const height = Math.max(LANE * lanes.length, 1);
    for (const [name, value] of Object.entries({ viewBox: `0 0 ${WIDE} ${height}`, height })) this.node.setAttribute(name, String(value));
    this.cursor.setAttribute('y2', String(height));
    this.node.setAttribute('aria-label', `${lanes.map(({ name }) => name).join('; ')}; n and p go to the next flip and the one before`);
    const parts = lanes.map((lane, i) => svg('g', { transform: `translate(0 ${i * LANE})`, class: lane.kind }, svg('title', {}, lane.name), svg('rect', { width: WIDE, height: LANE, class: 'lane' }), ...this.#curve(lane)));
    this.node.replaceChildren(...parts, this.cursor);
  }

  /** @param {Lane} lane @returns {SVGElement[]} */
  #curve(lane) {
    const { app } = this;
    const up = (/** @type {number} */ value) => LANE - 1 - (value / lane.most) * (LANE - 3);
    if (lane.kind !== 'flips') {
      const points = [...lane.values].map(([at, value]) => `${this.#place(at).toFixed(1)},${up(value).toFixed(1)}`);
      return [svg('polyline', { points: points.join(' '), class: 'line' })];
    }
    const told = flipsOf(app, app.run?.probes ?? []);
    const width = Math.min(Math.max((WIDE / app.axis.values.length) * 0.5, 3), 40);
    return [...lane.values].map(([at, value]) => svg('rect', { x: Math.min(Math.max(this.#place(at) - width / 2, 0), WIDE - width), y: up(value), width, height: LANE - 1 - up(value), class: 'bar' }, svg('title', {}, `${app.axis.name(at)}: ${distinct(told.get(at) ?? []).join(', ')}`)));
  }

  /** Where a moment lies, as on the slider: evenly, whatever lies between. @param {number} moment */
  #place(moment) {
    const { values } = this.app.axis;
    return (WIDE * values.indexOf(moment)) / Math.max(values.length - 1, 1);
  }

  /** To the moment of a click, or to the highest flips beside it. @param {PointerEvent} event */
  #go(event) {
    const { values } = this.app.axis;
    const box = this.node.getBoundingClientRect();
    const [x, step] = [event.clientX - box.left, box.width / Math.max(values.length - 1, 1)];
    const flips = this.#lanes.find(({ kind }) => kind === 'flips')?.values ?? new Map();
    const here = values.filter((_, i) => Math.abs(i * step - x) <= Math.max(NEAR, step / 2));
    const peak = here.reduce((best, one) => ((flips.get(one) ?? 0) > (flips.get(best) ?? 0) ? one : best), values[Math.min(Math.max(Math.round(x / step), 0), values.length - 1)]);
    this.app.goTo(peak);
  }
}
