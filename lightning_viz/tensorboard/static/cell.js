// One picture as it is at the moment of the slider: alone, beside another, or what has changed.

import { drawDifference, largestBound } from './maps.js';
import { el } from './dom.js';
import { figure } from './curves.js';
import { drawEdges } from './edges.js';
import { needed, sliceAt } from './heat.js';
import { hasPlaces } from './marks.js';
import { methodOf, title } from './model.js';
import { original, pile } from './originals.js';
import { Shot } from './shot.js';

/** @typedef {import('./app.js').Moment} Moment */

export class Cell {
  /**
   * @param {import('./app.js').App} app
   * @param {string} tag
   * @param {(tag: string) => void} [open] What a click does.
   */
  constructor(app, tag, open) {
    this.app = app;
    this.tag = tag;
    this.large = !open;
    this.shots = [new Shot(app, tag, this.large)];
    this.canvas = el('canvas', { role: 'img', width: 1, height: 1 }); // by itself one is twice as wide as high, also before it is drawn
    this.note = el('span', { className: 'note' });
    this.edges = el('canvas', { className: 'edges' });
    this.image = el('img', { alt: '', onload: () => this.#outline() }); // of which these are
    this.slice = { k: 0, count: 1 };
    this.frame = el('span', { className: 'shots' }, this.shots[0].node, this.canvas, this.edges);
    const name = `${title(methodOf(tag) || tag)} of ${title(tag.split('/')[0])}: enlarge`;
    this.node = open ? el('button', { className: 'cell', title: name, onclick: () => open(tag) }, this.frame, this.note) : el('div', { className: 'cell' }, this.frame, this.note);
  }

  /** What stands side by side; of an image that stays the same there is no difference, and it is shown as it is. @returns {Moment[]} */
  #moments() {
    const all = this.app.moments();
    return this.app.state.how === 'difference' && methodOf(this.tag) === 'input' ? all.slice(-1) : all;
  }

  /** The keys of what is in view now. */
  now() {
    if (this.#subtracts()) return [...this.app.moments().flatMap((moment) => this.app.point('maps', this.tag, moment)?.slice(1) ?? []), this.#below() ?? []].flat();
    return this.#moments().flatMap((moment) => needed(this.app, this.tag, moment));
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
    const { length } = this.#moments();
    while (this.shots.length < length) {
      this.shots.push(new Shot(this.app, this.tag, this.large));
      this.canvas.before(this.shots[this.shots.length - 1].node);
    }
    this.shots.forEach(({ node }, i) => Object.assign(node, { hidden: i >= Math.max(length, 1) }));
  }

  show() {
    const moments = this.#moments();
    const difference = this.#differs();
    this.arrange();
    this.shots.forEach((shot, i) => shot.show(moments[i] ?? null));
    if (difference && this.#hasMaps()) this.#showDifference(moments);
    else if (difference) this.note.textContent = this.shots.every((shot) => shot.key) ? 'difference of the pictures, 0 to 255' : '';
    else this.note.textContent = [moments.length === 1 ? this.shots[0].stale : '', ...this.#scales(moments.length), this.shots[0].slice].filter(Boolean).join(' · ');
  }

  #differs() {
    return this.#moments().length > 1 && this.app.state.how === 'difference';
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
    this.canvas.hidden = this.edges.hidden = !fit;
    if (fit) this.#paint(moments, before, after);
    else this.note.textContent = before && after ? 'maps of different sizes' : 'no map here';
  }

  /** The key of the image itself, or of its slices. */
  #below() {
    const { run } = this.app;
    return run && (run.slices(this.tag) > 1 ? pile : original)(this.app, run, this.tag);
  }

  #outline() {
    const { k, count } = this.slice;
    const height = this.image.naturalHeight / count;
    drawEdges(this.edges, this.image, { top: k * height, height });
  }

  /** Of volumes the slice that is shown, by the later map. @template T @param {(import('./maps.js').Heat | T)[]} maps */
  #cut(maps) {
    const { app, tag } = this;
    const known = /** @type {import('./maps.js').Heat[]} */ (maps.filter(Boolean));
    const slice = app.run && sliceAt(app, app.run, tag, known.slice(-1));
    this.slice = slice ?? { k: 0, count: 1 };
    return slice && known.length === maps.length ? known.map(slice.of) : maps;
  }

  /** @param {Moment[]} moments @param {import('./maps.js').Heat} before @param {import('./maps.js').Heat} after */
  #paint([from, to], before, after) {
    const bound = largestBound(this.app.shown.map((run) => this.app.series.get('bounds', run.name, this.tag)));
    drawDifference(this.canvas, after, before, bound);
    const below = this.#below();
    const url = below && this.app.pictures.url(below);
    if (url && this.image.src !== url) this.image.src = url;
    else if (url && this.image.complete) this.#outline();
    const scale = `±${figure(bound)}`;
    const what = `${title(methodOf(this.tag))}: orange where ${to.name} has more than ${from.name}, blue where it has less; full colour at ${scale}`;
    this.note.textContent = this.node instanceof HTMLButtonElement ? scale : what;
    this.canvas.setAttribute('aria-label', what);
    this.canvas.title = what;
  }
}
