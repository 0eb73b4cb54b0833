// The second slider, of volumes and clips: which of their slices is shown, everywhere.

import { el } from './dom.js';
import { mostSliced, sliceName } from './slices.js';

export class SliceBar {
  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    this.slider = el('input', { type: 'range', id: 'slice', min: '0', 'aria-label': 'slice', oninput: () => app.set({ slice: this.slider.valueAsNumber }) });
    this.label = el('output', { id: 'slice-label', htmlFor: 'slice' });
    this.own = el('button', { id: 'slice-own', textContent: 'strongest', title: 'of each map the slice that has most of it', onclick: () => app.set({ slice: null }) });
    this.node = el('div', { className: 'slide slice' }, el('span', { textContent: 'slice' }), this.slider, this.label, this.own);
  }

  show() {
    const { app, slider } = this;
    const sliced = mostSliced(app.shown);
    this.node.hidden = !sliced;
    if (!sliced) return;
    const chosen = app.state.slice;
    slider.max = String(sliced.slices - 1);
    slider.valueAsNumber = chosen ?? Math.floor(sliced.slices / 2);
    this.label.textContent = chosen === null ? 'strongest of each' : sliceName(sliced, slider.valueAsNumber);
    slider.setAttribute('aria-valuetext', this.label.textContent);
    this.own.setAttribute('aria-pressed', String(chosen === null));
  }
}
