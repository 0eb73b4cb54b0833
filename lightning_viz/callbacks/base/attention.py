"""What callbacks about attention have in common: which layers and heads, and what the scores are read from."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lightning_viz.explain.attention.reading import asking_tokens
from lightning_viz.harness.arguments import is_list, is_whole, refusal
from lightning_viz.harness.network.subject import Subject


def layers_argument(value: Any) -> list[int | str] | None:
    """Which layers: by their place in the forward, or by name.

    Raises:
        ValueError: It is no list of such.
    """
    if value is None:
        return None
    if not is_list(value) or not value or not all(is_whole(v) or (isinstance(v, str) and v) for v in value):
        raise refusal("layers", "a list of layers, by their place in the forward or by name", value, none=True)
    return [v if isinstance(v, str) else int(v) for v in value]


def heads_argument(value: Any) -> list[int] | None:
    """Which heads of a layer.

    Raises:
        ValueError: It is no list of whole numbers from 0 on.
    """
    if value is None:
        return None
    if not is_list(value) or not value or not all(is_whole(v) and v >= 0 for v in value):
        raise refusal("heads", "a list of heads, whole numbers from 0 on", value, none=True)
    return [int(v) for v in value]


class Reading:
    """Finds out once which tokens a network's scores are read from: it is the same in every epoch."""

    def __init__(self) -> None:
        self._tokens: Tensor | None = None
        self._known = False

    def tokens(self, subject: Subject, images: Tensor) -> Tensor | None:
        """Those tokens, see `asking_tokens`; None where it cannot be told, or not yet."""
        if not self._known:
            try:
                self._tokens = asking_tokens(subject, subject.net, images[:1])
                self._known = self._tokens is not None
            except ValueError:  # without gradients nobody can tell, ever
                self._known = True
        return self._tokens
