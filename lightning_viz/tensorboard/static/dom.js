// Elements in one expression. Text only ever enters by `textContent`: names in a log may hold anything.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [props] Properties; names with a dash, and `role`, are attributes.
 * @param {...(Node | string)} kids
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, props = {}, ...kids) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.includes('-') || name === 'role' || name === 'for') node.setAttribute(name, String(value));
    else Reflect.set(node, name, value);
  }
  node.append(...kids);
  return node;
}

/** A name that may be of any script, which turns nothing around beside it. @param {string} name */
export const bdi = (name) => el('bdi', { textContent: name });

/** The same within a text: first strong isolate, pop directional isolate. @param {string} name */
export const isolated = (name) => `\u2068${name}\u2069`;

/**
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} kids
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...kids) {
  const node = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...kids);
  return node;
}

/**
 * A labelled select box.
 *
 * @param {string} label
 * @param {[value: string, text: string][]} options
 * @param {string} chosen
 * @param {(value: string) => void} changed
 */
export function choice(label, options, chosen, changed) {
  const box = el('select', { 'aria-label': label, title: label });
  box.append(...options.map(([value, text]) => el('option', { value, textContent: text, selected: value === chosen })));
  box.onchange = () => changed(box.value);
  return box;
}
