"""Which classes are missed, and which are predicted falsely: of several labels per image, and of boxes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lightning_viz.tensorboard.findings.classes import FEWEST, interval
from lightning_viz.tensorboard.findings.finding import Finding, isolated, percent
from lightning_viz.tensorboard.findings.record import Each, Record


def of_labels(record: Record) -> Iterator[Finding]:
    """Of each loader: that nothing is found, or which class is missed most, and which is predicted falsely most."""
    counts = list(record.each())
    for count in counts:
        where = f" in {count.loader}" if len(counts) > 1 else ""
        found, missed, wrong = count.table.T
        total = int((found + missed).sum())
        if total >= FEWEST and not found.any():
            text = f"None of {total} {count.of} is found{where}."
            numbers = {"found": 0, "of": total, "false": int(wrong.sum())}
            yield Finding("nothing_found", text, numbers, (f"confusion/{count.loader}",), count.step, 1.0)
            continue
        yield from _missed(record, count, where)
        yield from _false(record, count, where)


def _missed(record: Record, count: Each, where: str) -> Iterator[Finding]:
    found, missed, _ = count.table.T
    if (ends := _ends(found, found + missed)) is None:
        return
    worst, best = ends
    of, share = found + missed, [percent(found[k] / (found[k] + missed[k])) for k in ends]
    names, verb = [isolated(record.name(k)) for k in ends], "is" if found[worst] == 1 else "are"
    text = (
        f"{names[0]} is missed most{where}: {found[worst]} of {of[worst]} {count.of} {verb} found "
        f"({share[0]}); of {names[1]} it is {found[best]} of {of[best]} ({share[1]})."
    )
    numbers = {"class": record.name(worst), "found": int(found[worst]), "of": int(of[worst])}
    numbers |= {"best": record.name(best), "best_found": int(found[best]), "best_of": int(of[best])}
    look = f"{names[0]}, of which {found[worst]} of {of[worst]} {verb} found"
    yield Finding("missed_most", text, numbers, _pictures(record, count, worst), count.step, 0.9, look=look)


def _false(record: Record, count: Each, where: str) -> Iterator[Finding]:
    found, _, wrong = count.table.T
    if (ends := _ends(found, found + wrong)) is None:
        return
    worst, said = ends[0], int(found[ends[0]] + wrong[ends[0]])
    name, share = isolated(record.name(worst)), percent(wrong[worst] / said)
    text = f"{name} is predicted where it is not{where}: {wrong[worst]} of {said} times ({share}), more than any other."
    numbers = {"class": record.name(worst), "false": int(wrong[worst]), "predicted": said}
    yield Finding("false_most", text, numbers, (f"confusion/{count.loader}",), count.step, 0.8)


def _ends(right: npt.NDArray[np.int64], of: npt.NDArray[np.int64]) -> tuple[int, int] | None:
    """The classes with the least and the largest share, where chance does not explain that they differ."""
    enough = [k for k in range(len(of)) if of[k] >= FEWEST]
    if len(enough) < 2:
        return None
    worst, best = (end(enough, key=lambda k: right[k] / of[k]) for end in (min, max))
    apart = interval(right[worst], of[worst])[1] < interval(right[best], of[best])[0]
    return (worst, best) if apart else None


def _pictures(record: Record, count: Each, k: int) -> tuple[str, ...]:
    return f"confusion/{count.loader}", *record.pictures_of({probe.tag for probe in record.probes if k in probe.labels})
