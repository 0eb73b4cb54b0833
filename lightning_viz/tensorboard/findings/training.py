"""What the losses and the layers say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lightning_viz.tensorboard.findings.finding import Finding, percent
from lightning_viz.tensorboard.findings.record import Record

_WORSE = 1.1
"""Times its lowest value that a validation's loss must have at the end before it is said to rise."""
_APART = 0.3
"""Difference between training's and validation's accuracy from which on it is told."""
_DEAD = 0.05
"""Share of dead channels from which on a layer is named."""


def of_training(record: Record) -> Iterator[Finding]:
    """Overfitting, by heart, and dead channels."""
    yield from _overfitted(record)
    yield from _by_heart(record)
    yield from _dead(record)


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
