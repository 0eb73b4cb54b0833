"""How long is trained and how long is drawn, and how often a drawing may then be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Clock:
    """Wall time of a run, without what any callback draws."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Starts anew: training begins now."""
        self._began = time.perf_counter()
        self._drawn = 0.0

    @property
    def trained(self) -> float:
        """Seconds of training so far."""
        return time.perf_counter() - self._began - self._drawn

    @contextmanager
    def drawing(self) -> Iterator[Callable[[], float]]:
        """Stands still meanwhile.

        Yields:
            A function that tells how many seconds of drawing that has been so far.
        """
        began = time.perf_counter()
        try:
            yield lambda: time.perf_counter() - began
        finally:
            self._drawn += time.perf_counter() - began


class Allowance:
    """Lets one drawing follow another only after so much training that the drawing was a small share of it.

    Args:
        share: The most that drawing may take, in units of the training time; None is no bound.

    Raises:
        ValueError: `share` is not between 0 and 1.

    >>> allowance = Allowance(0.1)
    >>> allowance.spend(seconds=2.0, trained=30.0)
    >>> allowance.refusal(trained=45.0)
    'a drawing took 2 s, and max_overhead=0.1 wants 20 s of training before the next.'
    >>> allowance.refusal(trained=50.0)
    """

    def __init__(self, share: float | None) -> None:
        if share is not None and not 0 < share <= 1:
            raise ValueError(
                f"Expected max_overhead above 0 and at most 1, such as 0.05 for 5 % of the training, received {share}: "
                "with 1, drawing takes as long as training does; for no bound at all, leave it out."
            )
        self.share = share
        self._took = 0.0
        self._last = 0.0

    def refusal(self, trained: float) -> str | None:
        """Why there can be no drawing yet.

        Args:
            trained: Seconds of training in the run so far.

        Returns:
            None where there can be one: always for the first, of which nobody knows what it takes.
        """
        pause = 0.0 if self.share is None else self._took / self.share
        if trained - self._last >= pause:
            return None
        return (
            f"a drawing took {self._took:.2g} s, and max_overhead={self.share} wants {pause:.2g} s of training before "
            "the next."
        )

    def spend(self, seconds: float, trained: float) -> None:
        """Notes what a drawing took, and when it was."""
        self._took, self._last = seconds, trained
