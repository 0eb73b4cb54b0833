// One picture large, with its film: the same picture in every epoch.

import { Cell } from './cell.js';
import { bdi, el } from './dom.js';
import { filmOf } from './film.js';
import { methodOf, title } from './model.js';
import { holderOf, rankOf } from './ranks.js';
import { snapshot } from './snapshot.js';
import { zip } from './zip.js';

export class Zoom {
  #built = '';
  /** @type {{ cell: Cell, frames: import('./film.js').Frame[] } | null} */
  #shown = null;

  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    this.strip = el('div', { className: 'film' });
    this.node = el('dialog', { id: 'zoom', 'aria-label': 'one picture', onclose: () => app.state.zoom && app.set({ zoom: '' }) });
    this.node.onclick = ({ target }) => target === this.node && this.node.close();
  }

  /** Opens, changes or closes, as the state says. */
  build() {
    const { zoom } = this.app.state;
    const there = this.app.shown.some((run) => run.has(zoom));
    const parts = JSON.stringify([zoom, there && this.app.axis.values, this.app.shown.map((run) => run.name)]);
    if (parts === this.#built) return;
    this.#built = parts;
    const focus = this.node.contains(document.activeElement) ? document.activeElement?.id : '';
    for (const part of this.#shown ? [this.#shown.cell, ...this.#shown.frames] : []) this.app.watch.remove(part);
    this.#shown = null;
    if (!there) {
      if (this.node.open) this.app.player.stop();
      this.node.close();
      return;
    }
    this.#fill(zoom);
    if (!this.node.open) this.node.showModal();
    if (focus) document.getElementById(focus)?.focus(); // a new epoch must not take it away
  }

  /** Says what is shown, and marks its place in the film. */
  show() {
    if (!this.#shown) return;
    const { app } = this;
    const { frames } = this.#shown;
    const now = frames.findLast((frame) => frame.at <= app.moment) ?? frames[0];
    for (const frame of frames) frame.mark(frame === now);
    const pictures = app.run && app.series.get('images', app.run.name, app.state.zoom);
    const none = pictures?.length === 0;
    const zipped = /** @type {HTMLButtonElement} */ (this.node.querySelector('#zoom-zip'));
    Object.assign(zipped, { disabled: none, title: none ? 'this exported page paints its maps, and has no pictures of them' : 'the pictures of the log, as they were drawn in training' });
    this.node.querySelector('h2')?.replaceChildren(...this.#name(app.state.zoom), ` · ${this.#when(app.between, ', ')}`);
  }

  /** What is shown, of runs with the moment. @param {string} between @param {string} then */
  #when(between, then) {
    const { app } = this;
    const names = app.moments().map((moment) => moment.name).join(between);
    return app.other ? `${names}${then}${app.axis.name(app.moment)}` : names;
  }

  /** @param {string} tag */
  #name(tag) {
    const [first] = tag.split('/');
    const { app } = this;
    const { run } = app;
    const rank = rankOf(tag);
    const holder = rank && !app.compares ? holderOf(app, tag, app.moments()[0]) : '';
    if (rank) return [`${first} · ${rank.loader} · ${rank.name}${holder && `: ${holder}`}`];
    const probe = run?.probes.includes(first) ? [bdi(run.className(run.label(first))), ': '] : [title(first), ' '];
    return [...probe, title(methodOf(tag))];
  }

  /** @param {string} tag */
  #fill(tag) {
    const { app } = this;
    const cell = new Cell(app, tag);
    const frames = filmOf(app, tag);
    this.#shown = { cell, frames };
    const buttons = [
      el('button', { id: 'zoom-play', textContent: 'Play / pause', onclick: () => app.player.toggle() }),
      el('button', { id: 'zoom-picture', textContent: 'Save picture', title: 'what is seen here, with its words', onclick: () => this.#savePicture(tag) }),
      el('button', { id: 'zoom-zip', textContent: 'Save all epochs (ZIP)', onclick: () => this.#saveAll(tag) }),
      el('button', { id: 'zoom-close', textContent: 'Close', 'aria-label': 'Close', onclick: () => this.node.close() }),
    ];
    this.strip.replaceChildren(...frames.map((frame) => frame.node));
    this.node.replaceChildren(el('div', { className: 'head' }, el('h2'), ...buttons), el('div', { className: 'stage', tabIndex: 0 }, cell.node), this.strip);
    for (const part of [cell, ...frames]) app.watch.add(part);
  }

  /** Saves what is seen, as it is seen. @param {string} tag */
  async #savePicture(tag) {
    const blob = this.#shown && (await snapshot(this.#shown.cell.node));
    if (blob) save(blob, `${fileName(`${tag}_${this.#when(' ', ' ')}`)}.${suffix(blob)}`);
  }

  /** @param {string} tag */
  async #saveAll(tag) {
    const { run } = this.app;
    if (!run) return;
    const series = await this.#points(run.name, tag);
    const blobs = await this.app.source.blobs(series.map(([, key]) => key));
    /** @type {[string, Uint8Array<ArrayBuffer>][]} */
    const files = [];
    for (const [step, key] of series) {
      const blob = blobs.get(key);
      if (blob) files.push([`${fileName(tag)}_epoch_${run.epochOf(step)}_step_${step}.${suffix(blob)}`, new Uint8Array(await blob.arrayBuffer())]);
    }
    save(zip(files), `${fileName(tag)}.zip`);
  }

  /** @param {string} run @param {string} tag */
  async #points(run, tag) {
    return (await this.app.source.series(run, { images: [tag] })).images?.[tag] ?? [];
  }
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** @param {string} tag */
const fileName = (tag) => tag.replace(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^\.+/, '_');

/** @param {Blob} blob */
const suffix = ({ type }) => ({ 'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp', 'image/gif': 'gif' })[type] ?? 'bin';
