// Where runs, series and pictures come from: TensorBoard's server, or the exported page itself.

/**
 * @typedef {{
 *   label: number, labels?: number[], values?: number[], open?: boolean, outlined?: boolean, masked?: boolean, item?: number, print?: string,
 *   slices?: number, depth?: number, clip?: boolean,
 * }} ProbeEntry Of several labels all, of values the true ones; open where nothing is right or wrong; outlined where its picture shows more than the image; masked where the data set knows where its evidence lies; of volumes the slices that were logged of so many.
 * @typedef {{
 *   caption?: number, film?: boolean, unit?: string, colours?: 'signed' | 'sequential', striped?: boolean, slices?: number,
 *   channels?: number[], columns?: number, counted?: Counted, first?: number,
 * }} PictureEntry Of a picture of maps their unit, and how the page may colour them itself; striped where they are of regions; of a wall its channels by rows, of so many columns; what the counts beside it are of, and the first class in them.
 * @typedef {'images' | 'pixels' | 'boxes' | 'labels' | 'label pixels' | 'values'} Counted
 * @typedef {{
 *   version: number, classes: string[], class_tags: string[],
 *   probes: Record<string, ProbeEntry>, pictures: Record<string, PictureEntry>,
 * }} Manifest
 * @typedef {{
 *   manifest: Manifest | null, problem: string | null, epochs: [step: number, epoch: number][],
 *   updated: number, images: Record<string, number>, maps: Record<string, number>, scalars: string[], predictions: string[],
 *   counts?: string[], tables?: string[], places?: string[],
 * }} RunAnswer
 * @typedef {{ version: number, runs: Record<string, RunAnswer>, note?: string | null }} RunsAnswer
 * @typedef {'images' | 'originals' | 'places' | 'captions' | 'maps' | 'scalars' | 'bounds' | 'predictions' | 'counts' | 'rights' | 'tables'} Kind
 * @typedef {[step: number, ...rest: any[]][]} Points One per step, ascending: a blob's key, those of all maps, the lines of a caption, a value, class and probability, the cells of a count that are not 0, how many are right of how many, or the rows of a table.
 * @typedef {Partial<Record<Kind, string[]>>} Wanted
 * @typedef {Partial<Record<Kind, Record<string, Points>>>} SeriesAnswer
 * @typedef {{ kind: string, text: string, numbers: Record<string, unknown>, pictures: string[], step: number | null, steps?: (number | null)[] }} Finding Steps are those of each picture, where they differ.
 * @typedef {{ probe: string[], method: string[], epoch: number[] }} Part What of the runs; all where nothing is named.
 * @typedef {{
 *   live: boolean,
 *   runs: () => Promise<RunsAnswer>,
 *   series: (run: string, wanted: Wanted) => Promise<SeriesAnswer>,
 *   findings: (run: string) => Promise<Finding[]>,
 *   blobs: (keys: string[]) => Promise<Map<string, Blob | null>>,
 *   exportUrl: (runs: string[], part?: Part) => string | null,
 * }} Source
 */

const MOST = 256; // pictures in one answer

/** @param {string} path @param {RequestInit} [init] */
async function ask(path, init) {
  const response = await fetch(path, init);
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response;
}

/** @param {Record<string, string>} fields */
const post = (fields) => ({ method: 'POST', body: new URLSearchParams(fields) });

/** TensorBoard's server, by the plugin's own routes; every address is relative, so that any path prefix will do.
 * @implements {Source} */
export class Server {
  live = true;

  async runs() {
    return (await ask('./runs')).json();
  }

  /** @param {string} run @param {Wanted} wanted */
  async series(run, wanted) {
    const fields = Object.entries(wanted).map(([kind, tags]) => [kind, JSON.stringify(tags)]);
    return (await ask('./series', post({ run, ...Object.fromEntries(fields) }))).json();
  }

  /** @param {string} run @returns {Promise<Finding[]>} */
  async findings(run) {
    return (await ask(`./findings?${new URLSearchParams({ run })}`)).json();
  }

  /** @param {string[]} keys @returns {Promise<Map<string, Blob | null>>} */
  async blobs(keys) {
    const packs = Array.from({ length: Math.ceil(keys.length / MOST) }, (_, i) => this.#pack(keys.slice(MOST * i, MOST * (i + 1))));
    return new Map((await Promise.all(packs)).flatMap((pack) => [...pack]));
  }

  /** @param {string[]} keys @returns {Promise<Map<string, Blob | null>>} */
  async #pack(keys) {
    const bytes = new Uint8Array(await (await ask('./pack', post({ keys: JSON.stringify(keys) }))).arrayBuffer());
    const end = bytes.indexOf(10);
    /** @type {[length: number, type: string][]} */
    const sizes = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    let at = end + 1;
    return new Map(
      sizes.map(([length, type], i) => {
        if (length < 0) return [keys[i], null];
        at += length;
        return [keys[i], new Blob([bytes.subarray(at - length, at)], { type })];
      }),
    );
  }

  /** @param {string[]} runs @param {Part} [part] */
  exportUrl(runs, part) {
    const named = Object.entries({ run: runs, ...part }).flatMap(([name, values]) => values.map((value) => [name, String(value)]));
    return `./export?${new URLSearchParams(named)}`;
  }
}

/** The page that was exported: everything lies in its own script elements, and pictures are parsed when they are asked for.
 * @implements {Source} */
export class Embedded {
  live = false;
  /** @type {Map<string, SeriesAnswer>} */
  #series = new Map();

  /** Whether this page is an exported one. */
  static here() {
    return document.getElementById('lightning_viz-runs') !== null;
  }

  async runs() {
    return JSON.parse(document.getElementById('lightning_viz-runs')?.textContent ?? '{}');
  }

  /** @param {string} run @param {Wanted} wanted */
  async series(run, wanted) {
    if (!this.#series.has(run)) this.#series.set(run, parsed('series', run));
    const all = /** @type {SeriesAnswer} */ (this.#series.get(run));
    /** @type {SeriesAnswer} */
    const answer = {};
    for (const kind of /** @type {Kind[]} */ (Object.keys(wanted))) {
      const found = (wanted[kind] ?? []).filter((tag) => all[kind]?.[tag]).map((tag) => [tag, all[kind]?.[tag]]);
      answer[kind] = Object.fromEntries(found);
    }
    return answer;
  }

  /** @param {string} run @returns {Promise<Finding[]>} */
  async findings(run) {
    const found = parsed('findings', run);
    return Array.isArray(found) ? found : [];
  }

  /** @param {string[]} keys @returns {Promise<Map<string, Blob | null>>} */
  async blobs(keys) {
    /** @type {Map<string, Record<string, string>>} */
    const parts = new Map();
    return new Map(
      keys.map((key) => {
        const part = key.split('.')[0];
        if (!parts.has(part)) parts.set(part, parsed('blobs', part));
        const text = parts.get(part)?.[key];
        return [key, text === undefined ? null : decoded(text)];
      }),
    );
  }

  exportUrl() {
    return null;
  }
}

/** @param {string} kind @param {string} name */
function parsed(kind, name) {
  const found = [...document.querySelectorAll(`script[data-${kind}]`)].find((node) => node.getAttribute(`data-${kind}`) === name);
  return JSON.parse(found?.textContent ?? '{}');
}

/** @param {string} text `mime;base64` */
function decoded(text) {
  const [type, code] = text.split(';', 2);
  const bytes = Uint8Array.from(atob(code.replace(/^base64,/, '')), (sign) => sign.charCodeAt(0));
  return new Blob([bytes], { type });
}
