// One picture of one moment: what was logged, or what the page paints.

import { badgeOf, colourOf, subtracts } from './comparing.js';
import { el } from './dom.js';
import { Heats, isGrained, layersAt, under } from './heat.js';
import { methodOf, title } from './model.js';
import { captionAt, pictureAt } from './originals.js';
import { Numbers } from './walls.js';

/** @typedef {import('./app.js').Moment} Moment */

const OF_SLICES = /^(slices D|frame) \d+\/\d+/; // the line of a caption that tells of those in the picture, where another may be shown
const OF_COLOURS = /\borange\b.*\bblue\b/; // the line that tells what a map's own colours are

/** One picture of one moment. */
export class Shot {
  /** @type {string | undefined} */
  key;
  caption = 0; // rows at the lower end of the picture
  stale = '';
  scale = ''; // what full colour stands for, where the page colours it
  slice = ''; // which one it is of a volume
  faint = ''; // the largest value, where it is hardly seen on that scale

  /** @param {import('./app.js').App} app @param {string} tag @param {boolean} large */
  constructor(app, tag, large) {
    this.app = app;
    this.tag = tag;
    this.large = large;
    this.image = el('img', { alt: '', decoding: 'sync', draggable: false, onload: () => this.#crop() });
    this.name = el('span', { className: 'name' });
    this.none = el('span', { className: 'none' });
    this.heats = new Heats(app, tag, large);
    this.numbers = new Numbers(large);
    this.crop = el('span', { className: 'crop' }, this.image, this.numbers.node, this.none);
    this.words = el('span', { className: 'words' });
    this.node = el('span', { className: 'shot' }, this.name, this.heats.node, this.crop, this.words);
  }

  /** @param {Moment | null} moment @param {boolean} [named] Whether it has to say which one it is, beside others. */
  show(moment, named = this.app.compares) {
    this.node.hidden = moment === null;
    if (!moment) return;
    const { app, tag } = this;
    const layers = layersAt(app, tag, moment);
    const picture = pictureAt(app, tag, moment);
    const step = layers ? layers.step : picture.step;
    const when = step === undefined ? moment.at : app.axis.of(moment.run, step);
    this.stale = when === moment.at ? '' : app.axis.name(when);
    this.#tellName(moment, named);
    this.image.alt = `${title(methodOf(tag))} of ${tag.split('/')[0].replaceAll('_', ' ')}, ${app.axis.name(when)}`;
    this.heats.node.hidden = !layers;
    this.crop.hidden = Boolean(layers);
    if (layers) this.#paint(moment, layers.keys);
    else this.#display(moment, picture);
    const words = this.#told(moment);
    if (this.words.textContent !== words.join('')) this.words.replaceChildren(...words.map((line) => el('span', { textContent: line })));
    this.node.classList.toggle('stale', this.stale !== '');
    this.node.classList.toggle('told', words.length > 0 && this.caption > 0); // then it need not be in the picture
  }

  /** @param {Moment} moment @param {boolean} named */
  #tellName(moment, named) {
    const badge = badgeOf(this.app, moment.run);
    this.name.title = moment.run.name;
    this.name.classList.toggle('badged', badge !== '');
    this.name.style.setProperty('--run', colourOf(this.app, moment.run) ?? 'var(--text)');
    this.name.replaceChildren(...(named && badge ? [el('b', { textContent: badge }), ' '] : []), named ? [moment.name, this.stale].filter(Boolean).join(' · ') : '');
  }

  /** The lines that are told of the picture, of a wall in any case: how many channels there are, and how many are dead. @param {Moment} moment */
  #told(moment) {
    return this.app.state.captions || this.large || moment.run.wall(this.tag) ? captionAt(this.app, this.tag, moment).filter((line) => !this.#isOutdated(line)) : [];
  }

  /** Whether a line tells of what is shown in another way: of another slice, or as a difference in colours of its own. @param {string} line */
  #isOutdated(line) {
    return (this.slice !== '' && OF_SLICES.test(line)) || (subtracts(this.app, this.tag) && OF_COLOURS.test(line));
  }

  /** @param {Moment} moment @param {string[]} keys */
  #paint(moment, keys) {
    this.caption = 0;
    this.key = keys[0] ?? under(this.app, moment.run, this.tag);
    this.node.classList.toggle('loading', !this.heats.show(moment, keys, this.image.alt));
    [this.scale, this.slice, this.faint] = [this.heats.scale, this.heats.slice, this.heats.faint];
  }

  /** @param {Moment} moment @param {ReturnType<typeof pictureAt>} picture */
  #display(moment, { key, own }) {
    const { pictures } = this.app;
    [this.key, this.caption, this.scale, this.slice, this.faint] = [key, own ? 0 : moment.run.caption(this.tag), '', '', ''];
    const [url, gone] = key === undefined ? [undefined, false] : [pictures.url(key), pictures.isGone(key)];
    if (url && this.image.src !== url) this.image.src = url;
    this.image.hidden = !key || gone || !this.image.src;
    this.numbers.show(this.image.hidden ? null : moment.run.wall(this.tag));
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
