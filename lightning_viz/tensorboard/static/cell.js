// One picture as it is at the moment of the slider: alone, beside another, or what has changed.

import { decodeMap, drawDifference, largestBound } from './maps.js';
import { el } from './dom.js';
import { figure } from './curves.js';
import { methodOf, title } from './model.js';

/** @typedef {import('./app.js').Moment} Moment */

export class Cell {
  #turn = 0;

  /**
   * @param {import('./app.js').App} app
   * @param {string} tag
   * @param {(tag: string) => void} [open] What a click does.
   */
  constructor(app, tag, open) {
    this.app = app;
    this.tag = tag;
    this.shots = [new Shot(app, tag), new Shot(app, tag)];
    this.shots[1].node.hidden = true; // until two moments are compared
    this.canvas = el('canvas', { role: 'img' });
    this.note = el('span', { className: 'note' });
    const frame = el('span', { className: 'shots' }, ...this.shots.map((shot) => shot.node), this.canvas);
    this.node = open ? el('button', { className: 'cell', onclick: () => open(tag) }, frame, this.note) : el('div', { className: 'cell' }, frame, this.note);
  }

  /** The keys of what is in view now. */
  now() {
    return this.app.moments().flatMap((moment) => this.#kinds().map((kind) => this.app.point(kind, this.tag, moment)?.[1]).filter(Boolean));
  }

  /** What the slider may come to. */
  soon() {
    const { app, tag } = this;
    return app.shown.flatMap((run) =>
      this.#kinds().flatMap((kind) => (app.series.get(kind, run.name, tag) ?? []).map(([step, key]) => ({ run, key, at: app.axis.of(run, step) }))),
    );
  }

  show() {
    const moments = this.app.moments();
    const difference = this.#differs();
    this.node.classList.toggle('map', difference && this.#hasMaps());
    this.node.classList.toggle('blend', difference && !this.#hasMaps());
    this.shots.forEach((shot, i) => shot.show(moments[i] ?? null));
    this.#turn += 1;
    if (difference && this.#hasMaps()) this.#showDifference(moments);
    else if (difference) this.note.textContent = this.shots.every((shot) => shot.key) ? 'difference of the pictures, 0 to 255' : '';
    else this.note.textContent = moments.length === 1 ? this.shots[0].stale : '';
    if (this.node instanceof HTMLButtonElement) this.node.title = `${title(methodOf(this.tag))}: enlarge`;
  }

  #differs() {
    return this.app.compares && this.app.state.how === 'difference';
  }

  /** @returns {import('./source.js').Kind[]} */
  #kinds() {
    return this.#differs() && this.#hasMaps() ? ['maps'] : ['images'];
  }

  #hasMaps() {
    return this.app.shown.every((run) => this.tag in run.answer.maps);
  }

  /** @param {Moment[]} moments */
  async #showDifference(moments) {
    const { app, tag } = this;
    const keys = moments.map((moment) => app.point('maps', tag, moment)?.[1]);
    const series = app.shown.flatMap((run) => [app.series.get('maps', run.name, tag), app.series.get('bounds', run.name, tag)]);
    const coming = keys.some((key) => key && !app.pictures.blob(key) && !app.pictures.isGone(key));
    if (coming || series.includes(undefined)) return; // until then what is shown stays
    const turn = this.#turn;
    const [before, after] = await Promise.all(keys.map((key) => this.#map(key)));
    if (turn !== this.#turn) return; // the slider has moved on
    const fit = before && after && before.width === after.width && before.height === after.height;
    this.canvas.hidden = !fit;
    if (fit) this.#paint(moments, before, after);
    else this.note.textContent = before && after ? 'maps of different sizes' : 'no map here';
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

  /** @param {string | undefined} key */
  async #map(key) {
    const blob = key && this.app.pictures.blob(key);
    return blob ? decodeMap(await blob.arrayBuffer()) : null;
  }
}

/** One picture of one moment. */
class Shot {
  /** @type {string | undefined} */
  key;
  /** @type {import('./model.js').Run | null} */
  run = null;
  stale = '';

  /** @param {import('./app.js').App} app @param {string} tag */
  constructor(app, tag) {
    this.app = app;
    this.tag = tag;
    this.image = el('img', { alt: '', decoding: 'sync', draggable: false, onload: () => this.#crop() });
    this.name = el('span', { className: 'name' });
    this.none = el('span', { className: 'none' });
    this.node = el('span', { className: 'shot' }, this.name, el('span', { className: 'crop' }, this.image, this.none));
  }

  /** @param {Moment | null} moment */
  show(moment) {
    this.node.hidden = moment === null;
    if (!moment) return;
    const { app, tag } = this;
    const point = app.point('images', tag, moment);
    const when = point ? app.axis.of(moment.run, point[0]) : moment.at;
    this.stale = when === moment.at ? '' : app.axis.name(when);
    this.name.textContent = app.compares ? [moment.name, this.stale].filter(Boolean).join(' · ') : '';
    this.image.alt = `${title(methodOf(tag))} of ${tag.split('/')[0].replaceAll('_', ' ')}, ${app.axis.name(when)}`;
    this.#display(moment, point?.[1]);
    this.node.classList.toggle('stale', this.stale !== '');
  }

  /** @param {Moment} moment @param {string | undefined} key */
  #display(moment, key) {
    const { pictures } = this.app;
    this.key = key;
    this.run = moment.run;
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
    const caption = this.run?.caption(this.tag) ?? 0;
    if (height > caption) this.node.style.setProperty('--full', String(height / (height - caption)));
  }
}
