// The views by their names.

import { buildConfusion, buildFilters, buildOther } from './gallery.js';
import { buildGrid } from './grid.js';
import { buildMeasures } from './measures.js';

/** @type {Record<import('./state.js').View, { name: string, build: (app: import('./app.js').App) => import('./app.js').View }>} */
export const VIEWS = {
  probes: { name: 'Probes', build: buildGrid },
  filters: { name: 'Filters', build: buildFilters },
  confusion: { name: 'Confusions', build: buildConfusion },
  measures: { name: 'Measures', build: buildMeasures },
  other: { name: 'Other', build: buildOther },
};
