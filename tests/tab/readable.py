"""What keeps somebody from reading a page: by the rules of WCAG 2 that a program can check."""

PROBLEMS = """body => {
  const CONTRAST = 4.5; // level AA
  const seen = node => node.checkVisibility({ visibilityProperty: true });
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = numbers(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const problems = [];
  const dialog = body.querySelector('dialog[open]') ?? body;
  for (const image of dialog.querySelectorAll('img')) {
    if (seen(image) && !image.alt) problems.push(`no alt: ${image.outerHTML}`);
  }
  for (const picture of dialog.querySelectorAll('[role=img]')) {
    const name = picture.getAttribute('aria-label') || picture.querySelector('title')?.textContent;
    if (seen(picture) && !name) problems.push(`no name: ${picture.outerHTML}`);
  }
  for (const control of dialog.querySelectorAll('button, input, select, a, summary')) {
    const alts = [...control.querySelectorAll('img')].map(image => image.alt);
    const inside = [control.textContent, ...alts].join('').trim();
    const labels = [...(control.labels ?? [])].map(label => label.textContent).join('').trim();
    const own = control.matches('button, a, summary') ? inside : '';
    const name = control.getAttribute('aria-label') || own || labels;
    if (seen(control) && !name) problems.push(`no name: ${control.outerHTML}`);
  }
  const texts = document.createTreeWalker(dialog, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: node, textContent: text } = texts.currentNode;
    if (!text.trim() || !seen(node) || node.closest('svg, option, :disabled')) continue;
    const [ink, paper] = [numbers(getComputedStyle(node).color), ground(node)].map(light).sort((a, b) => b - a);
    const contrast = (ink + 0.05) / (paper + 0.05);
    if (contrast < CONTRAST) problems.push(`contrast ${contrast.toFixed(2)}: ${text}`);
  }
  return [...new Set(problems)];
}"""
"""A function of the page's body that lists them: pictures and controls without a name, texts of little contrast."""
