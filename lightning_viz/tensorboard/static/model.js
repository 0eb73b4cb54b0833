// Runs in the order in which they are shown, and the axis that the slider moves along.

/** @typedef {import('./source.js').RunAnswer} RunAnswer */

export const PROBE = /^probe_\d+_/; // what the tags of a probe's pictures begin with
const BEFORE = -1;

/** One run: its probes, its methods, and when each of its steps was. */
export class Run {
  /** @param {string} name @param {RunAnswer} answer */
  constructor(name, answer) {
    this.name = name;
    this.answer = answer;
    this.manifest = answer.manifest;
    this.problem = answer.problem;
    /** @type {Map<number, number>} */
    this.epochs = new Map(answer.epochs);
    this.order = new Map(Object.keys(this.manifest?.pictures ?? {}).map((tag, i) => [tag, i]));
    this.tags = Object.keys(answer.images).filter((tag) => !this.isFilm(tag)).sort((a, b) => this.#rank(a) - this.#rank(b) || natural(a, b));
    this.probes = distinct(this.tags.filter((tag) => PROBE.test(tag)).map((tag) => tag.split('/')[0])).sort(natural);
    this.methods = distinct(this.tags.filter((tag) => PROBE.test(tag)).map(methodOf));
    this.measured = distinct(answer.scalars.filter((tag) => tag.startsWith('explanations/')).map((tag) => tag.split('/')[1]));
  }

  /** @param {string} tag */
  has(tag) {
    return tag in this.answer.images;
  }

  /** Whether a tag is a film of all epochs rather than one epoch's picture. @param {string} tag */
  isFilm(tag) {
    const last = tag.slice(tag.lastIndexOf('/') + 1);
    return this.manifest?.pictures[tag]?.film ?? (last === 'filmstrip' || last.startsWith('film_'));
  }

  /** How many rows at the lower end of a picture are its caption. @param {string} tag */
  caption(tag) {
    return this.manifest?.pictures[tag]?.caption ?? 0;
  }

  /** How the page colours the maps of a picture; not at all where it is `undefined`. @param {string} tag */
  colours(tag) {
    return tag in this.answer.maps ? this.manifest?.pictures[tag]?.colours : undefined;
  }

  /** Whether what speaks against is striped too, as in the picture. @param {string} tag */
  isStriped(tag) {
    return this.manifest?.pictures[tag]?.striped ?? false;
  }

  /** Into how many slices the maps of a picture are cut; 1 where they are flat. @param {string} tag */
  slices(tag) {
    return this.manifest?.pictures[tag]?.slices ?? 1;
  }

  /** The channels of a picture that is a wall of them. @param {string} tag @returns {import('./walls.js').Wall | null} */
  wall(tag) {
    const { channels, columns } = this.manifest?.pictures[tag] ?? {};
    return channels && columns ? { channels, columns } : null;
  }

  /** What the maps of a picture are measured in. @param {string} tag */
  unit(tag) {
    return this.manifest?.pictures[tag]?.unit ?? '';
  }

  /** What the counts of a loader are of. @param {string} loader @returns {import('./source.js').Counted} */
  counted(loader) {
    return this.manifest?.pictures[`confusion/${loader}`]?.counted ?? 'images';
  }

  /** The class that stands for none in the counts of a loader, which boxes have behind the last one; -1 where there is no such class. @param {string} loader */
  nothing(loader) {
    return this.counted(loader) === 'boxes' ? this.manifest?.classes.length ?? -1 : -1;
  }

  /** Loaders of which it is counted how many are right of all: some boxes are right, missed or false. */
  get rated() {
    return (this.answer.counts ?? []).filter((loader) => this.counted(loader) !== 'boxes');
  }

  /** The name of a class by its number, or by the tag of its scalars. @param {number | string} which */
  className(which) {
    const { classes = [], class_tags: tags = [] } = this.manifest ?? {};
    const k = typeof which === 'string' ? tags.indexOf(which) : which;
    return classes[k] ?? (typeof which === 'string' ? which.replaceAll('_', ' ') : `class ${which}`);
  }

  /** The tag of a probe's true class. @param {string} probe */
  label(probe) {
    const known = this.manifest?.probes[probe];
    return known && !known.open ? this.manifest?.class_tags[known.label] ?? '' : probe.replace(PROBE, '');
  }

  /** The epoch of a step: that of the last one before it, where it has none of its own. @param {number} step */
  epochOf(step) {
    const known = this.epochs.get(step);
    if (known !== undefined) return known;
    const earlier = [...this.epochs.keys()].filter((other) => other <= step);
    return earlier.length ? this.epochs.get(Math.max(...earlier)) ?? BEFORE : BEFORE;
  }

  /** @param {string} tag */
  #rank(tag) {
    return methodOf(tag) === 'input' ? -1 : this.order.get(tag) ?? Infinity;
  }
}

/** The moments that the slider goes through: epochs, or steps. */
export class Axis {
  /** @param {'epoch' | 'step'} kind @param {Run[]} runs */
  constructor(kind, runs) {
    this.kind = runs.some((run) => run.epochs.size) ? kind : 'step';
    const all = runs.flatMap((run) => moments(run, this.kind));
    this.values = [...new Set(all)].sort((a, b) => a - b);
    this.last = this.values[this.values.length - 1] ?? 0;
    this.first = this.values[0] ?? 0;
  }

  /** Where a step of a run lies. @param {Run} run @param {number} step */
  of(run, step) {
    return this.kind === 'step' ? step : run.epochOf(step);
  }

  /** The moment nearest to a value. @param {number} value */
  nearest(value) {
    return this.values.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best), this.first);
  }

  /** The moment some moments on. @param {number} value @param {number} by */
  beyond(value, by) {
    const i = this.values.indexOf(this.nearest(value)) + by;
    return this.values[Math.min(Math.max(i, 0), this.values.length - 1)] ?? 0;
  }

  /** A moment with how many there are. @param {number} value */
  place(value) {
    if (value === this.last) return this.name(value);
    return value === BEFORE ? `untrained, before ${this.name(this.beyond(value, 1))} of ${this.last}` : `${this.name(value)} of ${this.last}`;
  }

  /** @param {number} value */
  name(value) {
    return value === BEFORE ? 'untrained' : `${this.kind} ${value}`;
  }
}

/** Whether pictures were drawn several times an epoch, so that steps tell more than epochs. @param {Run} run */
export function drawsWithinEpochs(run) {
  return moments(run, 'step').length > 2.5 * Math.max(moments(run, 'epoch').length, 1);
}

/** @param {Run} run @param {'epoch' | 'step'} kind */
function moments(run, kind) {
  const last = Object.values(run.answer.images);
  const steps = run.epochs.size ? [...run.epochs.keys()] : last;
  return [...new Set(kind === 'step' ? steps : [...run.epochs.values()])];
}

/** @param {string} tag */
export const methodOf = (tag) => tag.split('/').slice(1).join('/');

/** A method's tag as a title: what it is, and of which layer. @param {string} method */
export const title = (method) => method.replaceAll('__', '.').replaceAll('_', ' ');

/** @param {string} a @param {string} b */
export const natural = (a, b) => a.localeCompare(b, 'en', { numeric: true });

/** @param {string[]} items */
export const distinct = (items) => [...new Set(items)];

/** A probability as captions tell it. @param {number} share */
export const percent = (share) => (share >= 0.01 ? `${Math.round(100 * share)}\u00a0%` : `${(100 * share).toPrecision(1)}\u00a0%`);
