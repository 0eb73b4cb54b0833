"""What a validation has counted, as a picture, and as figures: by what was counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lightning_viz.harness.probes.spec import slugs
from lightning_viz.harness.sinks.results import ClassTable, Counts, Pixels, Scalar
from lightning_viz.harness.tasks.task import percent
from lightning_viz.harness.validation.boxes import NO_BOX, BoxTally
from lightning_viz.harness.validation.places import RegionTally
from lightning_viz.harness.validation.tallies import LabelTally, Tally, ValueTally
from lightning_viz.render.charts.confusion import confusion_picture, recall, worst_confusions
from lightning_viz.render.charts.labels import labels_picture, worst_mix_ups
from lightning_viz.render.charts.values import values_picture
from lightning_viz.render.size import Floats

MOST_RECALLS = 50
"""With more classes than this, only the mean of their recalls is logged."""


def picture(tally: Tally, names: Sequence[str], where: str) -> Pixels:
    """The picture of a count.

    Args:
        tally: The count.
        names: Of the scores.
        where: The epoch and the loader, as captions tell them.
    """
    left_out = [f"left out: {count} {reason}" for reason, count in tally.left_out.items()]
    if isinstance(tally, ValueTally):
        errors = (tally.errors / max(tally.images, 1)).tolist()
        means = ", ".join(f"{name} {error:.3g}" for name, error in zip(names, errors, strict=True))
        lines = [f"{where} · {tally.images} images · mean absolute error: {means}", *left_out]
        return values_picture(tally.points.numpy(), names, caption=lines)
    table: Any = tally.table.numpy()
    if isinstance(tally, BoxTally):
        head = f"{where} · {int(tally.hits.sum())} of {table[:-1].sum()} boxes found, {table[-1].sum()} false"
        shown, names = table[tally.first :, tally.first :], [*names[tally.first :], NO_BOX]
        return confusion_picture(shown, names, caption=[head, *worst_confusions(shown, names), *left_out])
    if isinstance(tally, RegionTally) and not tally.independent:
        lines = [_of_pixels(tally, where), *worst_confusions(table, names), *left_out]
        return confusion_picture(table, names, caption=lines)
    if isinstance(tally, LabelTally):
        hits, misses, alarms = _of_each(tally).astype(np.int64).T
        head = f"{where} · {hits.sum()} of {hits.sum() + misses.sum()} labels found, {alarms.sum()} false alarms"
        head = _of_pixels(tally, where) if isinstance(tally, RegionTally) else head
        lines = [head, *worst_mix_ups(table, tally.of.numpy(), names), *left_out]
        return labels_picture(hits, misses, alarms, names, caption=lines)
    lines = [f"{where} · {int(table.trace())} of {int(table.sum())} right", *worst_confusions(table, names), *left_out]
    return confusion_picture(table, names, caption=lines)


def figures(tally: Tally, names: Sequence[str], loader: str) -> Iterator[Scalar | Counts | ClassTable]:
    """Figures by task.

    The recall of every class, of several labels and of boxes the precision too; of values the mean absolute error; of
    places the intersection over union and the Dice coefficient of every class, and the mean of the former. Then what
    the Explanations tab draws a table from: where one class is true of an image, a pixel or a box, how often each was
    taken for each; else what was counted of each class or value by itself.
    """
    if isinstance(tally, ValueTally):
        errors = (tally.errors / max(tally.images, 1)).numpy()
        yield from _shares("mae", loader, errors, names)
        if tally.images:
            yield ClassTable(loader, errors[:, None], "values")
    elif isinstance(tally, RegionTally):
        yield from _shares("iou", loader, tally.iou.numpy(), names)
        yield from _shares("dice", loader, tally.dice.numpy(), names)
        yield Scalar(f"mean_iou/{loader}", float(tally.iou.nanmean()))
        if tally.independent:
            yield ClassTable(loader, _of_each(tally), "label pixels")
        else:
            yield Counts(loader, tally.table.numpy(), of="pixels")
    elif isinstance(tally, BoxTally):
        yield from _shares("recall", loader, tally.recall.numpy(), names)
        yield from _shares("precision", loader, tally.precision.numpy(), names)
        yield Counts(loader, tally.table.numpy(), of="boxes", first=tally.first)
    elif isinstance(tally, LabelTally):
        each = _of_each(tally)
        hits, misses, alarms = each.T
        yield from _shares("recall", loader, _share(hits, misses), names)
        yield from _shares("precision", loader, _share(hits, alarms), names)
        yield ClassTable(loader, each, "labels")
    else:
        yield from _shares("recall", loader, recall(tally.table.numpy()), names)
        yield Counts(loader, tally.table.numpy())


def _of_pixels(tally: RegionTally, where: str) -> str:
    right, total = tally.right
    mean = f"{float(tally.iou.nanmean()):.2f}".replace("0.", ".", 1)
    return f"{where} · {percent(right / max(total, 1))} of pixels right, mean IoU {mean}"


def _of_each(tally: LabelTally) -> Floats:
    """(K, 3), how often each class was found, missed and predicted falsely."""
    each: Floats = tally.each.double().numpy()
    return np.stack([each[:, 1, 1], each[:, 1, 0], each[:, 0, 1]], axis=1)


def _share(of: Floats, others: Floats) -> Floats:
    total = of + others
    return np.where(total > 0, of / np.maximum(total, 1), np.nan)


def _shares(what: str, loader: str, shares: Floats, names: Sequence[str]) -> Iterator[Scalar]:
    found = np.isfinite(shares)  # classes that the loader does not have are NaN
    if len(shares) > MOST_RECALLS and found.any():
        yield Scalar(f"{what}/{loader}/mean", float(shares[found].mean()))
    elif len(shares) <= MOST_RECALLS:
        tags = slugs(names)
        for k in np.flatnonzero(found):
            yield Scalar(f"{what}/{loader}/{tags[k]}", float(shares[k]))
