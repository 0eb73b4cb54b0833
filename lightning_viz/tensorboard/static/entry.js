// What TensorBoard's frame calls: the page, or why it cannot be shown. An exported page has all of its files in it.

export async function render() {
  try {
    const page = await import('./index.js');
    await page.render();
  } catch (error) {
    const text = 'The tab could not be loaded, as where the package was installed anew under a TensorBoard that runs. Start TensorBoard again, then load this page again.';
    document.body.style.cssText = 'font: 14px sans-serif; margin: 24px; color: #777';
    document.body.textContent = `${text} (${error instanceof Error ? error.message : error})`;
  }
}
