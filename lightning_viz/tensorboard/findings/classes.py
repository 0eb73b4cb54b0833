"""Which classes are known, and what they are taken for."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from lightning_viz.tensorboard.findings.finding import Finding, percent
from lightning_viz.tensorboard.findings.record import Counts, Record

_FEWEST = 5
"""Images that a class needs before anything is said of it."""
_SURE = 1.96
"""Standard errors: intervals in which the true share lies in 95 of 100 cases."""
_COLLAPSED = 0.9
"""Share of all predictions that are one class, from which on the network says nothing else."""


def of_classes(record: Record) -> Iterator[Finding]:
    """Best and worst class, the strongest confusion, and whether anything is known at all; of each loader."""
    for loader in record.loaders:
        step, table = record.last_table(loader) or (0, np.zeros((0, 0), np.int64))
        where = "" if len(record.loaders) == 1 else f" in {loader}"
        if table.sum() < _FEWEST:
            continue
        known = list(_guessing(record, table, loader, step, where))
        yield from known
        if not known:
            yield from _ends(record, table, loader, step, where)
            yield from _confusion(record, table, loader, step, where)


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


def _guessing(record: Record, table: Counts, loader: str, step: int, where: str) -> Iterator[Finding]:
    """A network that says one class always, or is right no more often than that would be."""
    total, right = int(table.sum()), int(table.trace())
    said, true = table.sum(0) / total, table.sum(1) / total
    k, usual = int(said.argmax()), float(true.max())
    numbers = {"right": right, "images": total, "said": float(said[k]), "largest_class": usual}
    pictures = (f"confusion/{loader}",)
    if said[k] >= _COLLAPSED > true[k]:
        text = f"The network says {record.name(k)} of {percent(said[k])} of the images{where}, whatever they show."
        yield Finding("collapsed", text, numbers, pictures, step, 1.0)
    elif interval(right, total)[0] <= usual:
        text = (
            f"{percent(right / total)} of {total} images are right{where}; always saying the most frequent class would "
            f"be right in {percent(usual)}: nothing is known yet."
        )
        yield Finding("guessing", text, numbers, pictures, step, 1.0)


def _ends(record: Record, table: Counts, loader: str, step: int, where: str) -> Iterator[Finding]:
    """The best and the worst class, where chance does not explain that they differ."""
    of = table.sum(1)
    enough = [k for k in range(len(table)) if of[k] >= _FEWEST]
    if len(enough) < 2:
        return
    recall = {k: float(table[k, k] / of[k]) for k in enough}
    worst, best = min(enough, key=recall.__getitem__), max(enough, key=recall.__getitem__)
    if interval(table[worst, worst], of[worst])[1] >= interval(table[best, best], of[best])[0]:
        return
    others = table[worst].copy()
    others[worst] = 0
    rival, wrong = int(others.argmax()), int(others.sum())
    taken = f"{record.name(rival)} ({others[rival]} of its {wrong} errors)"
    text = (
        f"{record.name(worst)} is the worst class{where}: {percent(recall[worst])} of its {of[worst]} images are "
        f"right, and it is most often taken for {taken}."
    )
    numbers = {"class": record.name(worst), "recall": recall[worst], "images": int(of[worst])}
    numbers |= {"taken_for": record.name(rival), "errors": wrong, "of_which": int(others[rival])}
    pictures = (f"confusion/{loader}", *_of_label(record, worst))
    yield Finding("worst_class", text, numbers, pictures, step, 0.9)
    text = f"{record.name(best)} is the best class{where}: {percent(recall[best])} of its {of[best]} images are right."
    numbers = {"class": record.name(best), "recall": recall[best], "images": int(of[best])}
    yield Finding("best_class", text, numbers, tuple(_of_label(record, best)), step, 0.4)


def _confusion(record: Record, table: Counts, loader: str, step: int, where: str) -> Iterator[Finding]:
    """The most frequent confusion, where a class's errors go to one other more often than by chance to any."""
    errors = table * (1 - np.eye(len(table), dtype=np.int64))
    true, said = (int(i) for i in np.unravel_index(errors.argmax(), errors.shape))
    count, wrong, of = int(errors[true, said]), int(errors[true].sum()), int(table[true].sum())
    others = int((table.sum(1) > 0).sum()) - 1
    if wrong < _FEWEST or others < 2 or interval(count, wrong)[0] <= 1 / others:
        return
    back = int(errors[said, true])
    text = (
        f"The most frequent confusion{where} is {record.name(true)} taken for {record.name(said)}: {count} of {of} "
        f"images, {count} of the {wrong} errors of that class; the other way it is {back}."
    )
    numbers = {"true": record.name(true), "said": record.name(said), "count": count, "errors": wrong, "back": back}
    panels = [tag for tag in sorted(record.entry["images"]) if tag.startswith(f"confusions/{loader}/")]
    yield Finding("confusion", text, numbers, (*panels[:1], f"confusion/{loader}"), step, 0.8)


def _of_label(record: Record, k: int) -> list[str]:
    tags = [probe.tag for probe in record.probes if probe.label == k]
    return [
        tag for tag in sorted(record.entry["images"]) if tag.split("/")[0] in tags and not tag.endswith("filmstrip")
    ]
