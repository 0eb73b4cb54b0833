// What surrounds the tab: TensorBoard's page with its reloads, its dark mode and its address; or nothing but a window.

import { Embedded } from './source.js';

const PREFIX = 'p.lightning_viz.';
const WRITE_AFTER = 200; // ms without a change: browsers refuse an address that changes with every move of the slider

/** The window whose address people see and copy. */
const outside = () => (Embedded.here() ? window : window.parent);

/**
 * Calls back when TensorBoard has read new data (its plugin protocol: messages over a port that we hand it).
 *
 * @param {() => void} reloaded
 */
export function onReload(reloaded) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.isReply) return;
    if (message.type === 'experimental.DataReloaded') reloaded();
    port1.postMessage(JSON.stringify({ type: message.type, id: message.id, payload: null, error: null, isReply: true }));
  };
  window.parent.postMessage('experimental.bootstrap', '*', [port2]);
}

/** Follows the dark mode of TensorBoard, or of the system where there is none. */
export function followTheme() {
  const root = document.documentElement;
  if (Embedded.here()) {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const apply = () => root.classList.toggle('dark', dark.matches);
    dark.addEventListener('change', apply);
    apply();
    return;
  }
  const body = window.parent.document.body;
  const apply = () => root.classList.toggle('dark', body.classList.contains('dark-mode'));
  new MutationObserver(apply).observe(body, { attributes: true, attributeFilter: ['class'] });
  apply();
}

/** Tells in the title of the window of so many news; of none, it is what it was. @param {number} count */
export function badge(count) {
  try {
    const { document } = outside();
    document.title = `${count ? `(${count}) ` : ''}${document.title.replace(/^\(\d+\) /, '')}`;
  } catch {
    // the window around is another site's
  }
}

/** What the address says of the tab. @returns {Record<string, string | undefined>} */
export function readAddress() {
  const parts = outside().location.hash.slice(1).split('&').filter((part) => part.startsWith(PREFIX));
  return Object.fromEntries(parts.map((part) => part.slice(PREFIX.length).split('=', 2).map(decode)));
}

/** The part of the address that tells what the tab shows; TensorBoard's own parts stay. @param {Record<string, string>} values */
function hashOf(values) {
  const others = outside().location.hash.slice(1).split('&').filter((part) => part && !part.startsWith(PREFIX));
  const own = Object.entries(values).map(([name, value]) => `${PREFIX}${name}=${encodeURIComponent(value)}`);
  return `#${[...others, ...own].join('&')}`;
}

/** The whole address of what the tab shows. @param {Record<string, string>} values */
export function addressOf(values) {
  return new URL(hashOf(values), outside().location.href).href;
}

/**
 * Writes into the address what the tab shows, so that it can be copied.
 *
 * @param {Record<string, string>} values
 * @param {boolean} [elsewhere] Whether that is another place, from which the browser's "back" leads here.
 */
export function writeAddress(values, elsewhere = false) {
  const { location, history } = outside();
  const hash = hashOf(values);
  if (location.protocol === 'about:') return; // within a notebook, whose address tells of other things
  const address = `${location.pathname}${location.search}${hash}`;
  if (hash === location.hash) return;
  if (elsewhere) history.pushState(history.state, '', address);
  else history.replaceState(history.state, '', address);
}

/** The address, written when nothing has changed for a moment. */
export class Address {
  #timer = 0;
  #elsewhere = false;

  /** @param {() => Record<string, string>} values Asked for then. @param {boolean} elsewhere As `writeAddress` has it; once is enough. */
  write(values, elsewhere) {
    this.#elsewhere ||= elsewhere;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      writeAddress(values(), this.#elsewhere);
      this.#elsewhere = false;
    }, WRITE_AFTER);
  }
}

/** Calls back when somebody has changed the address. @param {() => void} changed */
export function onAddress(changed) {
  outside().addEventListener('hashchange', changed);
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand
  }
}
