// How well the network does on the validation, over the run: from what was counted, or as the project logs it.

import { colourOf } from './comparing.js';
import { figure } from './curves.js';
import { el } from './dom.js';
import { distinct } from './model.js';
import { Plot, opened } from './plot.js';
import { valueOf } from './series.js';

/** @typedef {import('./model.js').Run} Run */
/** @typedef {{ id: string, kind: 'rights' | 'scalars', tag: string, name: string, best: 'most' | 'least' }} Metric `id` is what the address calls it. */

const MOST = 6; // figures that the project logs by itself
const OURS = /^(explanations|probability|attention|recall|confusion|filters)\//;
const CHECKED = ['val', 'valid', 'validation'];
const [HIGH, LOW] = [['acc', 'accuracy', 'f1', 'iou', 'auroc', 'map', 'r2'], ['loss', 'error', 'mae', 'mse', 'rmse']];
const ACCURACY = HIGH.slice(0, 2);

/** What a run tells of its validation: what is right of each loader, and figures whose names say which way is better. @param {Run} run @returns {Metric[]} */
export function metricsOf(run) {
  const loaders = run.rated;
  const counted = loaders.map((tag) => /** @type {Metric} */ ({ id: `rights/${tag}`, kind: 'rights', tag, name: `accuracy${loaders.length > 1 ? ` of ${tag}` : ' of the validation'}`, best: 'most' }));
  const own = run.answer.scalars.filter((tag) => !OURS.test(tag) && says(tag, CHECKED) && says(tag, [...HIGH, ...LOW])).sort((a, b) => a.length - b.length);
  const news = own.filter((tag) => !counted.length || !says(tag, ACCURACY)); // which is counted already
  return [...counted, ...news.slice(0, MOST).map((tag) => /** @type {Metric} */ ({ id: tag, kind: 'scalars', tag, name: tag, best: says(tag, HIGH) ? 'most' : 'least' }))];
}

/** What the strip above the slider calls right, if that is known of a run. @param {Run} run */
export const accuracyOf = (run) => metricsOf(run).find(({ kind, tag }) => kind === 'rights' || says(tag, ACCURACY));

/** Where a metric is best, the first time. @param {[at: number, value: number][]} points @param {Metric['best']} best */
export function bestOf(points, best) {
  const finite = points.filter(([, value]) => Number.isFinite(value));
  return finite.reduce((found, point) => (!found || (best === 'most' ? point[1] > found[1] : point[1] < found[1]) ? point : found), /** @type {[at: number, value: number] | undefined} */ (undefined));
}

/** @param {string} tag @param {string[]} some */
const says = (tag, some) => tag.toLowerCase().split(/[^a-z0-9]+/).some((word) => some.includes(word));

/** One metric of the runs that are shown: a curve of each, the value at the moment, and where it is best. */
export class MetricChart {
  /** @param {import('./app.js').App} app @param {Metric} metric @param {{ width: number, height: number }} frame @param {boolean} opens Whether its name shows it large. */
  constructor(app, metric, frame, opens) {
    this.app = app;
    this.metric = metric;
    this.frame = frame;
    this.plot = new Plot(app, true);
    this.value = el('span', { className: 'value' });
    this.best = el('button', { className: 'shows best', hidden: true });
    const name = opens ? el('button', { className: 'opens', title: 'show it large', textContent: metric.name, onclick: () => opened(app, metric.id) }) : el('span', { textContent: metric.name });
    this.node = el('div', { className: 'metric', title: metric.name }, el('p', {}, name, ' ', this.value), this.plot.node, this.best);
  }

  show() {
    const { app, metric: { kind, tag, name } } = this;
    const runs = app.shown.filter((run) => (kind === 'rights' ? run.rated : run.answer.scalars).includes(tag));
    const looks = runs.map((run, i) => ({ label: runs.length > 1 ? run.name : '', strong: i === 0, colour: colourOf(app, run) }));
    this.plot.show(runs.map((run) => ({ run, tag, kind })), () => ({ ...this.frame, title: name, looks, marks: this.#best(runs[0]), large: true }));
    const told = app.moments().map((moment) => {
      const point = app.point(kind, tag, moment);
      return point ? this.#told(valueOf(kind, point)) : '–';
    });
    this.value.textContent = told.join(app.between);
  }

  /** The mark of the best moment of a run, whose button leads there. @param {Run} run @returns {import('./curves.js').Mark[]} */
  #best(run) {
    const { app, metric: { kind, tag, best } } = this;
    const points = (app.series.get(kind, run.name, tag) ?? []).map((point) => /** @type {[number, number]} */ ([app.axis.of(run, point[0]), valueOf(kind, point)]));
    const found = bestOf(points, best);
    this.best.hidden = !found;
    if (!found) return [];
    const text = `best: ${app.axis.name(found[0])}, ${this.#told(found[1])}`;
    Object.assign(this.best, { textContent: text, onclick: () => app.goTo(found[0]) });
    return [[found[0], text, 'best']];
  }

  /** @param {number} value */
  #told(value) {
    const isShare = this.metric.kind === 'rights' || says(this.metric.tag, ACCURACY);
    return isShare && value >= 0 && value <= 1 ? `${(100 * value).toFixed(1)}\u00a0%` : figure(value); // moments near the best differ by less than a percent
  }
}

/** Metrics of the runs that are shown, each once. @param {import('./app.js').App} app */
export function metricsShown(app) {
  const all = app.shown.flatMap(metricsOf);
  return distinct(all.map(({ id }) => id)).map((id) => /** @type {Metric} */ (all.find((one) => one.id === id)));
}
