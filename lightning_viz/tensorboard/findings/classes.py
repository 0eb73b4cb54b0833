"""Which classes are known, and what they are taken for."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lightning_viz.tensorboard.findings.finding import Finding, isolated, percent
from lightning_viz.tensorboard.findings.record import Count, Record

FEWEST = 5
"""Images that a class needs before anything is said of it."""
_SURE = 1.96
"""Standard errors: intervals in which the true share lies in 95 of 100 cases."""
_COLLAPSED = 0.9
"""Share of all predictions that are one class, from which on the network says nothing else."""


def of_classes(record: Record) -> Iterator[Finding]:
    """Best and worst class, the strongest confusion, and whether anything is known at all; of each loader."""
    for count in record.counts():
        if count.table.sum() < FEWEST:
            continue
        where = "" if len(record.series["counts"]) == 1 else f" in {count.loader}"
        unknown = list(_guessing(record, count, where))
        yield from unknown or [*_ends(record, count, where), *_confusion(record, count, where)]


def interval(right: float, total: float) -> tuple[float, float]:
    """Where a share truly lies in 95 of 100 cases (Wilson, 1927).

    >>> low, high = interval(9, 10)
    >>> f"{low:.2f} {high:.2f}"
    '0.60 0.98'
    """
    share, square = right / total, _SURE**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _SURE * math.sqrt(share * (1 - share) / total + square / (4 * total**2)) / (1 + square / total)
    return middle - half, middle + half


def ends(right: npt.NDArray[np.int64], of: npt.NDArray[np.int64]) -> tuple[int, int] | None:
    """The classes with the least and the largest share, where chance does not explain that they differ.

    Args:
        right: (K,), how often each class was right.
        of: (K,), of how many.
    """
    enough = [k for k in range(len(of)) if of[k] >= FEWEST]
    if len(enough) < 2:
        return None
    worst, best = (end(enough, key=lambda k: right[k] / of[k]) for end in (min, max))
    apart = interval(right[worst], of[worst])[1] < interval(right[best], of[best])[0]
    return (worst, best) if apart else None


def _guessing(record: Record, count: Count, where: str) -> Iterator[Finding]:
    """A network that says one class always, or is right no more often than that would be."""
    table = count.table
    total, right = int(table.sum()), int(table.trace())
    said, true = table.sum(0) / total, table.sum(1) / total
    k, usual = int(said.argmax()), float(true.max())
    numbers = {"right": right, "images": total, "said": float(said[k]), "largest_class": usual}
    pictures = (f"confusion/{count.loader}",)
    if said[k] >= _COLLAPSED > true[k]:
        name, share = isolated(record.name(k)), percent(said[k])
        text = f"The network says {name} of {share} of the images{where}, whatever they show."
        yield Finding("collapsed", text, numbers, pictures, count.step, 1.0)
    elif interval(right, total)[0] <= usual:
        text = (
            f"{percent(right / total)} of {total} images are right{where}; always saying the most frequent class would "
            f"be right in {percent(usual)}: nothing is known yet."
        )
        yield Finding("guessing", text, numbers, pictures, count.step, 1.0)


def _ends(record: Record, count: Count, where: str) -> Iterator[Finding]:
    """The best and the worst class, where chance does not explain that they differ."""
    table = count.table
    of = table.sum(1)
    apart = ends(table.diagonal(), of)
    if apart is None:
        return
    worst, best = apart
    recall = {k: float(table[k, k] / of[k]) for k in apart}
    others = table[worst].copy()
    others[worst] = 0
    rival, wrong = int(others.argmax()), int(others.sum())
    names = [isolated(record.name(k)) for k in (worst, best, rival)]
    taken = f"{names[2]} ({others[rival]} of its {wrong} errors)"
    text = (
        f"{names[0]} is the worst class{where}: {percent(recall[worst])} of its {of[worst]} images are "
        f"right, and it is most often taken for {taken}."
    )
    numbers = {"class": record.name(worst), "recall": recall[worst], "images": int(of[worst])}
    numbers |= {"taken_for": record.name(rival), "errors": wrong, "of_which": int(others[rival])}
    pictures = (f"confusion/{count.loader}", *_of_label(record, worst))
    yield Finding("worst_class", text, numbers, pictures, count.step, 0.9)
    text = f"{names[1]} is the best class{where}: {percent(recall[best])} of its {of[best]} images are right."
    numbers = {"class": record.name(best), "recall": recall[best], "images": int(of[best])}
    yield Finding("best_class", text, numbers, _of_label(record, best), count.step, 0.4)


def _confusion(record: Record, count: Count, where: str) -> Iterator[Finding]:
    """The most frequent confusion, where a class's errors go to one other more often than by chance to any."""
    table = count.table
    errors = table * (1 - np.eye(len(table), dtype=np.int64))
    true, said = (int(i) for i in np.unravel_index(errors.argmax(), errors.shape))
    taken, wrong, of = int(errors[true, said]), int(errors[true].sum()), int(table[true].sum())
    others = int((table.sum(1) > 0).sum()) - 1
    if wrong < FEWEST or others < 2 or interval(taken, wrong)[0] <= 1 / others:
        return
    back = int(errors[said, true])
    names = [isolated(record.name(k)) for k in (true, said)]
    text = (
        f"The most frequent confusion{where} is {names[0]} taken for {names[1]}: {taken} of {of} "
        f"images, {taken} of the {wrong} errors of that class; the other way it is {back}."
    )
    numbers = {"true": record.name(true), "said": record.name(said), "count": taken, "errors": wrong, "back": back}
    panels = [tag for tag in record.entry["images"] if tag.startswith(f"confusions/{count.loader}/")]
    pictures = (*panels[:1], f"confusion/{count.loader}")
    look = f"{names[0]} taken for {names[1]} ({taken} of {wrong} errors)"
    yield Finding("confusion", text, numbers, pictures, count.step, 0.8, look=look)


def _of_label(record: Record, k: int) -> tuple[str, ...]:
    return record.pictures_of({probe.tag for probe in record.probes if probe.label == k})
