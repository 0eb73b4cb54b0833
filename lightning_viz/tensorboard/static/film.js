// The film of a picture: the same one in every epoch, small, each of which leads to its moment.

import { bdi, el } from './dom.js';
import { Heats, layersAt, needed } from './heat.js';
import { pictureAt } from './originals.js';
import { holderOf, namesIn, rankOf } from './ranks.js';

const THUMBNAILS = 60; // at most, evenly among the moments

/** @param {import('./app.js').App} app @param {string} tag */
export const filmOf = (app, tag) => evenly(app.axis.values, THUMBNAILS).map((at) => new Frame(app, tag, at));

/** One moment of the film. */
export class Frame {
  /** @param {import('./app.js').App} app @param {string} tag @param {number} at */
  constructor(app, tag, at) {
    this.app = app;
    this.tag = tag;
    this.at = at;
    this.image = el('img', { alt: app.axis.name(at) });
    this.heats = new Heats(app, tag);
    this.holder = el('span', { className: 'holder' });
    this.node = el('button', { id: `frame-${at}`, className: rankOf(tag) ? 'ranked' : '', title: app.axis.name(at), onclick: () => app.goTo(at) }, this.image, this.heats.node, el('span', { textContent: at < 0 ? 'untrained' : String(at) }), this.holder);
  }

  now() {
    const moment = this.#moment();
    return moment ? needed(this.app, this.tag, moment) : [];
  }

  show() {
    const { app, tag } = this;
    const moment = this.#moment();
    if (!moment) return;
    if (rankOf(tag)) this.#tellHolder(moment);
    const layers = layersAt(app, tag, moment);
    this.image.hidden = Boolean(layers);
    this.heats.node.hidden = !layers;
    if (layers) this.heats.show(moment, layers.keys, this.image.alt);
    const key = layers ? undefined : pictureAt(app, tag, moment).key;
    const url = key && app.pictures.url(key);
    if (url && this.image.src !== url) this.image.src = url;
  }

  /** What has the rank then: it may be another pair than beside it. @param {import('./app.js').Moment} moment */
  #tellHolder(moment) {
    const holder = holderOf(this.app, this.tag, moment);
    const names = namesIn(holder);
    this.holder.replaceChildren(...names.flatMap((name, i) => [...(i ? [' → '] : []), bdi(name)]));
    this.node.title = [this.app.axis.name(this.at), holder].filter(Boolean).join(': ');
  }

  /** @param {boolean} now Whether this is the one that is shown, or the last before it. */
  mark(now) {
    this.node.tabIndex = now ? 0 : -1; // one stop of the Tab key: the arrow keys move through the film
    if (now === this.node.hasAttribute('aria-current')) return;
    if (now) {
      this.node.setAttribute('aria-current', 'true');
      this.node.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else this.node.removeAttribute('aria-current');
  }

  /** @returns {import('./app.js').Moment | null} */
  #moment() {
    const { run } = this.app;
    return run && { run, at: this.at, name: '' };
  }
}

/** @param {number[]} values @param {number} most */
function evenly(values, most) {
  if (values.length <= most) return values;
  return Array.from({ length: most }, (_, i) => values[Math.round((i * (values.length - 1)) / (most - 1))]);
}
