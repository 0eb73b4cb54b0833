// The bytes of pictures and maps, in bounded memory: what is in view first, then what the slider may come to next.

import { decodeMap } from './maps.js';
import { decodePlaces } from './outlines.js';

/** @typedef {import('./source.js').Source} Source */

const ROOM = 256 * 2 ** 20; // bytes
const PACK = 32; // keys of one request
const AT_ONCE = 3; // requests
const UNKNOWN = 'application/octet-stream'; // what is no picture

export class Pictures {
  /** @type {Map<string, { blob: Blob, url: string, map: import('./maps.js').Heat | null, places: import('./outlines.js').Places | null }>} The least recently used ones first. */
  #kept = new Map();
  /** @type {Set<string>} */
  #gone = new Set();
  /** @type {Set<string>} */
  #underway = new Set();
  /** @type {string[]} */
  #queue = [];
  /** @type {Set<string>} What is in view. */
  #now = new Set();
  #running = 0;
  bytes = 0;

  /** @param {Source} source @param {() => void} arrived @param {(error: unknown) => void} failed */
  constructor(source, arrived, failed) {
    this.source = source;
    this.arrived = arrived;
    this.failed = failed;
  }

  /** The address of a picture for `<img>`, if it is here. @param {string} key */
  url(key) {
    return this.#used(key)?.url;
  }

  /** @param {string} key */
  blob(key) {
    return this.#used(key)?.blob;
  }

  /** What a map holds, if it is here; `null` where it is none. @param {string} key */
  map(key) {
    return this.#used(key)?.map;
  }

  /** What is known of places, likewise. @param {string} key */
  places(key) {
    return this.#used(key)?.places;
  }

  /** Whether the server no longer has it. @param {string} key */
  isGone(key) {
    return this.#gone.has(key);
  }

  /** How many are still to come of those in view. */
  get waiting() {
    return [...this.#underway, ...this.#queue].filter((key) => this.#now.has(key)).length;
  }

  /**
   * Says what is wanted, the most urgent first; what was wanted before and is no longer among it is not fetched.
   *
   * @param {string[]} now What is in view: it stays, whatever room it takes.
   * @param {string[]} soon What is fetched as long as there is room.
   */
  want(now, soon = []) {
    const missing = (/** @type {string} */ key) => !this.#kept.has(key) && !this.#gone.has(key) && !this.#underway.has(key);
    this.#now = new Set(now);
    for (const key of now) this.#used(key);
    this.#queue = [...new Set([...now, ...(this.bytes < 0.9 * ROOM ? soon : [])])].filter(missing);
    this.#pump();
  }

  async #pump() {
    while (this.#running < AT_ONCE && this.#queue.length) {
      const keys = this.#queue.splice(0, PACK);
      this.#running += 1;
      for (const key of keys) this.#underway.add(key);
      this.#fetch(keys).finally(() => {
        this.#running -= 1;
        for (const key of keys) this.#underway.delete(key);
        if (this.bytes > 0.9 * ROOM) this.#queue = [];
        this.#pump();
        this.arrived();
      });
    }
  }

  /** @param {string[]} keys */
  async #fetch(keys) {
    try {
      for (const [key, blob] of await this.source.blobs(keys)) {
        if (blob === null) this.#gone.add(key);
        else this.#keep(key, blob, blob.type === UNKNOWN ? await blob.arrayBuffer() : null);
      }
    } catch (error) {
      this.#queue = [];
      this.failed(error);
    }
  }

  /** @param {string} key @param {Blob} blob @param {ArrayBuffer | null} buffer Of what is no picture. */
  #keep(key, blob, buffer) {
    const places = buffer && decodePlaces(buffer);
    this.#kept.set(key, { blob, url: URL.createObjectURL(blob), map: buffer && !places ? decodeMap(buffer) : null, places });
    this.bytes += blob.size;
    for (const [old, { blob: dropped, url }] of this.#kept) {
      if (this.bytes <= ROOM || old === key) break;
      this.#kept.delete(old);
      this.bytes -= dropped.size;
      URL.revokeObjectURL(url);
    }
  }

  /** @param {string} key */
  #used(key) {
    const found = this.#kept.get(key);
    if (found) {
      this.#kept.delete(key);
      this.#kept.set(key, found);
    }
    return found;
  }
}
