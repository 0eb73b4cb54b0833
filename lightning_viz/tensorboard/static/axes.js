// Charts that are large enough for axes: values under the pointer, one cursor for all of them, and a click goes there.

import { figure } from './curves.js';
import { bdi, el } from './dom.js';
import uPlot from './uPlot.js';

/** @typedef {import('./curves.js').Line} Line */

const SYNC = 'lightning_viz';
const TOLD = 3; // lines of which all values are told; of more that of the nearest one
const FONT = '11px system-ui, sans-serif';

/**
 * @param {Line[]} lines
 * @param {import('./curves.js').Frame & { go: (x: number) => void, name: (x: number) => string }} frame Go: what a click does; name: of a moment.
 * @returns {{ node: HTMLElement, move: (x: number) => void }} The chart, and what moves the slider's cursor.
 */
export function axes(lines, { width, height, domain, range, marks = [], title, go, name }) {
  const node = el('span', { className: 'axes', role: 'img', 'aria-label': [title, ...marks.map(([, label]) => label)].join('; ') });
  const [tip, now] = [el('span', { className: 'tip', hidden: true }), el('i', { className: 'now' })];
  let last = domain[1]; // where the slider's cursor stands, also before there is a scale
  const flips = marks.map(([x, label, kind = 'flip']) => ({ x, node: el('i', { className: `${kind}-mark`, title: label }) }));
  const place = (/** @type {uPlot} */ chart) => {
    for (const one of [{ x: last, node: now }, ...flips]) one.node.style.left = `${chart.valToPos(one.x, 'x')}px`;
  };
  const told = (/** @type {uPlot} */ chart) => tell(chart, { lines, marks, tip, name });
  const chart = new uPlot({
    width, height,
    legend: { show: false },
    cursor: { sync: { key: SYNC }, y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: { x: { time: false, range: () => spread(domain) }, y: { range: (_, low, high) => range ?? spread([low, high]) } },
    axes: [axis(18, { values: (/** @type {uPlot} */ _, /** @type {number[]} */ splits) => splits.map((x) => (x < 0 ? '' : String(x))), incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000, 100000], space: 30 }), axis(44, { space: 22, values: (/** @type {uPlot} */ _, /** @type {number[]} */ splits) => splits.map(figure) })],
    series: [{}, ...lines.map(look)],
    hooks: { setCursor: [told], draw: [place] },
  }, aligned(lines), node);
  chart.over.append(...flips.map((flip) => flip.node), now, tip);
  chart.over.addEventListener('click', () => go(chart.posToVal(chart.cursor.left ?? 0, 'x')));
  let theme = isDark();
  const move = (/** @type {number} */ x) => {
    last = x;
    place(chart);
    if (theme === isDark()) return;
    theme = isDark();
    chart.redraw();
  };
  return { node, move };
}

/**
 * Points of all lines as columns over the same places: of several at one the last.
 *
 * @param {Line[]} lines
 * @returns {(number | null)[][]}
 */
export function aligned(lines) {
  const places = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const columns = lines.map(({ points }) => {
    const known = new Map(points.filter(([, y]) => Number.isFinite(y)));
    return places.map((x) => known.get(x) ?? null);
  });
  return [places, ...columns];
}

/** The line that lies nearest to a height, and its value, at a place of the data. @param {(number | null)[][]} data @param {number} i @param {number} height @returns {number} */
export function nearest([, ...columns], i, height) {
  const away = columns.map((column) => (typeof column[i] === 'number' ? Math.abs(column[i] - height) : Infinity));
  const least = Math.min(...away);
  return Number.isFinite(least) ? away.indexOf(least) : -1;
}

/** Says what is under the pointer, or at the same place of another chart. @param {uPlot} chart @param {{ lines: Line[], marks: import('./curves.js').Mark[], tip: HTMLElement, name: (x: number) => string }} how */
function tell(chart, { lines, marks, tip, name }) {
  const { left = -1, top = -1, idx } = chart.cursor;
  const here = chart.over.matches(':hover');
  const all = lines.length <= TOLD;
  tip.hidden = left < 0 || idx === null || idx === undefined || (!all && !here);
  if (tip.hidden || typeof idx !== 'number') return;
  const named = all ? lines.map((_, i) => i) : [nearest(chart.data, idx, chart.posToVal(top, 'y'))];
  const known = named.filter((i) => typeof chart.data[i + 1]?.[idx] === 'number');
  const word = (/** @type {number} */ i) => el('span', {}, ...(lines[i].label ? [el('i', { style: `background:${lines[i].colour ?? 'currentColor'}` }), bdi(lines[i].label ?? ''), ' '] : []), figure(/** @type {number} */ (chart.data[i + 1][idx])));
  const x = /** @type {number} */ (chart.data[0][idx]);
  const flipped = marks.filter(([at]) => at === x).map(([, label]) => el('span', { textContent: label }));
  tip.replaceChildren(el('b', { textContent: name(x) }), ...known.map(word), ...flipped);
  tip.classList.toggle('left', left > chart.over.clientWidth / 2);
}

/** @param {Line} line */
function look({ points: all, label, colour, strong, dashed }) {
  const points = { show: all.filter(([, y]) => Number.isFinite(y)).length < 2, size: 5 }; // of a single one there is no line
  return { label, stroke: () => colour ?? shade(strong ? '--text' : '--faint'), width: strong ? 2 : 1.25, dash: dashed ? [4, 3] : undefined, spanGaps: true, points };
}

/** @param {number} size @param {object} more */
const axis = (size, more) => ({ stroke: () => shade('--faint'), grid: { stroke: () => shade('--line'), width: 0.5 }, ticks: { show: false }, font: FONT, size, gap: 3, ...more });

/** @param {string} name */
const shade = (name) => window.getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const isDark = () => document.documentElement.classList.contains('dark');

/** A range that has a width. @param {[number, number]} range @returns {[number, number]} */
function spread([low, high]) {
  if (!(high >= low)) return [0, 1]; // nothing finite
  const room = high > low ? 0.05 * (high - low) : Math.abs(high) / 2 || 0.5;
  return [low - room, high + room];
}
