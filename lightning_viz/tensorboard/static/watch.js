// What is in view: only that is drawn and fetched.

/**
 * @typedef {{ run: import('./model.js').Run, key: string, at: number }} Want A picture, and the moment it is of.
 * @typedef {{ node: Element, show: () => void, now?: () => string[], soon?: () => Want[], arrange?: () => void }} Part
 */

const MARGIN = '200px'; // around what is in view
const PATIENCE = 120; // ms without a move of the slider, before anything is fetched ahead

export class Watch {
  /** @type {Map<Element, Part>} */
  #parts = new Map();
  /** @type {Set<Part>} */
  #visible = new Set();
  #timer = 0;

  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    window.addEventListener('resize', () => app.show());
    const seen = (/** @type {IntersectionObserverEntry[]} */ entries) => this.#seen(entries);
    // A margin holds for what scrolls itself, and not for what scrolls within it.
    const within = (/** @type {Element | null} */ root) => new IntersectionObserver(seen, { root, rootMargin: MARGIN });
    this.observers = { main: within(app.main), film: within(app.zoom.strip), enlarged: within(null) };
  }

  /** Draws a part while it is in view. @param {Part} part */
  add(part) {
    this.#parts.set(part.node, part);
    const { zoom } = this.app;
    const place = zoom.strip.contains(part.node) ? 'film' : zoom.node.contains(part.node) ? 'enlarged' : 'main';
    this.observers[place].observe(part.node);
  }

  /** @param {Part} part */
  remove(part) {
    for (const observer of Object.values(this.observers)) observer.unobserve(part.node);
    this.#parts.delete(part.node);
    this.#visible.delete(part);
  }

  forget() {
    for (const part of [...this.#parts.values()]) if (!this.app.zoom.node.contains(part.node)) this.remove(part);
  }

  /** Has all parts, in view or not, take the room that they need now. */
  arrange() {
    for (const part of this.#parts.values()) part.arrange?.();
  }

  /** Shows all that is in view, and has fetched what it lacks. */
  show() {
    for (const part of this.#visible) part.show();
    const now = [...this.#visible].flatMap((part) => part.now?.() ?? []);
    this.app.pictures.want(now);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.app.pictures.want(now, this.#ahead()), PATIENCE);
  }

  /** Whether everything in view is here. */
  get complete() {
    return [...this.#visible].every((part) => (part.now?.() ?? []).every((key) => this.app.pictures.blob(key) || this.app.pictures.isGone(key)));
  }

  #ahead() {
    const { moment } = this.app;
    const wants = [...this.#visible].flatMap((part) => part.soon?.() ?? []);
    return wants.sort((a, b) => distance(a.at, moment) - distance(b.at, moment)).map(({ key }) => key);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const part = this.#parts.get(target);
      if (part && isIntersecting) this.#visible.add(part);
      else if (part) this.#visible.delete(part);
    }
    this.app.show();
  }
}

/** How far ahead a moment lies; those behind come later. @param {number} at @param {number} moment */
const distance = (at, moment) => (at >= moment ? at - moment : 2 * (moment - at));
