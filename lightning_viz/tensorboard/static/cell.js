// One picture as it is at the moment of the slider: alone, beside another, or what has changed of its maps.

import { differs, hasMaps, subtracts } from './comparing.js';
import { el } from './dom.js';
import { figure } from './curves.js';
import { drawEdges } from './edges.js';
import { needed, sliceAt } from './heat.js';
import { colourBar, differenceBar } from './legend.js';
import { drawDifference, largestBound, largestDifference } from './maps.js';
import { hasPlaces } from './marks.js';
import { methodOf, title } from './model.js';
import { isSame, original, pictureAt, pile } from './originals.js';
import { Shot } from './shot.js';

/** @typedef {import('./app.js').Moment} Moment */

const APART = 'side by side, since the log has no maps of it that could be subtracted';

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
    this.bar = el('span'); // of colours, where there is no head of a column
    /** @type {string | undefined} */
    this.told = '';
    this.edges = el('canvas', { className: 'edges' });
    this.image = el('img', { alt: '', onload: () => this.#outline() }); // of which these are
    this.slice = { k: 0, count: 1 };
    this.frame = el('span', { className: 'shots' }, this.shots[0].node, this.canvas, this.edges);
    const name = `${title(methodOf(tag) || tag)} of ${title(tag.split('/')[0])}: enlarge`;
    this.node = open ? el('button', { className: 'cell', title: name, onclick: () => open(tag) }, this.frame, this.note) : el('div', { className: 'cell' }, this.frame, this.note, this.bar);
  }

  /** What stands side by side; where differences are asked for, what stays the same is shown once, and so are maps while it blinks. @returns {Moment[]} */
  #moments() {
    const { app, tag } = this;
    const once = isSame(app.shown, tag) || (app.blinking && hasMaps(app, tag));
    return app.moments().slice(differs(app) && once ? -1 : 0);
  }

  /** The keys of what is in view now. */
  now() {
    if (subtracts(this.app, this.tag)) return [...this.app.moments().flatMap((moment) => this.app.point('maps', this.tag, moment)?.slice(1) ?? []), this.#below() ?? []].flat();
    return this.#moments().flatMap((moment) => needed(this.app, this.tag, moment));
  }

  /** What the slider may come to. */
  soon() {
    const { app, tag } = this;
    return app.shown.flatMap((run) => {
      if (pictureAt(app, tag, { run, at: app.moment, name: '' }).own) return []; // it stays
      const kind = subtracts(app, tag) || run.colours(tag) !== undefined ? 'maps' : hasPlaces(run, tag) ? 'places' : 'images';
      return (app.series.get(kind, run.name, kind === 'places' ? tag.split('/')[0] : tag) ?? []).flatMap(([step, ...keys]) => keys.map((key) => ({ run, key, at: app.axis.of(run, step) })));
    });
  }

  /** As many pictures side by side as there are moments, or one of their difference. */
  arrange() {
    const { length } = this.#moments();
    const subtracted = subtracts(this.app, this.tag);
    this.node.classList.toggle('map', subtracted);
    this.node.classList.toggle('beside', length > 1 && !subtracted);
    while (this.shots.length < length) {
      this.shots.push(new Shot(this.app, this.tag, this.large));
      this.canvas.before(this.shots[this.shots.length - 1].node);
    }
    this.shots.forEach(({ node }, i) => Object.assign(node, { hidden: i >= Math.max(length, 1) }));
  }

  show() {
    const moments = this.#moments();
    const one = moments.length === 1;
    this.arrange();
    const subtracted = subtracts(this.app, this.tag);
    this.shots.forEach((shot, i) => {
      shot.show(moments[i] ?? null, !one);
      shot.name.hidden = subtracted && Boolean(shot.words.textContent?.startsWith(moments[i]?.name)); // below a difference a caption tells its own epoch
    });
    if (this.large) this.#tellColours(subtracted ? 'difference' : this.shots[0].scale && this.app.run?.colours(this.tag));
    if (subtracted) this.#showDifference(moments);
    else this.note.textContent = [one ? this.shots[0].stale : '', ...this.#scales(moments.length), ...this.#faint(moments), this.shots[0].slice, this.large && !one && differs(this.app) ? APART : ''].filter(Boolean).join(' · ');
  }

  /** @param {'signed' | 'sequential' | 'difference' | '' | undefined} kind */
  #tellColours(kind) {
    if (kind === this.told) return;
    this.told = kind;
    this.bar.replaceChildren(...(kind ? [kind === 'difference' ? differenceBar('') : colourBar(kind, '')] : []));
  }

  /** What full colour of each shot stands for, once where it is the same. @param {number} count */
  #scales(count) {
    const scales = [...new Set(this.shots.slice(0, count).map((shot) => shot.scale))].filter(Boolean);
    const unit = this.app.run?.unit(this.tag) ?? '';
    return this.large ? scales.map((scale) => `full colour at ${scale} ${unit}`) : scales.map((scale) => `full ${scale}`);
  }

  /** How much there is of maps that are hardly seen on the scale of the run: black ones are not empty. @param {Moment[]} moments */
  #faint(moments) {
    const told = moments.map((moment, i) => [moments.length > 1 ? moment.name : 'here', this.shots[i]?.faint]);
    return told.filter(([, faint]) => faint).map(([name, faint]) => `${name} up to ${faint}`);
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
    const { app, tag } = this;
    const bound = app.state.scale === 'own' ? largestDifference(after, before) : largestBound(app.shown.map((run) => app.series.get('bounds', run.name, tag)));
    drawDifference(this.canvas, after, before, bound);
    const below = this.#below();
    const url = below && app.pictures.url(below);
    if (url && this.image.src !== url) this.image.src = url;
    else if (url && this.image.complete) this.#outline();
    const scale = `±${figure(bound)}`;
    const name = [title(methodOf(tag)), after.title].filter(Boolean).join(', ');
    const what = `${name}: orange where ${to.name} has more than ${from.name}, blue where it has less; full colour at ${scale} ${app.run?.unit(tag) ?? ''}`.trim();
    this.note.textContent = this.large ? what : [after.title, `full ${scale}`].filter(Boolean).join(': ');
    this.canvas.setAttribute('aria-label', what);
    this.canvas.title = what;
  }
}
