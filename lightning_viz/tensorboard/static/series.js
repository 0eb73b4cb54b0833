// Series of a run (which picture, map or value at which step), asked for when they come into view, many at a time.

/**
 * @typedef {import('./source.js').Source} Source
 * @typedef {import('./source.js').Kind} Kind
 * @typedef {import('./source.js').Points} Points
 * @typedef {'rights' | 'scalars' | 'predictions'} Valued
 */

/** @type {Kind[]} */
const KINDS = ['images', 'originals', 'places', 'captions', 'maps', 'scalars', 'bounds', 'predictions', 'counts', 'rights', 'tables'];

export class Series {
  /** @type {Map<string, Points>} */
  #known = new Map();
  /** @type {Map<string, Set<string>>} What is asked for, per run. */
  #wanted = new Map();
  /** @type {Set<string>} */
  #asked = new Set();

  /** @param {Source} source @param {() => void} arrived @param {(error: unknown) => void} failed */
  constructor(source, arrived, failed) {
    this.source = source;
    this.arrived = arrived;
    this.failed = failed;
  }

  /**
   * A series, or `undefined` while it is on its way; an empty one where there is none.
   *
   * @param {Kind} kind @param {string} run @param {string} tag
   */
  get(kind, run, tag) {
    const name = nameOf(kind, run, tag);
    if (!this.#asked.has(name)) {
      this.#asked.add(name);
      if (!this.#wanted.size) queueMicrotask(() => this.#ask());
      const wanted = this.#wanted.get(run) ?? new Set();
      this.#wanted.set(run, wanted.add(JSON.stringify([kind, tag])));
    }
    return this.#known.get(name);
  }

  /** Has everything asked for anew when it is next looked at; what is known stays until then. */
  outdate() {
    this.#asked.clear();
  }

  #ask() {
    for (const [run, wanted] of this.#wanted) {
      const pairs = [...wanted].map((text) => /** @type {[Kind, string]} */ (JSON.parse(text)));
      const tags = Object.fromEntries(KINDS.map((kind) => [kind, pairs.filter(([k]) => k === kind).map(([, tag]) => tag)]));
      this.source
        .series(run, tags)
        .then((answer) => {
          for (const [kind, tag] of pairs) this.#known.set(nameOf(kind, run, tag), answer[kind]?.[tag] ?? []);
          this.arrived();
        })
        .catch((error) => {
          for (const [kind, tag] of pairs) this.#asked.delete(nameOf(kind, run, tag));
          this.failed(error);
        });
    }
    this.#wanted.clear();
  }
}

/** @param {Kind} kind @param {string} run @param {string} tag */
const nameOf = (kind, run, tag) => JSON.stringify([kind, run, tag]);

/**
 * The last point at or before a moment.
 *
 * @param {Points | undefined} points
 * @param {(step: number) => number} when The moment of a step; ascending.
 * @param {number} moment
 */
export function at(points, when, moment) {
  let [low, high] = [0, points?.length ?? 0];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (when(/** @type {Points} */ (points)[middle][0]) <= moment) low = middle + 1;
    else high = middle;
  }
  return points?.[low - 1];
}

/** A value of a point of the log: of counts the share that is right, of predictions the probability. @param {Valued} kind @param {any[]} point */
export const valueOf = (kind, [, ...values]) => (kind === 'rights' ? values[0] / Math.max(values[1], 1) : values.at(-1) ?? NaN);
