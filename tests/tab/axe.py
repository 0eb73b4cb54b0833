"""What keeps somebody from reading a page: by axe-core, which checks the rules of WCAG that a program can."""

from pathlib import Path

SOURCE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (node, rules) => {
  const where = node === document.body ? document : node;
  const runOnly = rules && { type: 'rule', values: rules };
  const { violations } = await window.axe.run(where, { resultTypes: ['violations'], ...(runOnly && { runOnly }) });
  return violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html}: ${node.failureSummary}`));
}"""


def violations(element, *rules):
    """All that axe objects to, a text each.

    Args:
        element: In this; where it is the body, in all of the document.
        rules: The rules' names; none are all.

    Raises:
        FileNotFoundError: It is not installed.
    """
    if not SOURCE.exists():
        raise FileNotFoundError(f"Expected axe-core, found no {SOURCE}: make node_modules/.ready")
    if not element.evaluate("() => 'axe' in window"):
        element.evaluate("(_, source) => void (0, eval)(source)", SOURCE.read_text(encoding="utf-8"))
    return element.evaluate(RUN, list(rules) or None)
