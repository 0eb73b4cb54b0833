// The first view: probes in rows, methods in columns.

import { Cell } from './cell.js';
import { methodsOf } from './columns.js';
import { differs, subtracts } from './comparing.js';
import { el } from './dom.js';
import { Headline } from './headline.js';
import { colourBar, differenceBar } from './legend.js';
import { hasMasks } from './marks.js';
import { Measure } from './measures.js';
import { helpButton } from './help.js';
import { distinct, methodOf, natural } from './model.js';
import { weight } from './order.js';
import { Prediction } from './prediction.js';
import { isSame } from './originals.js';
import { roving } from './roving.js';
import { columnHead, table } from './table.js';
import { Warnings } from './warnings.js';

/** @param {import('./app.js').App} app @returns {import('./app.js').View} */
export function buildGrid(app) {
  const { chosen } = methodsOf(app);
  const probes = distinct(app.shown.flatMap((run) => run.probes)).sort(natural);
  const heads = chosen.map((method, i) => head(app, method, i === 0));
  const rows = probes.map((probe) => new Row(app, probe, chosen));
  const none = el('p', { className: 'empty', hidden: true });
  const headline = new Headline(app);
  const shown = table(heads, rows.map((row) => row.node));
  const keep = roving(shown, 'tr');
  const show = () => {
    headline.show();
    for (const row of rows) row.filter();
    keep();
    arrange(app, rows);
    shown.hidden = rows.every((row) => row.node.hidden);
    none.hidden = !app.run || !shown.hidden;
    none.textContent = rows.length ? lack(app) : 'No probes in this run: SaliencyMaps(), LimePanels() and all other callbacks that explain images draw them.';
  };
  return { node: el('div', { className: 'view' }, headline.node, shown, none), show };
}

/** Why no row is shown. @param {import('./app.js').App} app */
function lack(app) {
  const { rows, text } = app.state;
  if (text.trim() || rows === 'all') return 'No probe fits: choose “all probes”, or clear the text.';
  return rows === 'wrong' ? `No probe is mistaken here (${app.axis.name(app.moment)}).` : 'No prediction of a probe has flipped.';
}

/** Puts rows in the order that is asked for, but not while they play: nobody could follow. @param {import('./app.js').App} app @param {Row[]} rows */
function arrange(app, rows) {
  if (app.player.playing) return;
  const weighed = rows.map((row) => ({ row, by: app.state.sort ? weight(app, row.prediction) : 0 })).sort((a, b) => b.by - a.by);
  const body = rows[0]?.node.parentElement;
  if (!body || weighed.every(({ row }, i) => body.children[i] === row.node)) return;
  const focus = document.activeElement;
  body.append(...weighed.map(({ row }) => row.node));
  if (focus instanceof HTMLElement && body.contains(focus)) focus.focus();
}

/** @param {import('./app.js').App} app @param {string} method @param {boolean} first */
function head(app, method, first) {
  const node = columnHead(method);
  node.classList.toggle('pinned', first && method === 'input');
  const { run } = app;
  node.append(...legend(app, method));
  const warnings = new Warnings(app, method);
  node.append(warnings.node);
  app.watch.add(warnings);
  if (!run?.answer.scalars.includes(`explanations/${method}/${app.state.measure}`)) return node;
  const measure = new Measure(app, method, app.state.measure, { width: 92, height: 26 });
  node.append(measure.node);
  app.watch.add(measure);
  return node;
}

/** How to read a column, and what its colours stand for now. @param {import('./app.js').App} app @param {string} method @returns {Node[]} */
function legend(app, method) {
  const { run, shown } = app;
  const tags = shown.flatMap((one) => one.tags.filter((tag) => methodOf(tag) === method));
  const subtracted = tags.find((tag) => subtracts(app, tag));
  const tag = subtracted ?? tags.find((one) => run?.colours(one));
  const colours = tag ? run?.colours(tag) : undefined;
  const unit = tag && run ? run.unit(tag) : '';
  const masked = shown.some(hasMasks);
  if (subtracted) return [helpButton(method, 'difference', unit, false), differenceBar(unit)];
  if (differs(app) && !isSame(shown, tags[0])) return [helpButton(method, colours, unit, masked), el('span', { className: 'item', textContent: 'side by side: no maps', title: 'only maps are subtracted, and the log has none of these pictures' })];
  return [helpButton(method, colours, unit, masked), ...(colours ? [colourBar(colours, unit)] : [])];
}

class Row {
  /** @param {import('./app.js').App} app @param {string} probe @param {string[]} methods */
  constructor(app, probe, methods) {
    this.app = app;
    this.probe = probe;
    this.prediction = new Prediction(app, probe);
    const cells = methods.map((method) => new Cell(app, `${probe}/${method}`, (tag) => app.set({ zoom: tag })));
    this.node = el('tr', {}, el('th', { scope: 'row' }, this.prediction.node), ...cells.map((cell, i) => el('td', { className: i === 0 && methods[0] === 'input' ? 'pinned' : '' }, cell.node)));
    this.node.dataset.probe = probe;
    for (const part of [this.prediction, ...cells]) app.watch.add(part);
  }

  /** Hides the row where it is not among those that are asked for. */
  filter() {
    const { rows, text } = this.app.state;
    const sought = text.trim().toLowerCase();
    const fits = sought === '' || this.prediction.describe().toLowerCase().includes(sought);
    const kept = rows === 'all' || (rows === 'wrong' ? this.prediction.isWrong() : this.prediction.flips().length > 0);
    this.node.hidden = !fits || !kept;
  }
}
