"""What losses, accuracies and layers say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lightning_viz.tensorboard.findings.classes import FEWEST, interval
from lightning_viz.tensorboard.findings.finding import Finding, percent
from lightning_viz.tensorboard.findings.record import Record
from lightning_viz.tensorboard.points import right_of

_WORSE = 1.1
"""Times its lowest value that a validation's loss must have at the end before it is said to rise."""
_APART = 0.3
"""Difference between training's and validation's accuracy from which on it is told."""
_DEAD = 0.05
"""Share of dead channels from which on a layer is named."""


class Right(NamedTuple):
    """How many images of one validation were right.

    Attributes:
        step: When that was.
        right: So many.
        of: Of so many.
    """

    step: int
    right: int
    of: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.right / self.of


def of_training(record: Record) -> Iterator[Finding]:
    """Where the accuracy fell, overfitting, by heart, and dead channels."""
    yield from _fell(record)
    yield from _overfitted(record)
    yield from _by_heart(record)
    yield from _dead(record)


def _fell(record: Record) -> Iterator[Finding]:
    """The largest fall of the accuracy from one validation to the next, where chance does not explain it."""
    loaders = [count.loader for count in record.counts()]
    for loader in loaders:
        course = _course(record, loader)
        falls = [pair for pair in pairwise(course) if interval(*pair[1][1:])[1] < interval(*pair[0][1:])[0]]
        if not falls:
            continue
        before, after = max(falls, key=lambda pair: pair[0].share - pair[1].share)
        epoch, last = record.epoch_of(after.step), course[-1].share
        fell = f"from {percent(before.share)} to {percent(after.share)}"
        where = f" in {loader}" if len(loaders) > 1 else ""
        ended = "" if after == course[-1] else f"; at the end it is {percent(last)}"
        text = f"The accuracy{where} fell in epoch {epoch}, {fell} of {after.of} images{ended}."
        numbers = {"epoch": epoch, "before": before.share, "after": after.share, "last": last, "images": after.of}
        look = f"epoch {epoch}, in which the accuracy fell {fell}"
        yield Finding("fell", text, numbers, (f"confusion/{loader}",), after.step, 0.65, look=look)


def _course(record: Record, loader: str) -> list[Right]:
    """What was right in each validation of a network that is trained."""
    points = [(step, cells) for step, cells in record.series["counts"][loader] if record.epoch_of(step) >= 0]
    sums = [Right(step, *right_of(cells)) for step, cells in points]
    return [one for one in sums if one.of >= FEWEST and one.right >= 0]


def _overfitted(record: Record) -> Iterator[Finding]:
    losses = record.trained_and_validated("loss")
    if losses is None or len(losses[1]) < 3 or len(losses[0]) < 2:
        return
    train, val = losses
    best = int(np.argmin(val.values))
    before = [value for epoch, value in zip(train.epochs, train.values, strict=True) if epoch <= val.epochs[best]]
    if val.last < _WORSE * val.values[best] or not before or train.last >= before[-1]:
        return
    text = (
        f"Since epoch {val.epochs[best]} the loss of the validation rises, from {val.values[best]:.3g} to "
        f"{val.last:.3g}, while that of the training falls, to {train.last:.3g}: later pictures show an overfitted "
        "network."
    )
    numbers = {"epoch": val.epochs[best], "lowest": val.values[best], "last": val.last, "train": train.last}
    yield Finding("overfitted", text, numbers, (), val.steps[best], 0.7)


def _by_heart(record: Record) -> Iterator[Finding]:
    found = record.trained_and_validated("acc", "accuracy")
    if found is None or found[0].last - found[1].last < _APART:
        return
    train, val = found
    text = (
        f"{percent(train.last)} of the training is right and {percent(val.last)} of the validation: much of it was "
        "learnt by heart."
    )
    yield Finding("by_heart", text, {"train": train.last, "val": val.last}, (), val.steps[-1], 0.9)


def _dead(record: Record) -> Iterator[Finding]:
    for tag, share in record.scalars("filters/", "/dead"):
        if share.last >= _DEAD:
            layer = tag.removeprefix("filters/").removesuffix("/dead").replace("_", ".")
            text = f"{percent(share.last)} of the channels of {layer} are dead: they put out the same for every probe."
            wall = f"filters/{tag.split('/')[1]}/wall"
            yield Finding("dead_channels", text, {"layer": layer, "share": share.last}, (wall,), share.steps[-1], 0.5)
