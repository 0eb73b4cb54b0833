// What the tab shows, as it stands in the address.

/**
 * @typedef {'probes' | 'filters' | 'confusion' | 'measures' | 'other' | 'findings'} View
 * @typedef {{
 *   run: string, view: View, axis: 'epoch' | 'step' | '', at: number | null,
 *   against: string, base: number | null, how: 'side' | 'difference',
 *   columns: string[] | null, rows: 'all' | 'wrong' | 'flipped', text: string, measure: string,
 *   size: 's' | 'm' | 'l', scale: 'run' | 'own', captions: boolean, zoom: string,
 *   numbers: 'counts' | 'shares', pair: string, sort: '' | 'change' | 'unsure' | 'flips' | 'loss',
 *   more: string[] | null, slice: number | null, marks: 'both' | 'true' | 'predicted' | 'none', chart: string, range: 'own' | 'common',
 * }} State
 *
 * `at` is a moment of the axis, null the last one, whatever comes. `against` is what is compared with: nothing, `epoch`
 * (then `base` says which), or `run:<name>`, and then `more` runs. `columns` are the methods in their order, null all of them. `scale` is what
 * full colour of a map stands for: the largest value of the whole run, or its own. `pair` is the cell of a confusion matrix
 * whose images are shown: loader, true and predicted class. `slice` is that of volumes, null what each map has most in;
 * `marks` which outlines and boxes are drawn, of masks any or none. `chart` is what is large among the measures: a scalar, or the probabilities of a
 * probe; `range` that of the values in charts: their own, or one for all methods, which holds all that a bounded measure can be.
 */

/** @type {State} */
export const DEFAULTS = {
  run: '', view: 'probes', axis: '', at: null, against: '', base: null, how: 'side',
  columns: null, rows: 'all', text: '', measure: 'rank_previous', size: 'm', scale: 'run', captions: false, zoom: '',
  numbers: 'counts', pair: '', sort: '', more: null, slice: null, marks: 'both', chart: '', range: 'own',
};

const LISTS = ['columns', 'more'];
const NUMBERS = ['at', 'base', 'slice'];
/** @type {Record<string, string[]>} */
const CHOICES = {
  view: ['probes', 'filters', 'confusion', 'measures', 'other', 'findings'],
  axis: ['', 'epoch', 'step'],
  how: ['side', 'difference'],
  rows: ['all', 'wrong', 'flipped'],
  size: ['s', 'm', 'l'],
  scale: ['run', 'own'],
  numbers: ['counts', 'shares'],
  marks: ['both', 'true', 'predicted', 'none'],
  range: ['own', 'common'],
  sort: ['', 'change', 'unsure', 'flips', 'loss'],
};

/**
 * The state that an address tells; whatever it says that makes no sense is as if it were not said.
 *
 * @param {Record<string, string | undefined>} address A name without a value has none.
 * @returns {State}
 */
export function fromAddress(address) {
  /** @type {Record<string, unknown>} */
  const state = { ...DEFAULTS };
  for (const [name, text] of Object.entries(address)) {
    if (text === undefined || !Object.hasOwn(DEFAULTS, name) || (CHOICES[name] && !CHOICES[name].includes(text))) continue;
    if (NUMBERS.includes(name)) state[name] = text !== '' && Number.isFinite(Number(text)) ? Number(text) : null;
    else if (LISTS.includes(name)) state[name] = text === '' ? [] : text.split(',').map(unescape);
    else state[name] = name === 'captions' ? text === 'true' : text;
  }
  return /** @type {State} */ (/** @type {unknown} */ (state));
}

/**
 * What of a state differs from the defaults, for the address.
 *
 * @param {State} state
 * @returns {Record<string, string>}
 */
export function toAddress(state) {
  const chosen = Object.entries(state).filter(([name, value]) => value !== Reflect.get(DEFAULTS, name) && value !== null);
  return Object.fromEntries(chosen.map(([name, value]) => [name, Array.isArray(value) ? value.map(escape).join(',') : String(value)]));
}

/** @param {string} name */
const escape = (name) => name.replaceAll('%', '%25').replaceAll(',', '%2C');

/** @param {string} name */
const unescape = (name) => name.replaceAll('%2C', ',').replaceAll('%25', '%');
