// The views by their names.

import { buildFindings } from './findings.js';
import { HOME, buildConfusion, buildFilters, buildOther, isOther } from './gallery.js';
import { buildGrid } from './grid.js';
import { buildMeasures } from './measures.js';

/**
 * @typedef {import('./app.js').View} View
 * @typedef {{ name: string, build: (app: import('./app.js').App) => View, holds: (run: import('./model.js').Run) => boolean }} Kind
 * `holds` says whether a run has something for the view.
 */

/** @type {Record<import('./state.js').View, Kind>} */
export const VIEWS = {
  probes: { name: 'Probes', build: buildGrid, holds: (run) => run.probes.length > 0 },
  filters: { name: 'Filters', build: buildFilters, holds: (run) => run.tags.some((tag) => HOME.filters.test(tag)) },
  confusion: { name: 'Confusions', build: buildConfusion, holds: (run) => run.tags.some((tag) => HOME.confusion.test(tag)) },
  measures: { name: 'Measures', build: buildMeasures, holds: (run) => run.measured.length > 0 },
  other: { name: 'Other', build: buildOther, holds: (run) => run.tags.some(isOther) },
  findings: { name: 'Findings', build: buildFindings, holds: (run) => run.tags.length > 0 },
};

/** The first view that shows something of a run. @param {import('./model.js').Run} run */
export function firstView(run) {
  const full = Object.entries(VIEWS).find(([, { holds }]) => holds(run));
  return /** @type {import('./state.js').View} */ (full?.[0] ?? 'probes');
}
