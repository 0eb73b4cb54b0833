"""Which classes are missed, and which are predicted falsely: of several labels per image, and of boxes."""

from __future__ import annotations

from collections.abc import Iterator

from lightning_viz.tensorboard.findings.classes import FEWEST, ends
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
    if (apart := ends(found, found + missed)) is None:
        return
    worst, best = apart
    of, share = found + missed, [percent(found[k] / (found[k] + missed[k])) for k in apart]
    names, verb = [isolated(record.name(k)) for k in apart], "is" if found[worst] == 1 else "are"
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
    if (apart := ends(found, found + wrong)) is None:
        return
    worst, said = apart[0], int(found[apart[0]] + wrong[apart[0]])
    name, share = isolated(record.name(worst)), percent(wrong[worst] / said)
    text = f"{name} is predicted where it is not{where}: {wrong[worst]} of {said} times ({share}), more than any other."
    numbers = {"class": record.name(worst), "false": int(wrong[worst]), "predicted": said}
    yield Finding("false_most", text, numbers, (f"confusion/{count.loader}",), count.step, 0.8)


def _pictures(record: Record, count: Each, k: int) -> tuple[str, ...]:
    return f"confusion/{count.loader}", *record.pictures_of({probe.tag for probe in record.probes if k in probe.labels})
