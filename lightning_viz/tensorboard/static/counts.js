// What a validation has counted, out of the cells of the log: which classes stand in the matrix, and what is in its cells.

/**
 * @typedef {[true_: number, predicted: number, count: number][]} Cells
 * @typedef {{ name: string, members: Set<number>, other: boolean }} Group A row and a column: one class, or all that have none of their own.
 * @typedef {{ count: number, of: number, right: number }} Figure How often, of how many of the true class; right ones among them.
 */

export const MOST = 40; // classes with a row of their own: more are not readable
export const NOTHING = 'nothing'; // what a box is taken for that is missed, and what was that is false

/** @param {Cells} cells @param {number} least Classes that have names. */
export const sizeOf = (cells, least) => cells.reduce((most, [t, p]) => Math.max(most, t + 1, p + 1), least);

/**
 * The classes that get a row: all of them, or where they are too many those that are mixed up most; the others are one group.
 *
 * @param {Cells} cells By which they are chosen: the same at every moment, so that nothing moves with the slider.
 * @param {string[]} names Of all classes.
 * @param {string} sought Only classes whose names hold it, and what they are taken for.
 * @param {number} first The first class that there is.
 * @returns {Group[]} None where nothing fits.
 */
export function groupsOf(cells, names, sought = '', first = 0) {
  const wanted = sought.trim().toLowerCase();
  const fits = names.map((name, k) => (name.toLowerCase().includes(wanted) ? k : -1)).filter((k) => k >= first);
  if (!fits.length) return [];
  const all = names.length - first <= MOST && !wanted;
  const shown = all ? fits : mixedUp(cells, wanted ? new Set(fits) : null, fits);
  const own = shown.map((k) => ({ name: names[k], members: new Set([k]), other: false }));
  const rest = names.flatMap((_, k) => (k < first || shown.includes(k) ? [] : [k]));
  return rest.length ? [...own, { name: `${rest.length} others`, members: new Set(rest), other: true }] : own;
}

/** Classes of the most frequent confusions first. @param {Cells} cells @param {Set<number> | null} about Of these alone. @param {number[]} fits What fills the rest. */
function mixedUp(cells, about, fits) {
  const wrong = cells.filter(([t, p]) => t !== p && (!about || about.has(t) || about.has(p))).sort((a, b) => b[2] - a[2]);
  const first = about ? [...about] : [];
  return [...new Set([...first, ...wrong.flatMap(([t, p]) => [t, p]), ...fits])].slice(0, MOST);
}

/**
 * The counts of some groups.
 *
 * @param {Cells} cells
 * @param {Group[]} groups
 * @returns {Figure[][]} By rows, the true classes.
 */
export function tableOf(cells, groups) {
  const place = new Map(groups.flatMap(({ members }, i) => [...members].map((k) => /** @type {[number, number]} */ ([k, i]))));
  const table = groups.map(() => groups.map(() => ({ count: 0, of: 0, right: 0 })));
  for (const [t, p, count] of cells) {
    const [row, column] = [place.get(t), place.get(p)];
    if (row === undefined || column === undefined) continue;
    table[row][column].count += count;
    if (t === p) table[row][column].right += count;
    for (const one of table[row]) one.of += count;
  }
  return table;
}

/** Of boxes how many are found of how many, and how many are false. @param {Cells} cells @param {number} nothing The class that stands for none. @returns {[found: number, total: number, wrong: number]} */
export function foundOf(cells, nothing) {
  const [right, total] = rightOf(cells.filter(([t]) => t !== nothing));
  return [right, total, rightOf(cells.filter(([t]) => t === nothing))[1]];
}

/** How many are right, of how many. @param {Cells} cells @returns {[right: number, total: number]} */
export function rightOf(cells) {
  return cells.reduce(([right, total], [t, p, count]) => [right + (t === p ? count : 0), total + count], [0, 0]);
}

/** @param {Figure | undefined} figure */
export const shareOf = (figure) => (figure?.of ? figure.count / figure.of : 0);

/** A number with its sign, which a difference needs. @param {number} value */
export const signed = (value) => (value > 0 ? `+${value}` : value < 0 ? `−${-value}` : '0');
