// What the head of a column tells of its method: how to read it, what its colours are, and when not to trust it.

import { el } from './dom.js';
import { title } from './model.js';

/** @typedef {{ read: string, trust: string }} Words As the method's own page of the documentation has them; a test holds both together. */

/** @type {Words} */
const GRADIENTS = {
  read: 'A small change of a bright pixel changes the score most.',
  trust: 'A gradient only tells of small changes: if the network is sure, small changes of what it relies on hardly change the score, and the map is dark there.',
};

/** By what the name of a method begins with. @type {Record<string, Words>} */
export const WORDS = {
  saliency: GRADIENTS,
  loss_saliency: GRADIENTS,
  smoothgrad: GRADIENTS,
  vargrad: GRADIENTS,
  gradcam: {
    read: 'The map is as coarse as the layer, and enlarged: its edges mean nothing.',
    trust: 'Only what speaks for the class is shown. Where channels that speak for and against it share a place, they cancel.',
  },
  integrated_gradients: {
    read: 'Orange pixels raise the score, blue ones lower it, and all of them sum to the difference of the scores of the image and of the empty one, in log-odds.',
    trust: 'A pixel that equals the empty image (black on black) has no share, even if it matters: take a second baseline.',
  },
  occlusion: {
    read: 'Orange places speak for the class: if they are covered, its score falls by so many log-odds. Blue ones speak against it.',
    trust: 'The network sees the window, too: a grey square may look like something. If an object is in the image twice, the map misses it, since covering one of them changes nothing.',
  },
  attention: {
    read: 'Rollout and heads tell where information flows, for any class; relevance and LeGrad take target and against.',
    trust: 'Attention to a place does not mean that the score depends on it: compare with relevance, or with deletion.',
  },
  lime: {
    read: 'Left the true class, right its strongest rival, so the prediction is always one of the two.',
    trust: 'The caption tells R² on masks that the linear model was not fitted to: where that is low, the score is no sum of superpixels, and the picture says little.',
  },
  deep_dream: {
    read: 'What the network sees in an image, drawn into it.',
    trust: 'It is no explanation of a prediction: it shows what a layer has learnt to see, and small images show little of it.',
  },
  activations: {
    read: 'Each tile is the output of one channel, as coarse as the layer; beside its number stands its largest value, which is its full colour.',
    trust: 'Each tile has its own scale: a channel that looks bright may be weak; read the number.',
  },
};

const INPUT = 'The image as the network is given it: the same in every epoch.';
const OUTLINE = 'The mask of the data set: where the evidence of the class lies. The measures “pointing” and “in mask” hold maps against it.';
const OTHER = 'A method of captum or of your own: what it shows, its own documentation tells.';
const ALIKE = 'A map that looks the same before and after training shows the image and the architecture.';

/** @typedef {'signed' | 'sequential' | 'difference' | undefined} Shades Of maps, or of what has become of them. */

const KEYS = {
  signed: 'Orange speaks for, blue against, and what is dark says nothing.',
  sequential: 'The brighter, the more.',
  difference: 'Orange where there is more than in what is compared with, blue where there is less, white where nothing has changed.',
};

/** @param {string} method @param {Shades} colours @param {string} unit @param {boolean} masked */
export function wordsOf(method, colours, unit, masked) {
  const known = Object.keys(WORDS).find((name) => method.startsWith(name));
  const key = colours && `${KEYS[colours]} Full colour stands below each map${unit ? `, in ${unit}` : ''}.`;
  const outline = ['Outline', masked ? OUTLINE : ''];
  const said = method === 'input' ? [['', INPUT], outline] : [['', known ? WORDS[known].read : OTHER], ['Colours', key ?? ''], outline, ['When not to trust it', [known ? WORDS[known].trust : '', colours ? ALIKE : ''].join(' ').trim()]];
  return said.filter(([, text]) => text);
}

/** A button that tells of a method. @param {string} method @param {Shades} colours @param {string} unit @param {boolean} masked Whether outlines of masks lie over its pictures. */
export function helpButton(method, colours, unit, masked) {
  const name = title(method);
  const button = el('button', { className: 'ask', textContent: '?', 'aria-label': `about ${name}`, 'aria-haspopup': 'dialog' });
  button.onclick = () => {
    const lines = wordsOf(method, colours, unit, masked).map(([head, text]) => el('p', {}, ...(head ? [el('b', { textContent: `${head}: ` })] : []), text));
    const box = el('div', { className: 'help', popover: 'auto', role: 'dialog', 'aria-label': `about ${name}` }, el('p', {}, el('b', { textContent: name })), ...lines);
    box.addEventListener('toggle', (event) => /** @type {ToggleEvent} */ (event).newState === 'closed' && box.remove());
    button.after(box);
    box.showPopover();
    const { left, bottom } = button.getBoundingClientRect();
    box.style.left = `${Math.max(Math.min(left, window.innerWidth - box.offsetWidth - 8), 8)}px`;
    box.style.top = `${bottom + 4}px`;
  };
  return button;
}
