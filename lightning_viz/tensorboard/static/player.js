// Moves the slider by itself, as fast as the pictures come.

const WHOLE = 15000; // ms for a run
const FASTEST = 60;
const SLOWEST = 400;

export class Player {
  #timer = 0;

  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
  }

  get playing() {
    return this.#timer !== 0;
  }

  toggle() {
    if (this.playing) this.stop();
    else {
      const { length } = this.app.axis.values;
      this.#timer = setInterval(() => this.#step(), Math.min(Math.max(WHOLE / length, FASTEST), SLOWEST));
      this.#step();
    }
    this.app.toolbar.show();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.app.toolbar.show();
  }

  /** From the end to the beginning; at the end it stops, and follows what comes. */
  #step() {
    if (!this.app.watch.complete) return;
    const { axis, moment } = this.app;
    const next = moment === axis.last ? axis.first : axis.beyond(moment, 1);
    this.app.set({ at: next === axis.last ? null : next });
    if (next === axis.last) this.stop();
  }
}
