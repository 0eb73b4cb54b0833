// The maps of one picture at one moment, coloured by the page: over the probe's image, on the scale that is chosen.

import { figure } from './curves.js';
import { el } from './dom.js';
import { drawMap, largestBound, largestValue, over, plain } from './maps.js';
import { original } from './originals.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./app.js').Moment} Moment */
/** @typedef {import('./maps.js').Colours} Colours */

/** The maps that stand for a picture at a moment; none where they are kept no more, or something newer has none, as where nothing was finite. @param {App} app @param {string} tag @param {Moment} moment */
export function mapsAt(app, tag, moment) {
  if (moment.run.colours(tag) === undefined) return undefined;
  const [maps, picture] = [app.point('maps', tag, moment), app.point('images', tag, moment)];
  const here = maps?.slice(1).every((key) => !app.pictures.isGone(key));
  return here && maps && (!picture || maps[0] >= picture[0]) ? maps : undefined;
}

/** The key of the image below the maps of a probe: itself, or the first of its pictures, since all are alike. @param {App} app @param {Moment['run']} run @param {string} tag */
export function under(app, run, tag) {
  const input = `${tag.split('/')[0]}/input`;
  const own = original(app, run, tag);
  return own !== null ? own : run.has(input) ? app.series.get('images', run.name, input)?.[0]?.[1] : undefined;
}

const GRAINED = 128; // pixels on the longer side: more are wider than a cell

export class Heats {
  #painted = '';
  scale = '';

  /** @param {App} app @param {string} tag @param {boolean} [both] Also by itself, beside it. */
  constructor(app, tag, both = false) {
    this.app = app;
    this.tag = tag;
    this.both = both;
    /** @type {Tile[]} */
    this.tiles = [];
    this.node = el('span', { className: 'heats' });
  }

  /**
   * @param {Moment} moment
   * @param {string[]} keys Of the maps.
   * @param {string} name What is seen.
   * @returns Whether all of it is here.
   */
  show(moment, keys, name) {
    const { app, tag } = this;
    const maps = keys.map((key) => app.pictures.map(key)).filter((map) => map !== undefined && map !== null);
    const bounds = app.shown.map((run) => app.series.get('bounds', run.name, tag));
    const ground = under(app, moment.run, tag);
    const image = ground && app.pictures.url(ground);
    if (maps.length < keys.length || bounds.includes(undefined) || (ground && !image && !app.pictures.isGone(ground))) return false;
    const bound = app.state.scale === 'own' ? largestValue(maps) : largestBound(bounds);
    const colours = moment.run.colours(tag) ?? 'sequential';
    const painted = JSON.stringify([keys, bound, colours, image, name]);
    if (painted === this.#painted) return true; // an animation shows the same again and again
    this.#painted = painted;
    this.scale = `${colours === 'signed' ? '±' : ''}${figure(bound)}`;
    this.#fill(maps, { bound, colours, image, name, caption: this.#captionOf(moment), striped: moment.run.isStriped(tag) });
    return true;
  }

  /** @param {Moment} moment */
  #captionOf(moment) {
    return original(this.app, moment.run, this.tag) ? 0 : moment.run.caption(`${this.tag.split('/')[0]}/input`);
  }

  /** @param {import('./maps.js').Heat[]} maps @param {Look} look */
  #fill(maps, look) {
    const alone = this.both && maps.length === 1 ? [maps[0], ...maps] : maps;
    if (this.tiles.length !== alone.length) {
      this.tiles = alone.map(() => new Tile());
      this.node.replaceChildren(...this.tiles.map((tile) => tile.node));
    }
    const told = `${look.name}; full colour at ${this.scale} ${this.#unit()}`.trim();
    alone.forEach((map, i) => this.tiles[i].show(map, { ...look, name: told, image: alone.length > maps.length && i === 0 ? undefined : look.image }));
  }

  #unit() {
    return this.app.run?.unit(this.tag) ?? '';
  }
}

/** @typedef {{ bound: number, colours: Colours, image: string | undefined, name: string, caption: number, striped: boolean }} Look Caption: rows at the lower end of the image. */

class Tile {
  constructor() {
    this.image = el('img', { alt: 'the image', draggable: false, decoding: 'sync', onload: () => this.#crop() });
    this.canvas = el('canvas', { role: 'img' });
    this.title = el('span', { className: 'title' });
    this.ground = el('span', { className: 'ground' }, this.image);
    this.node = el('span', { className: 'tile' }, this.ground, this.canvas, this.title);
    this.caption = 0;
  }

  /** @param {import('./maps.js').Heat} map @param {Look} look */
  show(map, { bound, colours, image, name, caption, striped }) {
    this.caption = caption;
    this.ground.classList.toggle('whole', !caption);
    this.image.hidden = !image;
    if (image && this.image.src !== image) this.image.src = image;
    this.node.style.setProperty('--shape', String(map.width / map.height));
    this.title.textContent = map.title;
    drawMap(this.canvas, map, bound, image ? over(colours) : plain(colours), striped);
    this.canvas.classList.toggle('fine', striped);
    this.canvas.setAttribute('aria-label', map.title ? `${name}: ${map.title}` : name);
  }

  /** Leaves the caption of the image out. */
  #crop() {
    const height = this.image.naturalHeight;
    this.image.classList.toggle('grained', isGrained(this.image));
    if (height > this.caption) this.node.style.setProperty('--full', String(height / (height - this.caption)));
  }
}

/** Whether an image has so few pixels that each is to be seen, not blurred, where it is enlarged. @param {HTMLImageElement} image */
export const isGrained = ({ naturalWidth, naturalHeight }) => Math.max(naturalWidth, naturalHeight) <= GRAINED;

/** What the colours of a column stand for. @param {Colours} colours @param {string} unit */
export function colourBar(colours, unit) {
  const signed = colours === 'signed';
  const values = Int8Array.from({ length: 128 }, (_, i) => (signed ? 2 * i - 127 : i));
  const canvas = el('canvas', { role: 'img', 'aria-label': signed ? 'blue against, orange for' : 'the brighter, the more' });
  drawMap(canvas, { width: 128, height: 1, unit: 1, values, title: '' }, 127, over(colours));
  const [low, high] = signed ? ['against', 'for'] : ['0', 'full'];
  return el('span', { className: 'colours', title: `${unit}: what is full colour stands below each map` }, low, canvas, high, el('span', { className: 'unit', textContent: unit }));
}
