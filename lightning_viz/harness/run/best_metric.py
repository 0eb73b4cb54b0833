"""When the network is better than ever before."""

from __future__ import annotations

import math

import pytorch_lightning as pl


class BestMetric:
    """The best value so far of what a run monitors: its first ModelCheckpoint that monitors anything, else `val_loss`.

    At the end of an epoch, Lightning has the metrics of its validation and of its training; what the LightningModule
    logs in `on_train_epoch_end` itself comes after that, and is then that of the epoch before.

    Attributes:
        best: None as long as nothing was monitored.
    """

    def __init__(self) -> None:
        self.best: float | None = None
        self._last: tuple[int | None, bool] = None, False

    def improved(self, trainer: pl.Trainer, step: int) -> bool:
        """Whether the value is better now than at any step before; looks once per step, and keeps it."""
        if self._last[0] != step:
            value, larger = _monitored(trainer)
            better = math.isfinite(value) and (
                self.best is None or (value > self.best if larger else value < self.best)
            )
            self.best = value if better else self.best
            self._last = step, better
        return self._last[1]


def _monitored(trainer: pl.Trainer) -> tuple[float, bool]:
    """The value, NaN where there is none, and whether larger ones are better."""
    watches = (c for c in trainer.checkpoint_callbacks if getattr(c, "monitor", None) is not None)
    name, mode = next(((str(c.monitor), str(c.mode)) for c in watches), ("val_loss", "min"))  # type: ignore[attr-defined]
    found = trainer.callback_metrics.get(name)
    return math.nan if found is None or found.numel() != 1 else float(found), mode == "max"
