import js from '@eslint/js';

const GLOBALS = [
  'Blob', 'DOMMatrix', 'DataView', 'Element', 'HTMLButtonElement', 'HTMLElement', 'IntersectionObserver', 'MessageChannel', 'MutationObserver',
  'Node', 'Path2D', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'atob', 'clearInterval', 'clearTimeout', 'document', 'fetch',
  'matchMedia', 'queueMicrotask', 'requestAnimationFrame', 'setInterval', 'setTimeout', 'window',
];

const NODE = ['Buffer', 'Response', 'TextEncoder', 'URL', 'globalThis'];

export default [
  { ignores: ['lightning_viz/tensorboard/static/uPlot.js'] }, // not ours
  js.configs.recommended,
  {
    files: ['tests/javascript/*.js'],
    languageOptions: { ecmaVersion: 2024, sourceType: 'module', globals: Object.fromEntries(NODE.map((name) => [name, 'readonly'])) },
    rules: { eqeqeq: 'error', 'max-lines': ['error', 200], 'no-var': 'error', 'prefer-const': 'error' },
  },
  {
    files: ['lightning_viz/tensorboard/static/*.js'],
    languageOptions: { ecmaVersion: 2024, sourceType: 'module', globals: Object.fromEntries(GLOBALS.map((name) => [name, 'readonly'])) },
    rules: {
      complexity: ['error', 12],
      eqeqeq: 'error',
      'max-lines': ['error', 200],
      'max-lines-per-function': ['error', 40],
      'no-restricted-properties': ['error', ...['innerHTML', 'outerHTML', 'insertAdjacentHTML'].map((property) => ({ property, message: 'Names in a log may hold anything: textContent.' }))],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
];
