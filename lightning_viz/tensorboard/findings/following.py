"""What to look at next: of what was found, the few places where a look tells more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lightning_viz.tensorboard.findings.finding import Finding
from lightning_viz.tensorboard.findings.maps import REASONS

_FEWEST, _MOST = 2, 3
"""Places: of one alone its own finding says all, and more are not a choice."""


def what_next(found: Sequence[Finding]) -> Iterator[Finding]:
    """The last of all findings.

    Args:
        found: The others, the weightiest first.
    """
    first: dict[str, Finding] = {}
    for finding in found:
        if finding.look and finding.pictures:
            first.setdefault("method" if finding.kind in REASONS else finding.kind, finding)
    places = [*first.values()][:_MOST]
    if len(places) < _FEWEST:
        return
    text = f"Look next at: {'; '.join(finding.look for finding in places)}."
    numbers = {finding.kind: finding.numbers for finding in places}
    pictures, steps = zip(*((finding.pictures[0], finding.step) for finding in places), strict=True)
    yield Finding("next", text, numbers, pictures, None, 0.0, steps)
