"""The points of a series, out of what the data provider gives: plain lists that JSON can hold."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Point = list[Any]


def by_step(series: Iterable[Any], point: Callable[[Any], Point | None]) -> list[Point]:
    """One point per step, the last written, steps ascending.

    Args:
        series: The provider's data of one tag, in the order in which they were written.
        point: What makes a point of one of them; `None` for what is not as its kind should be.
    """
    last = {datum.step: point(datum) for datum in series}
    return [found for _, found in sorted(last.items()) if found is not None]


def finite(value: float) -> float | None:
    """A number that JSON can hold; `None` for NaN and the infinite.

    Example:
        >>> finite(0.5), finite(float("nan"))
        (0.5, None)
    """
    return value if math.isfinite(value) else None


def right_of(cells: Iterable[Sequence[int]]) -> tuple[int, int]:
    """How many are right, of how many, in rows of true class, predicted class and how often.

    Example:
        >>> right_of([[0, 0, 7], [0, 1, 3]])
        (7, 10)
    """
    pairs = [(n if true == said else 0, n) for true, said, n in cells]
    return sum(right for right, _ in pairs), sum(n for _, n in pairs)


def _scalar(datum: Any) -> Point:
    return [datum.step, finite(datum.value)]


def _picture(datum: Any) -> Point | None:
    # Width and height lie before the pictures; of several pictures at one step the first stands for all.
    return [datum.step, _key(datum, 2)] if len(datum.values) > 2 else None


def _map(datum: Any) -> Point | None:
    return [datum.step, *(_key(datum, i) for i in range(len(datum.values)))] if datum.values else None


def _caption(datum: Any) -> Point | None:
    if datum.numpy.dtype.kind not in "OS":
        return None
    lines = [line.decode(errors="replace") if isinstance(line, bytes) else str(line) for line in datum.numpy.ravel()]
    return [datum.step, *lines]


def _prediction(datum: Any) -> Point | None:
    if datum.numpy.shape != (2,) or datum.numpy.dtype.kind != "f":
        return None
    index, probability = (finite(float(value)) for value in datum.numpy)
    return [datum.step, None if index is None else int(index), probability]


def _counts(datum: Any) -> Point | None:
    if datum.numpy.ndim != 2 or datum.numpy.shape[1] != 3 or datum.numpy.dtype.kind != "i":
        return None
    return [datum.step, datum.numpy.tolist()]


def _rights(datum: Any) -> Point | None:
    counts = _counts(datum)
    if counts is None:
        return None
    return [datum.step, *right_of(counts[1])]


def _table(datum: Any) -> Point | None:
    if datum.numpy.ndim != 2 or datum.numpy.dtype.kind != "f":
        return None
    return [datum.step, [[finite(value) for value in row] for row in datum.numpy.tolist()]]


def _key(datum: Any, index: int) -> str:
    # The provider's own key names run, tag and step only: another run logged into the same folder would have the same,
    # and what is kept under it, in the page or in the browser's cache, would be the old run's.
    written = struct.pack("<d", datum.wall_time).hex()
    return f"{datum.values[index].blob_key}~{written}"


POINTS: dict[str, Callable[[Any], Point | None]] = {
    "images": _picture,
    "originals": _map,
    "places": _map,
    "captions": _caption,
    "maps": _map,
    "scalars": _scalar,
    "bounds": _scalar,
    "predictions": _prediction,
    "counts": _counts,
    "rights": _rights,
    "tables": _table,
}
"""What a point of each kind of series is made by."""
