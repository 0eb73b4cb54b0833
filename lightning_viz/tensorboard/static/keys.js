// The keyboard: arrows, Home and End move the slider, space plays, n and p go to flips, b blinks.

import { keyList } from './keylist.js';
import { toFlip } from './story.js';

const TYPING = 'input:not([type=range]):not([type=checkbox]), select, textarea';

/** @param {import('./app.js').App} app */
export function onKeys(app) {
  const list = keyList();
  app.root.append(list);
  const blink = (/** @type {boolean} */ on) => {
    if (app.blinking === on) return;
    app.blinking = on;
    app.show();
  };
  document.addEventListener('keyup', ({ key }) => key === 'b' && blink(false));
  window.addEventListener('blur', () => blink(false)); // the key may be let go elsewhere
  document.addEventListener('keydown', (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches(TYPING)) return;
    const { axis, moment } = app;
    /** @type {Record<string, number>} */
    const places = { ArrowRight: axis.beyond(moment, 1), ArrowLeft: axis.beyond(moment, -1), Home: axis.first, End: axis.last };
    /** @type {Record<string, () => void>} */
    const others = { n: () => toFlip(app, 1), p: () => toFlip(app, -1), '?': () => list.togglePopover(), b: () => blink(true) };
    if (event.key in places && !['base', 'slice'].includes(target.id)) app.goTo(places[event.key]);
    else if (event.key in others) others[event.key]();
    else if (event.key === ' ' && !target.matches('button, a, summary, input[type=checkbox]')) app.player.toggle();
    else return;
    event.preventDefault();
  });
}
