// The page, in TensorBoard's frame or exported.

import { App } from './app.js';
import { el } from './dom.js';
import { followTheme, onReload } from './host.js';
import { Embedded, Server } from './source.js';

export async function render() {
  const exported = Embedded.here();
  if (!exported) document.head.append(el('title', { textContent: 'Explanations' }), el('link', { rel: 'stylesheet', href: './static/style.css' }));
  document.documentElement.lang = 'en';
  followTheme();
  if (window.frameElement) window.frameElement.setAttribute('title', 'Explanations');
  const root = el('div', { id: 'app' });
  document.body.append(root);
  const app = new App(root, exported ? new Embedded() : new Server());
  if (!exported) onReload(() => app.refresh());
  await app.start();
}
