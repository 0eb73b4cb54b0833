// The maps of one picture at one moment, coloured by the page: over the probe's image, on the scale that is chosen.

import { figure } from './curves.js';
import { el } from './dom.js';
import { drawMap, largestBound, largestValue, over, plain } from './maps.js';
import { Marks, placesAt } from './marks.js';
import { methodOf } from './model.js';
import { original, pictureAt, pile } from './originals.js';
import { cut, sliceName, sliceOf, slicedOf } from './slices.js';

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

/** What the page paints of a picture at a moment, the keys of its maps; none of an image of which it draws a slice, or what is true and predicted. @param {App} app @param {string} tag @param {Moment} moment @returns {{ step: number | undefined, keys: string[] } | undefined} */
export function layersAt(app, tag, moment) {
  const maps = mapsAt(app, tag, moment);
  if (maps) return { step: maps[0], keys: maps.slice(1) };
  const { run } = moment;
  if (methodOf(tag) !== 'input' || (!slicedOf(run, tag.split('/')[0]) && !placesAt(app, tag, moment))) return undefined;
  return original(app, run, tag) ? { step: undefined, keys: [] } : undefined;
}

/** The keys of what a shot shows at a moment: of what the page paints, or of the picture. @param {App} app @param {string} tag @param {Moment} moment @returns {string[]} */
export function needed(app, tag, moment) {
  const layers = layersAt(app, tag, moment);
  const keys = layers ? [...layers.keys, under(app, moment.run, tag), placesAt(app, tag, moment)] : [pictureAt(app, tag, moment).key];
  return keys.filter((key) => typeof key === 'string');
}

/** The slice that is shown of some maps, or of an image; `null` where these are flat. @param {App} app @param {Moment['run']} run @param {string} tag @param {import('./maps.js').Heat[]} maps */
export function sliceAt(app, run, tag, maps) {
  const sliced = slicedOf(run, tag.split('/')[0]);
  if (!sliced || (maps.length && run.slices(tag) !== sliced.slices)) return null;
  const k = sliceOf(sliced, app.state.slice, maps);
  return { k, count: sliced.slices, name: sliceName(sliced, k), of: (/** @type {import('./maps.js').Heat} */ map) => cut(map, sliced.slices, k) };
}

/** The key of the image below the maps of a probe: itself, of a volume its slices, or the first of its pictures, since all are alike. @param {App} app @param {Moment['run']} run @param {string} tag */
export function under(app, run, tag) {
  if (slicedOf(run, tag.split('/')[0])) return pile(app, run, tag);
  const input = `${tag.split('/')[0]}/input`;
  const own = original(app, run, tag);
  return own !== null ? own : run.has(input) ? app.series.get('images', run.name, input)?.[0]?.[1] : undefined;
}

const GRAINED = 128; // pixels on the longer side: more are wider than a cell

const FAINT = 0.1; // of full colour, up to which a map is hardly seen

export class Heats {
  #painted = '';
  scale = '';
  faint = ''; // the largest value, where that is hardly seen
  slice = ''; // which one is shown of a volume

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
   * @param {string[]} keys Of the maps; none of an image by itself.
   * @param {string} name What is seen.
   * @returns Whether all of it is here.
   */
  show(moment, keys, name) {
    const { app, tag } = this;
    const found = this.#found(moment, keys);
    if (!found) return false;
    const { maps, image, bound } = found;
    const colours = moment.run.colours(tag) ?? 'sequential';
    const slice = sliceAt(app, moment.run, tag, maps);
    const [pile, k] = slice ? [slice.count, slice.k] : [1, 0];
    const painted = JSON.stringify([keys, bound, colours, image, name, k]);
    if (painted !== this.#painted) { // an animation shows the same again and again
      this.#painted = painted;
      this.scale = keys.length ? `${colours === 'signed' ? '±' : ''}${figure(bound)}` : '';
      const largest = largestValue(maps);
      this.faint = keys.length && largest < FAINT * bound ? figure(largest) : '';
      this.slice = slice ? slice.name : '';
      this.#fill(slice ? maps.map(slice.of) : maps, { bound, colours, image, name, caption: this.#captionOf(moment), striped: moment.run.isStriped(tag), pile, slice: k });
    }
    for (const tile of this.tiles) tile.marks.show(moment, tag, k);
    return true;
  }

  /** What is painted, and full colour; `null` until all of it is here. @param {Moment} moment @param {string[]} keys */
  #found(moment, keys) {
    const { app, tag } = this;
    const maps = keys.map((key) => app.pictures.map(key)).filter((map) => map !== undefined && map !== null);
    const bounds = keys.length ? app.shown.map((run) => app.series.get('bounds', run.name, tag)) : [];
    const ground = under(app, moment.run, tag);
    const image = ground ? app.pictures.url(ground) : undefined;
    const coming = ground && !image && !app.pictures.isGone(ground);
    if (maps.length < keys.length || bounds.includes(undefined) || coming) return null;
    return { maps, image, bound: app.state.scale === 'own' ? largestValue(maps) : largestBound(bounds) };
  }

  /** @param {Moment} moment */
  #captionOf(moment) {
    return original(this.app, moment.run, this.tag) ? 0 : moment.run.caption(`${this.tag.split('/')[0]}/input`);
  }

  /** @param {import('./maps.js').Heat[]} maps @param {Look} look */
  #fill(maps, look) {
    const alone = this.both && maps.length === 1 ? [maps[0], ...maps] : maps.length ? maps : [null];
    if (this.tiles.length !== alone.length) {
      this.tiles = alone.map(() => new Tile(new Marks(this.app, this.both)));
      this.node.replaceChildren(...this.tiles.map((tile) => tile.node));
    }
    const told = maps.length ? `${look.name}; full colour at ${this.scale} ${this.#unit()}`.trim() : look.name;
    alone.forEach((map, i) => this.tiles[i].show(map, { ...look, name: told, image: this.both && alone.length > 1 && alone.length > maps.length && i === 0 ? undefined : look.image }));
  }

  #unit() {
    return this.app.run?.unit(this.tag) ?? '';
  }
}

/** @typedef {{ bound: number, colours: Colours, image: string | undefined, name: string, caption: number, striped: boolean, pile: number, slice: number }} Look Caption: rows at the lower end of the image; pile: slices in it, below each other. */

class Tile {
  /** @param {Marks} marks */
  constructor(marks) {
    this.marks = marks;
    this.image = el('img', { alt: '', draggable: false, decoding: 'sync', onload: () => this.#crop() });
    this.canvas = el('canvas', { role: 'img' });
    this.title = el('span', { className: 'title' });
    this.ground = el('span', { className: 'ground' }, this.image);
    this.node = el('span', { className: 'tile' }, this.ground, this.canvas, marks.node, this.title);
    this.caption = 0;
    this.pile = 1;
  }

  /** @param {import('./maps.js').Heat | null} map @param {Look} look */
  show(map, { bound, colours, image, name, caption, striped, pile, slice }) {
    [this.caption, this.pile] = [caption, pile];
    this.node.classList.toggle('bare', !map);
    this.ground.style.setProperty('--pile', String(pile));
    this.ground.style.setProperty('--slice', String(slice));
    this.ground.classList.toggle('whole', !caption);
    this.image.hidden = !image;
    if (image && this.image.src !== image) this.image.src = image;
    this.image.alt = map ? '' : name; // which its map has
    this.canvas.hidden = !map;
    this.title.textContent = map?.title ?? '';
    if (!map) return;
    this.node.style.setProperty('--shape', String(map.width / map.height));
    drawMap(this.canvas, map, bound, image ? over(colours) : plain(colours), striped);
    this.canvas.classList.toggle('fine', striped);
    this.canvas.setAttribute('aria-label', map.title ? `${name}: ${map.title}` : name);
  }

  /** Leaves the caption of the image out. */
  #crop() {
    const height = this.image.naturalHeight;
    this.image.classList.toggle('grained', isGrained(this.image, this.pile));
    if (this.node.classList.contains('bare')) this.node.style.setProperty('--shape', String((this.image.naturalWidth * this.pile) / height));
    if (height > this.caption) this.node.style.setProperty('--full', String(height / (height - this.caption)));
  }
}

/** Whether an image has so few pixels that each is to be seen, not blurred, where it is enlarged. @param {HTMLImageElement} image @param {number} [pile] Slices in it. */
export const isGrained = ({ naturalWidth, naturalHeight }, pile = 1) => Math.max(naturalWidth, naturalHeight / pile) <= GRAINED;
