// What the network says of a probe: at the moment, and over the whole run.

import { colourOf } from './comparing.js';
import { COLOURS } from './curves.js';
import { bdi, el, isolated } from './dom.js';
import { percent } from './model.js';
import { Plot, leastMost, opening } from './plot.js';

/**
 * @typedef {import('./app.js').Moment} Moment
 * @typedef {{ name: string, probability: number | null, right: boolean | null, known: boolean }} Outcome Right is null where nothing is right or wrong.
 */

const FRAME = { width: 164, height: 64 };

export class Prediction {
  /** @param {import('./app.js').App} app @param {string} probe @param {{ width: number, height: number, large?: boolean }} [frame] */
  constructor(app, probe, frame = FRAME) {
    this.app = app;
    this.probe = probe;
    this.frame = frame;
    const { run } = app;
    const labels = run?.manifest?.probes[probe]?.labels;
    this.label = labels?.length ? labels.map((k) => run?.className(k)).join(', ') : run?.className(run.label(probe)) ?? probe;
    this.predicted = el('span');
    this.plot = new Plot(app, frame.large);
    this.key = el('span', { className: 'key' });
    const name = el('span', { className: 'label', textContent: this.label });
    this.node = el('div', { className: 'prediction' }, name, el('span', { className: 'item', textContent: aboutOf(run, probe) }), this.predicted, frame.large ? this.plot.node : opening(app, this.plot, probe, leastMost('0', '100\u00a0%')), this.key);
  }

  /** What a search for text looks through. */
  describe() {
    return `${this.probe} ${this.label} ${this.app.moments().map((moment) => this.at(moment).name).join(' ')}`;
  }

  isWrong() {
    return this.app.moments().some((moment) => this.at(moment).known && this.at(moment).right === false);
  }

  show() {
    const moments = this.app.moments();
    const said = moments.map((moment) => {
      const { name, probability, right, known } = this.at(moment);
      const share = probability === null ? '' : ` ${percent(probability)}`;
      const mark = right === null || this.#labels(moment) ? '' : `${right ? '✓' : '✗'} `;
      const parts = known ? [mark, bdi(name), share] : ['…'];
      const className = `predicted ${this.#labels(moment) ? 'several ' : ''}${known && right !== null ? (right ? 'right' : 'wrong') : ''}`;
      return el('span', { className }, ...(moments.length > 1 ? [bdi(moment.name), ': '] : []), ...parts);
    });
    this.predicted.replaceChildren(...said);
    this.#chart();
  }

  /** What the network predicts at a moment. @param {Moment} moment @returns {Outcome} */
  at(moment) {
    const point = this.app.point('predictions', this.probe, moment);
    const { run } = moment;
    const known = run.manifest?.probes[this.probe]; // without it nobody knows what is right
    if (point && known) {
      const [, index, probability] = point;
      const other = index < 0 ? null : this.#otherwise(moment, index, probability);
      if (other) return other;
      return { name: index < 0 ? 'nothing finite' : run.className(index), probability, right: index === known.label, known: true };
    }
    const best = this.#classes(run).map((tag) => ({ tag, value: this.app.point('scalars', `probability/${this.probe}/${tag}`, moment)?.[1] }));
    if (best.length < 2 || best.some(({ value }) => typeof value !== 'number')) return { name: '', probability: null, right: false, known: false };
    const { tag, value } = best.reduce((a, b) => (b.value > a.value ? b : a));
    return { name: run.className(tag), probability: value, right: tag === run.label(this.probe), known: true };
  }

  /** All true labels of the probe, where there may be several. @param {Moment} moment */
  #labels({ run }) {
    return run.manifest?.probes[this.probe]?.labels;
  }

  /** The prediction where it is no single class. @param {Moment} moment @param {number} index @param {number | null} predicted @returns {Outcome | null} */
  #otherwise(moment, index, predicted) {
    const { labels, values, open } = moment.run.manifest?.probes[this.probe] ?? {};
    if (labels) return this.#several(moment, labels);
    const name = values ? `${number(predicted)} (true ${number(values[index])})` : `${moment.run.className(index)} ${number(predicted)}`;
    return values || open ? { name, probability: null, right: null, known: true } : null;
  }

  /** Every label that is true or predicted: right, missed or false. @param {Moment} moment @param {number[]} labels @returns {Outcome} */
  #several(moment, labels) {
    const { run } = moment;
    const labelled = (run.manifest?.class_tags ?? []).map((tag, k) => {
      const value = this.app.point('scalars', `probability/${this.probe}/${tag}`, moment)?.[1];
      return { name: run.className(k), value, true: labels.includes(k) };
    });
    const shown = labelled.filter(({ value, true: is }) => is || value > 0.5);
    /** @param {{ name: string, value: any, true: boolean }} one */
    const text = ({ name, value, true: is }) => `${is && value > 0.5 ? '✓' : is ? 'missed' : '✗'} ${isolated(name)}${typeof value === 'number' ? ` ${percent(value)}` : ''}`;
    const right = shown.every(({ value, true: is }) => is === value > 0.5);
    return { name: shown.map(text).join(', ') || 'no label', probability: null, right, known: true };
  }

  /** The moments at which the prediction became another, the untrained network's guess left out. @returns {[at: number, text: string][]} */
  flips() {
    const { run, axis } = this.app;
    if (!run) return [];
    const predicted = (this.app.series.get('predictions', run.name, this.probe) ?? []).filter(([step]) => run.epochOf(step) >= 0);
    const changed = predicted.slice(1).filter(([, index], i) => index !== predicted[i][1]);
    return changed.map(([step, index]) => [axis.of(run, step), `${axis.name(axis.of(run, step))}: now ${run.className(index)}`]);
  }

  /** Whether of many classes the true one alone is logged: then its rival is seen by what is predicted. @param {import('./model.js').Run} run @param {string[]} classes */
  #isAlone(run, classes) {
    const { labels, values, open } = run.manifest?.probes[this.probe] ?? {};
    return classes.length === 1 && !labels && !values && !open && (run.manifest?.classes.length ?? 0) > 1 && run.answer.predictions.includes(this.probe);
  }

  /** Tags of the classes whose probabilities are logged. @param {import('./model.js').Run} run */
  #classes(run) {
    const stem = `probability/${this.probe}/`;
    return run.answer.scalars.filter((tag) => tag.startsWith(stem)).map((tag) => tag.slice(stem.length));
  }

  #chart() {
    const { run, series, shown } = this.app;
    if (!run) return;
    const label = run.label(this.probe);
    const classes = this.#classes(run);
    const theirs = shown.slice(1).filter((other) => this.#classes(other).includes(label));
    const scalars = [...classes.map((tag) => ({ run, tag })), ...theirs.map((of) => ({ run: of, tag: label }))];
    const predicted = series.get('predictions', run.name, this.probe);
    const seen = new Set((predicted ?? []).map(([, index]) => run.manifest?.class_tags[index]));
    const rivals = classes.filter((tag) => tag !== label && seen.has(tag));
    const rest = this.#isAlone(run, classes) ? [{ label: 'predicted, whichever class', colour: shade(0) }] : [];
    const drawing = () => ({
      ...this.frame,
      range: /** @type {[number, number]} */ ([0, 1]),
      marks: this.flips(),
      title: `Probabilities of the classes, ${this.label} bold${theirs.length ? ', in other runs dashed' : ''}; triangles mark where the prediction changed`,
      looks: [...rest, ...scalars.map(({ run: of, tag }) => ({
        label: of.className(tag),
        strong: tag === label,
        dashed: of !== run,
        colour: of !== run && theirs.length > 1 ? colourOf(this.app, of) : of === run && rivals.includes(tag) ? shade(rivals.indexOf(tag)) : undefined,
      }))],
    });
    const named = scalars.map(({ run: of, tag }) => ({ run: of, tag: `probability/${this.probe}/${tag}` }));
    const said = rest.map(() => ({ run, tag: this.probe, kind: /** @type {'predictions'} */ ('predictions') }));
    if (!this.plot.show([...said, ...named], drawing, [predicted])) return;
    const names = [...rest.map(({ label }) => label), ...rivals.slice(0, 3).map((tag) => run.className(tag))];
    const key = names.map((name, i) => el('span', {}, el('i', { style: `background:${shade(i)}` }), name));
    const triangle = el('span', {}, el('i', { className: 'flip-mark' }), 'the prediction became another');
    this.key.replaceChildren(...key, ...(this.frame.large && this.flips().length ? [triangle] : []));
  }
}

/** Which probe it is, and of which item. @param {import('./model.js').Run | null} run @param {string} probe */
function aboutOf(run, probe) {
  const item = run?.manifest?.probes[probe]?.item;
  return item === undefined ? probe.replaceAll('_', ' ') : `${probe.split('_').slice(0, 2).join(' ')} · item ${item}`;
}

/** @param {number} i */
const shade = (i) => COLOURS[i % COLOURS.length];

/** A value in a few digits. @param {number | null | undefined} value */
function number(value) {
  return typeof value === 'number' ? String(Number(value.toPrecision(3))) : '?';
}
