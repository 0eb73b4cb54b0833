// One stop of the Tab key for many buttons: the arrow keys go from one to the other.

/**
 * Has the buttons of a part be one stop: up and down go by rows, left and right with Shift within one, since by
 * themselves they move the slider.
 *
 * @param {HTMLElement} node
 * @param {string} rows A selector of its rows.
 * @returns {() => void} Sees to it that what is a stop is in view, where rows have gone or come.
 */
export function roving(node, rows) {
  /** @type {HTMLElement | null} */
  let stop = null;
  const shown = (/** @type {Element} */ part) => !part.closest('[hidden]');
  const lines = () => [...(node.matches(rows) ? [node] : node.querySelectorAll(rows))].filter(shown).map((row) => /** @type {HTMLElement[]} */ ([...row.querySelectorAll('button')].filter(shown))).filter((line) => line.length);
  const take = (/** @type {HTMLElement | null} */ next) => {
    if (stop) stop.tabIndex = -1;
    stop = next;
    if (stop) stop.tabIndex = 0;
  };
  node.addEventListener('focusin', ({ target }) => target instanceof HTMLButtonElement && target.closest(rows) && take(target));
  node.addEventListener('keydown', (event) => {
    const found = lines();
    const row = found.findIndex((line) => line.includes(/** @type {HTMLElement} */ (event.target)));
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
    const across = event.shiftKey ? { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0 : 0;
    if (row < 0 || !(down || across)) return;
    const line = found[Math.min(Math.max(row + down, 0), found.length - 1)];
    const target = /** @type {HTMLElement} */ (event.target);
    const column = found[row].indexOf(target) + across;
    (down ? nearest(line, target) : line[Math.min(Math.max(column, 0), line.length - 1)]).focus();
    event.preventDefault();
    event.stopPropagation();
  });
  for (const button of node.querySelectorAll('button')) button.tabIndex = -1;
  return () => {
    if (!stop || !node.contains(stop) || !shown(stop)) take(lines()[0]?.[0] ?? null);
  };
}

/** The button of a line that stands below or above another one. @param {HTMLElement[]} line @param {HTMLElement} other */
function nearest(line, other) {
  const left = (/** @type {HTMLElement} */ button) => button.getBoundingClientRect().left;
  return line.reduce((best, one) => (Math.abs(left(one) - left(other)) < Math.abs(left(best) - left(other)) ? one : best));
}
