// Small charts whose cursor follows the slider.

import { svg } from './dom.js';

/**
 * @typedef {{ points: [x: number, y: number][], colour?: string, label?: string, strong?: boolean, dashed?: boolean }} Line
 * @typedef {{ width: number, height: number, domain: [number, number], range?: [number, number], marks?: Mark[], title: string }} Frame
 * @typedef {[x: number, label: string, kind?: 'best']} Mark Of a flip, or of where a curve is best.
 */

export const COLOURS = ['#d55e00', '#009e73', '#cc79a7', '#b58900', '#8a63d2', '#56b4e9'];
const EDGE = 3;

/**
 * @param {Line[]} lines
 * @param {Frame} frame
 * @returns {{ node: SVGElement, move: (x: number) => void }} The chart, and what moves its cursor.
 */
export function chart(lines, { width, height, domain, range = extent(lines), marks = [], title }) {
  const across = scale(domain, EDGE, width - EDGE);
  const up = scale(range, height - EDGE, EDGE);
  const cursor = svg('line', { y1: 0, y2: height, class: 'cursor' });
  const node = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height, class: 'chart', role: 'img' }, svg('title', {}, [title, ...ends(lines)].join('; ')));
  for (const line of [...lines].sort((a, b) => Number(a.strong ?? false) - Number(b.strong ?? false))) node.append(...drawn(line, across, up));
  for (const [x, label] of marks) {
    const place = across(x);
    node.append(svg('path', { d: `M${place - 4},0 h8 l-4,6 z`, class: 'flip' }, svg('title', {}, label)));
  }
  node.append(cursor);
  const move = (/** @type {number} */ x) => {
    cursor.setAttribute('x1', String(across(x)));
    cursor.setAttribute('x2', String(across(x)));
  };
  return { node, move };
}

/** @param {Line} line @param {(x: number) => number} across @param {(y: number) => number} up */
function drawn({ points, colour, label, strong, dashed }, across, up) {
  const look = { class: ['line', strong && 'strong', dashed && 'dashed'].filter(Boolean).join(' '), ...(colour ? { style: `stroke:${colour}` } : {}) };
  const known = points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => [across(x), up(y)]);
  const hover = label ? [svg('title', {}, label)] : [];
  const dots = known.length < 2 ? known.map(([cx, cy]) => svg('circle', { cx, cy, r: 2, ...look, class: 'dot' }, ...hover)) : [];
  return [...dots, svg('polyline', { points: known.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' '), ...look }, ...hover)];
}

/** In words, of the line that matters: where it begins and ends, and between what it lies. @param {Line[]} lines */
function ends(lines) {
  const values = (lines.find(({ strong }) => strong)?.points ?? []).map(([, y]) => y).filter(Number.isFinite);
  const named = [['first', values[0]], ['last', values[values.length - 1]], ['lowest', Math.min(...values)], ['highest', Math.max(...values)]];
  return values.length ? [named.map(([name, value]) => `${name} ${figure(Number(value))}`).join(', ')] : [];
}

/** @param {Line[]} lines @returns {[number, number]} */
export function extent(lines) {
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite);
  return values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
}

/** @param {[number, number]} from @param {number} low @param {number} high */
function scale([least, most], low, high) {
  const span = most - least;
  return (/** @type {number} */ value) => (span ? low + ((value - least) / span) * (high - low) : (low + high) / 2);
}

/** A figure in as few signs as tell it. @param {number} value */
export function figure(value) {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size >= 100000 || size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}
