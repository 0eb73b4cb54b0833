// What a validation has counted of each class by itself, or measured of each value: which have a row, and what stands in it.

import { MOST, signed } from './counts.js';
import { figure } from './curves.js';

/**
 * @typedef {number[]} Figures Of a class how often it was found, missed and predicted falsely; of a value its mean absolute error.
 * @typedef {{ name: string, members: number[], other: boolean }} Row One class or value, or all that have no row of their own.
 * @typedef {{ name: string, of: (figures: Figures) => number, show: (value: number) => string, differ: (value: number) => string }} Column NaN where there is nothing.
 */

const LONG = 1e5; // from which on numbers are shortened
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const whole = (/** @type {number} */ value) => (Math.abs(value) < LONG ? String(value) : short.format(value));

/** @param {string} name @param {number} place @returns {Column} */
const count = (name, place) => ({ name, of: (figures) => figures[place], show: whole, differ: (value) => (Math.abs(value) < LONG ? signed(value) : `${value > 0 ? '+' : '−'}${short.format(Math.abs(value))}`) });

/** @param {string} name @param {(figures: Figures) => [part: number, whole: number]} share @returns {Column} */
const share = (name, share) => ({
  name: `${name}, %`,
  of: (figures) => {
    const [part, all] = share(figures);
    return all ? (100 * part) / all : NaN;
  },
  show: (value) => String(Math.round(value)),
  differ: (value) => signed(Math.round(value)),
});

const COUNTED = [
  count('found', 0),
  count('missed', 1),
  count('false', 2),
  share('recall', ([found, missed]) => [found, found + missed]),
  share('precision', ([found, , wrong]) => [found, found + wrong]),
];

/** The columns of a table, by what is counted. @type {Record<string, Column[]>} */
export const COLUMNS = {
  labels: COUNTED,
  'label pixels': [...COUNTED, share('IoU', ([found, missed, wrong]) => [found, found + missed + wrong])],
  values: [{ name: 'mean absolute error', of: ([error]) => error, show: figure, differ: (value) => (value > 0 ? `+${figure(value)}` : figure(value).replace('-', '−')) }],
};

/**
 * The classes that get a row: all of them, or where they are too many the worst; the others are one.
 *
 * @param {Figures[]} last By which they are chosen: the same at every moment, so that nothing moves with the slider.
 * @param {string[]} names
 * @param {string} sought Only those whose names hold it.
 * @returns {Row[]} None where nothing fits.
 */
export function rowsOf(last, names, sought = '') {
  const wanted = sought.trim().toLowerCase();
  const fits = names.map((_, k) => k).filter((k) => names[k].toLowerCase().includes(wanted));
  if (!fits.length) return [];
  const wrong = (/** @type {number} */ k) => (last[k] ?? []).slice(1).reduce((sum, value) => sum + value, 0); // of values none: each has a unit of its own
  const shown = fits.length <= MOST ? fits : [...fits].sort((a, b) => wrong(b) - wrong(a)).slice(0, MOST);
  const rest = names.map((_, k) => k).filter((k) => !shown.includes(k));
  const own = shown.map((k) => ({ name: names[k], members: [k], other: false }));
  return rest.length && last[0]?.length > 1 ? [...own, { name: `${rest.length} others`, members: rest, other: true }] : own;
}

/** The figures of a row, as sums. @param {Figures[] | undefined} table @param {Row} row @returns {Figures} Not a number where there is none. */
export function figuresOf(table, { members }) {
  const found = members.map((k) => table?.[k]).filter((figures) => figures !== undefined);
  if (!found.length) return [NaN, NaN, NaN];
  return found[0].map((_, i) => found.reduce((sum, figures) => sum + (figures[i] ?? NaN), 0));
}
