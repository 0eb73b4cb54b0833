"""What keeps somebody from reading a page: by axe-core, which checks the rules of WCAG that a program can."""

from pathlib import Path

SOURCE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (_, [source, rules]) => {
  if (!window.axe) (0, eval)(source);
  const runOnly = rules && { type: 'rule', values: rules };
  const { violations } = await window.axe.run(document, { resultTypes: ['violations'], ...(runOnly && { runOnly }) });
  return violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html}: ${node.failureSummary}`));
}"""


def violations(body, *rules):
    """All that axe objects to in the document of an element, a text each.

    Args:
        body: The element.
        rules: The rules' names; none are all.

    Raises:
        FileNotFoundError: It is not installed.
    """
    if not SOURCE.exists():
        raise FileNotFoundError(f"Expected axe-core, found no {SOURCE}: make node_modules/.ready")
    return body.evaluate(RUN, [SOURCE.read_text(encoding="utf-8"), list(rules) or None])
