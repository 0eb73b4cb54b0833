"""Durations side by side, and the table of their ratios."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: What was measured.
        seconds: How long it took, in seconds unless there is a `unit`.
        against: What it is held against.
        reference: How long that took.
        unit: Of what is no duration, for example MiB.
    """

    what: str
    seconds: float
    against: str
    reference: float
    unit: str | None = None

    def shown(self, value: float) -> str:
        """A value with its unit."""
        return duration(value) if self.unit is None else f"{value:.3g} {self.unit}"

    @property
    def ratio(self) -> float:
        """Duration in units of the reference: below 1 is faster than it."""
        return self.seconds / self.reference


def side_by_side(calls: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Median seconds of every call; the calls take turns, so that a machine that slows down slows down all of them.

    Args:
        calls: What to call, by name.
        repetitions: How often to measure each, after a first call that does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repetitions + 1):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begin)
    return {name: median(values[1:]) for name, values in seconds.items()}


def in_fork(call: Callable[..., T], *arguments: object) -> T:
    """What a function returns, called in a forked process: as in one of its own, without importing everything again."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        return pool.submit(call, *arguments).result()


def table(lines: Iterable[Line]) -> str:
    """All lines, as one table."""
    rows = [[x.what, x.shown(x.seconds), x.against, x.shown(x.reference), f"{x.ratio:.3g}"] for x in lines]
    return aligned([["what", "time", "against", "its time", "ratio"], *rows])


def aligned(rows: list[list[str]]) -> str:
    """A table in markdown, its columns aligned so that it reads as plain text too; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join(f"| {' | '.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True))} |" for row in rows)


def duration(seconds: float) -> str:
    """Seconds, or milliseconds below one."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
