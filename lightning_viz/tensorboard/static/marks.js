// What is known of places, drawn over a picture: outlines of areas that are true or predicted, or where the evidence lies,
// and boxes that tell of themselves.

import { bdi, el, isolated, svg } from './dom.js';
import { PROBE, percent } from './model.js';
import { mask } from './originals.js';
import { maskOf, outline } from './outlines.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./app.js').Moment} Moment */
/** @typedef {import('./outlines.js').Places} Places */
/** @typedef {import('./outlines.js').Box} Box */

/** @type {[value: string, text: string][]} */
const MARKS = [['both', 'true and predicted'], ['true', 'true alone'], ['predicted', 'predicted alone'], ['none', 'no outlines']];
/** @type {typeof MARKS} */
const OF_MASKS = [['both', 'masks'], ['none', 'no outlines']];

/** Whether the data set of a run knows where the evidence of its probes lies. @param {Moment['run']} run */
export const hasMasks = (run) => Object.values(run.manifest?.probes ?? {}).some(({ masked }) => masked);

/** Which outlines and boxes there are to choose from: none where none are known. @param {Moment['run'][]} runs */
export function marksOf(runs) {
  if (runs.some((run) => run.answer.places?.length)) return MARKS;
  return runs.some(hasMasks) ? OF_MASKS : [];
}

/** Whether something is known of the places of a probe. @param {Moment['run']} run @param {string} tag Of any of its pictures. */
export const hasPlaces = (run, tag) => PROBE.test(tag) && (run.answer.places ?? []).includes(tag.split('/')[0]);

/** The key of what is known at a moment; masks stay. @param {App} app @param {string} tag @param {Moment} moment @returns {string | undefined} */
export const placesAt = (app, tag, moment) => (hasPlaces(moment.run, tag) ? app.point('places', tag.split('/')[0], moment)?.[1] : mask(app, moment.run, tag));

export class Marks {
  #drawn = '';

  /** @param {App} app @param {boolean} large Then boxes can be reached by the keyboard. */
  constructor(app, large) {
    this.app = app;
    this.large = large;
    this.drawing = svg('svg', { class: 'marks', preserveAspectRatio: 'none' });
    this.tip = el('span', { className: 'tip', role: 'status', hidden: true });
    this.key = el('span', { className: 'classes' });
    this.node = el('span', { className: 'over' }, this.drawing, this.key, this.tip);
  }

  /** @param {Moment} moment @param {string} tag @param {number} k The slice. */
  show(moment, tag, k) {
    const { app } = this;
    const key = app.state.marks === 'none' ? undefined : placesAt(app, tag, moment);
    const places = key && app.pictures.places(key);
    const drawn = places ? JSON.stringify([key, app.state.marks, k]) : '';
    if ((key && !places && !app.pictures.isGone(key)) || drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.tip.hidden = true;
    this.drawing.replaceChildren();
    this.key.replaceChildren();
    if (!places) return;
    this.key.title = classesOf(places).map((one) => nameOf(one, moment.run)).join(', ');
    this.key.append(...classesOf(places).map((one) => el('span', {}, el('i', { style: `background:${ink(one.colour)}` }), bdi(nameOf(one, moment.run)))));
    const [, height, width] = places.size;
    this.drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.drawing.append(...this.#areas(places, k), ...masksOf(places, k), ...this.#boxes(places).map((box) => this.#box(box, moment)));
  }

  /** @param {boolean} isTrue */
  #isShown(isTrue) {
    return this.app.state.marks === 'both' || this.app.state.marks === (isTrue ? 'true' : 'predicted');
  }

  /** The first one last, so that it lies on top: the ground, which shares its edges with all, comes behind. @param {Places} places @param {number} k */
  #areas({ areas = [], size: [, height, width] }, k) {
    return areas.toReversed().flatMap((area) =>
      /** @type {const} */ (['true', 'predicted']).filter((side) => this.#isShown(side === 'true')).map((side) => {
        return line(side, area.colour, outline(maskOf(area[side], k * height * width, height * width), width));
      }),
    );
  }

  /** The largest first, so that none lies behind another that is larger. @param {Places} places */
  #boxes({ boxes = [] }) {
    return boxes.filter((box) => this.#isShown(box.true)).sort((a, b) => areaOf(b) - areaOf(a));
  }

  /** @param {Box} box @param {Moment} moment */
  #box(box, moment) {
    const [x, y, right, bottom] = box.edges;
    const place = { x, y, width: Math.max(right - x, 0), height: Math.max(bottom - y, 0) };
    const told = tell(box, moment.run.className(box.class));
    /** @type {Record<string, string | number>} */
    const about = this.large ? { tabindex: 0, role: 'img', 'aria-label': told } : {};
    const line = svg('rect', { ...place, style: `stroke:${ink(box.colour)}` });
    const node = svg('g', { class: `box ${box.true ? 'true' : 'predicted'} ${box.what}`, ...about }, svg('rect', { ...place, class: 'seam' }), line);
    const say = (/** @type {string} */ text) => Object.assign(this.tip, { textContent: text, hidden: !text });
    for (const come of ['pointerenter', 'focus']) node.addEventListener(come, () => say(told));
    for (const go of ['pointerleave', 'blur']) node.addEventListener(go, () => say(''));
    return node;
  }
}

/** @param {Box} box @param {string} name */
function tell({ true: isTrue, what, score = 0, iou = 0 }, name) {
  if (isTrue) return `true: ${isolated(name)}, ${what}`;
  return `predicted: ${isolated(name)} ${percent(score)}, ${what}, IoU ${iou.toFixed(2)}`;
}

/** One thing of each class. @param {Places} places */
function classesOf({ areas = [], boxes = [], masks = [] }) {
  return [...new Map([...areas, ...boxes, ...masks].map((one) => [one.class, one])).values()];
}

/** @param {{ class?: number }} one @param {Moment['run']} run */
const nameOf = (one, run) => (one.class === undefined ? 'mask' : run.className(one.class));

/** Outlines of where the evidence lies. @param {Places} places @param {number} k The slice. */
function masksOf({ masks = [], size: [, height, width] }, k) {
  return masks.map(({ inside, colour }) => line('mask', colour, outline(maskOf(inside, k * height * width, height * width), width)));
}

/** @param {string} name @param {number[]} colour @param {string} d */
const line = (name, colour, d) => svg('g', { class: name }, svg('path', { d, class: 'seam' }), svg('path', { d, style: `stroke:${ink(colour)}` }));

/** @param {Box} box */
const areaOf = ({ edges: [left, top, right, bottom] }) => (right - left) * (bottom - top);

/** @param {number[]} colour */
const ink = (colour) => `rgb(${colour.map(Number).join(' ')})`;
