// What the colours of a column stand for: of maps, or of their differences.

import { el } from './dom.js';
import { drawMap, over, plain } from './maps.js';

const LEVELS = 128;

/** @param {import('./maps.js').Colours} colours @param {string} unit */
export function colourBar(colours, unit) {
  const signed = colours === 'signed';
  const [low, high] = signed ? ['against', 'for'] : ['0', 'full'];
  return bar({ low, high, unit, signed, ink: over(colours), told: signed ? 'blue against, orange for' : 'the brighter, the more' });
}

/** Of maps that are subtracted, whatever their own colours are. @param {string} unit */
export const differenceBar = (unit) => bar({ low: 'less', high: 'more', unit, signed: true, ink: plain('signed'), told: 'blue less, orange more than in what is compared with' });

/** @param {{ low: string, high: string, unit: string, signed: boolean, ink: (share: number) => number[], told: string }} how */
function bar({ low, high, unit, signed, ink, told }) {
  const values = Int8Array.from({ length: LEVELS }, (_, i) => (signed ? 2 * i - 127 : i));
  const canvas = el('canvas', { role: 'img', 'aria-label': told });
  drawMap(canvas, { width: LEVELS, height: 1, unit: 1, values, title: '' }, 127, ink);
  return el('span', { className: 'colours', title: `${unit ? `${unit}: ` : ''}what is full colour stands below each map` }, low, canvas, high, el('span', { className: 'unit', textContent: unit }));
}
