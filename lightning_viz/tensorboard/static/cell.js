// One picture as it is at the moment of the slider: alone, beside another, or what has changed.

import { drawDifference, largestBound } from './maps.js';
import { el } from './dom.js';
import { figure } from './curves.js';
import { Heats, isGrained, layersAt, needed, sliceAt, under } from './heat.js';
import { hasPlaces } from './marks.js';
import { methodOf, title } from './model.js';
import { captionAt, pictureAt } from './originals.js';

/** @typedef {import('./app.js').Moment} Moment */

const OF_SLICES = /^(slices D|frame) \d+\/\d+/; // the line of a caption that tells of those in the picture, where another may be shown

export class Cell {
  /**
   * @param {import('./app.js').App} app
   * @param {string} tag
   * @param {(tag: string) => void} [open] What a click does.
   */
  constructor(app, tag, open) {
    this.app = app;
    this.tag = tag;
    this.shots = [new Shot(app, tag, !open), new Shot(app, tag, !open)];
    this.shots[1].node.hidden = true; // until two moments are compared
    this.canvas = el('canvas', { role: 'img' });
    this.note = el('span', { className: 'note' });
    const frame = el('span', { className: 'shots' }, ...this.shots.map((shot) => shot.node), this.canvas);
    const name = `${title(methodOf(tag) || tag)} of ${title(tag.split('/')[0])}: enlarge`;
    this.node = open ? el('button', { className: 'cell', title: name, 'aria-label': name, onclick: () => open(tag) }, frame, this.note) : el('div', { className: 'cell' }, frame, this.note);
  }

  /** The keys of what is in view now. */
  now() {
    if (this.#subtracts()) return this.app.moments().flatMap((moment) => this.app.point('maps', this.tag, moment)?.slice(1) ?? []);
    return this.app.moments().flatMap((moment) => needed(this.app, this.tag, moment));
  }

  /** What the slider may come to. */
  soon() {
    const { app, tag } = this;
    return app.shown.flatMap((run) => {
      const kind = this.#subtracts() || run.colours(tag) !== undefined ? 'maps' : hasPlaces(run, tag) ? 'places' : 'images';
      return (app.series.get(kind, run.name, kind === 'places' ? tag.split('/')[0] : tag) ?? []).flatMap(([step, ...keys]) => keys.map((key) => ({ run, key, at: app.axis.of(run, step) })));
    });
  }

  /** As many pictures side by side as there are moments, or one of their difference. */
  arrange() {
    const [difference, maps] = [this.#differs(), this.#hasMaps()];
    this.node.classList.toggle('map', difference && maps);
    this.node.classList.toggle('blend', difference && !maps);
    this.shots[1].node.hidden = !this.app.compares;
  }

  show() {
    const moments = this.app.moments();
    const difference = this.#differs();
    this.arrange();
    this.shots.forEach((shot, i) => shot.show(moments[i] ?? null));
    if (difference && this.#hasMaps()) this.#showDifference(moments);
    else if (difference) this.note.textContent = this.shots.every((shot) => shot.key) ? 'difference of the pictures, 0 to 255' : '';
    else this.note.textContent = [moments.length === 1 ? this.shots[0].stale : '', ...this.#scales(moments.length), this.shots[0].slice].filter(Boolean).join(' · ');
  }

  #differs() {
    return this.app.compares && this.app.state.how === 'difference';
  }

  /** What full colour of each shot stands for, once where it is the same. @param {number} count */
  #scales(count) {
    const scales = [...new Set(this.shots.slice(0, count).map((shot) => shot.scale))].filter(Boolean);
    const unit = this.app.run?.unit(this.tag) ?? '';
    return this.node instanceof HTMLButtonElement ? scales : scales.map((scale) => `full colour at ${scale} ${unit}`);
  }

  #subtracts() {
    return this.#differs() && this.#hasMaps();
  }

  #hasMaps() {
    return this.app.shown.every((run) => this.tag in run.answer.maps);
  }

  /** @param {Moment[]} moments */
  #showDifference(moments) {
    const { app, tag } = this;
    const keys = moments.map((moment) => app.point('maps', tag, moment)?.[1]);
    const series = app.shown.flatMap((run) => [app.series.get('maps', run.name, tag), app.series.get('bounds', run.name, tag)]);
    const coming = keys.some((key) => key && !app.pictures.blob(key) && !app.pictures.isGone(key));
    if (coming || series.includes(undefined)) return; // until then what is shown stays
    const [before, after] = this.#cut(keys.map((key) => key && app.pictures.map(key)));
    const fit = before && after && before.width === after.width && before.height === after.height;
    this.canvas.hidden = !fit;
    if (fit) this.#paint(moments, before, after);
    else this.note.textContent = before && after ? 'maps of different sizes' : 'no map here';
  }

  /** Of volumes the slice that is shown, by the later map. @template T @param {(import('./maps.js').Heat | T)[]} maps */
  #cut(maps) {
    const { app, tag } = this;
    const known = /** @type {import('./maps.js').Heat[]} */ (maps.filter(Boolean));
    const slice = app.run && sliceAt(app, app.run, tag, known.slice(-1));
    return slice && known.length === maps.length ? known.map(slice.of) : maps;
  }

  /** @param {Moment[]} moments @param {import('./maps.js').Heat} before @param {import('./maps.js').Heat} after */
  #paint([from, to], before, after) {
    const bound = largestBound(this.app.shown.map((run) => this.app.series.get('bounds', run.name, this.tag)));
    drawDifference(this.canvas, after, before, bound);
    const scale = `±${figure(bound)}`;
    const what = `${title(methodOf(this.tag))}: orange where ${to.name} has more than ${from.name}, blue where it has less; full colour at ${scale}`;
    this.note.textContent = this.node instanceof HTMLButtonElement ? scale : what;
    this.canvas.setAttribute('aria-label', what);
    this.canvas.title = what;
  }
}

/** One picture of one moment. */
class Shot {
  /** @type {string | undefined} */
  key;
  caption = 0; // rows at the lower end of the picture
  stale = '';
  scale = ''; // what full colour stands for, where the page colours it
  slice = ''; // which one it is of a volume

  /** @param {import('./app.js').App} app @param {string} tag @param {boolean} large */
  constructor(app, tag, large) {
    this.app = app;
    this.tag = tag;
    this.large = large;
    this.image = el('img', { alt: '', decoding: 'sync', draggable: false, onload: () => this.#crop() });
    this.name = el('span', { className: 'name' });
    this.none = el('span', { className: 'none' });
    this.heats = new Heats(app, tag, large);
    this.crop = el('span', { className: 'crop' }, this.image, this.none);
    this.words = el('span', { className: 'words' });
    this.node = el('span', { className: 'shot' }, this.name, this.heats.node, this.crop, this.words);
  }

  /** @param {Moment | null} moment */
  show(moment) {
    this.node.hidden = moment === null;
    if (!moment) return;
    const { app, tag } = this;
    const layers = layersAt(app, tag, moment);
    const picture = pictureAt(app, tag, moment);
    const step = layers ? layers.step : picture.step;
    const when = step === undefined ? moment.at : app.axis.of(moment.run, step);
    this.stale = when === moment.at ? '' : app.axis.name(when);
    this.name.title = moment.run.name;
    this.name.textContent = app.compares ? [moment.name, this.stale].filter(Boolean).join(' · ') : '';
    this.image.alt = `${title(methodOf(tag))} of ${tag.split('/')[0].replaceAll('_', ' ')}, ${app.axis.name(when)}`;
    this.heats.node.hidden = !layers;
    this.crop.hidden = Boolean(layers);
    if (layers) this.#paint(moment, layers.keys);
    else this.#display(moment, picture);
    const words = app.state.captions || this.large ? captionAt(app, tag, moment).filter((line) => !this.slice || !OF_SLICES.test(line)) : [];
    if (this.words.textContent !== words.join('')) this.words.replaceChildren(...words.map((line) => el('span', { textContent: line })));
    this.node.classList.toggle('stale', this.stale !== '');
  }

  /** @param {Moment} moment @param {string[]} keys */
  #paint(moment, keys) {
    this.key = keys[0] ?? under(this.app, moment.run, this.tag);
    this.node.classList.toggle('loading', !this.heats.show(moment, keys, this.image.alt));
    [this.scale, this.slice] = [this.heats.scale, this.heats.slice];
  }

  /** @param {Moment} moment @param {ReturnType<typeof pictureAt>} picture */
  #display(moment, { key, own }) {
    const { pictures } = this.app;
    [this.key, this.caption, this.scale, this.slice] = [key, own ? 0 : moment.run.caption(this.tag), '', ''];
    const [url, gone] = key === undefined ? [undefined, false] : [pictures.url(key), pictures.isGone(key)];
    if (url && this.image.src !== url) this.image.src = url;
    this.image.hidden = !key || gone || !this.image.src;
    this.node.classList.toggle('loading', Boolean(key) && !url && !gone);
    this.none.textContent = this.#lack(moment);
  }

  /** @param {Moment} moment */
  #lack(moment) {
    if (!moment.run.has(this.tag)) return 'not in this run';
    const series = this.app.series.get('images', moment.run.name, this.tag);
    if (series === undefined) return '';
    if (!this.key) return series.length ? `from ${this.app.axis.name(this.app.axis.of(moment.run, series[0][0]))} on` : 'none kept by TensorBoard';
    return this.app.pictures.isGone(this.key) ? 'no longer kept by TensorBoard' : '';
  }

  /** Leaves the caption out, whose height is known in the picture's own pixels. */
  #crop() {
    const height = this.image.naturalHeight;
    this.image.classList.toggle('grained', isGrained(this.image));
    if (height > this.caption) this.node.style.setProperty('--full', String(height / (height - this.caption)));
  }
}
