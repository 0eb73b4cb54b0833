"""Since when a network is what it is, tensor by tensor."""

from __future__ import annotations

from collections.abc import Collection, Iterable


class Changes:
    """Counts the moments at which a network was looked at, and notes what had changed by then.

    Attributes:
        now: The number of the last moment; 0 is when it was first looked at.
    """

    def __init__(self) -> None:
        self.now = 0
        self._since: dict[str, int] = {}

    def note(self, names: Iterable[str]) -> None:
        """One more moment, and the names of all tensors that have changed since the one before."""
        self.now += 1
        self._since.update(dict.fromkeys(names, self.now))

    def since(self, part: Collection[str]) -> int:
        """The moment since which some tensors are what they are now.

        Example:
            >>> changes = Changes()
            >>> changes.note(["fc.weight"])
            >>> changes.note([])
            >>> changes.since(["fc.weight", "fc.bias"]), changes.since(["cnn.weight"])
            (1, 0)
        """
        return max((self._since.get(name, 0) for name in part), default=0)
