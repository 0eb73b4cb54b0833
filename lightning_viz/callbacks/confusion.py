"""The confusion matrix of every validation."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytorch_lightning as pl

from lightning_viz.callbacks.base import ExplanationCallback
from lightning_viz.harness.batches import flat
from lightning_viz.harness.counting import NO_CLASS, NOT_FINITE, Count, Tally, merge
from lightning_viz.harness.pictures import Picture, Scalar
from lightning_viz.harness.predictions import Predictions
from lightning_viz.harness.probes import slugs
from lightning_viz.harness.scene import Scene
from lightning_viz.harness.steps import logged_step
from lightning_viz.harness.subject import find_subject
from lightning_viz.render.confusion import confusion_picture, recall, worst_confusions
from lightning_viz.render.size import Floats

MOST_RECALLS = 50
"""With more classes than this, only the mean of their recalls is logged."""


class ConfusionMatrixPanel(ExplanationCallback):
    """Draws the confusion matrix over the whole validation set, and logs the recall of every class.

    Drawn after every validation (of every n-th epoch), one matrix per loader, as `confusion/<loader>`; recalls as
    `recall/<loader>/<class>`, in [0, 1]; of more than 50 classes, only their mean. The predictions are those that the
    validation step itself made, where they can be overheard; else the network is asked once more. Rows are true
    classes.

    Args:
        common: The arguments of `ExplanationCallback`; `probes` tells class names and how to unpack a batch.
    """

    per_probe = False

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self._names: tuple[str, ...] = ()
        self._counting = False
        self._predictions: Predictions | None = None
        self._counts: dict[str, Count] = {}
        self._tallies: dict[str, Tally] = {}
        self._error: Exception | None = None

    def prepare(self, scene: Scene) -> None:
        """Takes the class names; they were checked with the probes."""
        self._names = scene.probes.class_names

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One matrix per loader, and the recall of every class that the loader has.

        Raises:
            Exception: What ended the count on this process.
        """
        if self._error is not None:
            raise self._error
        for loader, tally in self._tallies.items():
            table = tally.table.numpy()
            lines = [f"{scene.when} · {loader} · {int(table.trace())} of {int(table.sum())} right"]
            lines += worst_confusions(table, self._names)
            lines += [f"left out: {count} {reason}" for reason, count in tally.left_out.items()]
            yield Picture(f"confusion/{loader}", confusion_picture(table, self._names, caption=lines), flat=True)
            yield from self._recalls(loader, recall(table))

    def _recalls(self, loader: str, shares: Floats) -> Iterable[Scalar]:
        found = np.isfinite(shares)  # classes that the loader does not have are NaN
        if len(shares) > MOST_RECALLS and found.any():
            yield Scalar(f"recall/{loader}/mean", float(shares[found].mean()))
        elif len(shares) <= MOST_RECALLS:
            tags = slugs(self._names)
            for k in np.flatnonzero(found):
                yield Scalar(f"recall/{loader}/{tags[k]}", float(shares[k]))

    # Lightning's hooks: the matrix belongs to validation, so the schedules of training do not draw it

    def on_train_batch_end(self, *args: Any) -> None:
        """Nothing to draw here."""

    def on_train_epoch_end(self, *args: Any) -> None:
        """Nothing to draw here."""

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins a new matrix."""
        super().on_validation_start(trainer, pl_module)
        self._open(trainer, pl_module)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins a new matrix."""
        super().on_test_start(trainer, pl_module)
        self._open(trainer, pl_module)

    def on_validation_batch_start(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Listens to what the step is about to say."""
        super().on_validation_batch_start(trainer, *args, **kwargs)
        if self._predictions is not None:
            self._predictions.watch()

    def on_test_batch_start(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Listens to what the step is about to say."""
        super().on_test_batch_start(trainer, *args, **kwargs)
        if self._predictions is not None:
            self._predictions.watch()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Counts what the step said."""
        if self._predictions is None:
            return
        try:
            said, labels = self._predictions.collect(outputs, batch)
            self._count(trainer, dataloader_idx).add(said, labels)
        except Exception as error:  # told at the end of this validation, where all processes meet
            self._error = error
            self._close()

    def on_test_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Counts what the step said."""
        self.on_validation_batch_end(*args, **kwargs)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws what was counted, by all processes together."""
        if not self._counting:
            return
        self._counting = False
        self._close()
        own = None if self._error is not None else {name: count.tally() for name, count in self._counts.items()}
        self._tallies = merge(self._ranks(trainer).gather(own))
        for reason in (NO_CLASS, NOT_FINITE):
            if any(reason in tally.left_out for tally in self._tallies.values()):
                self.warn_once(f"{self.called} leaves out {reason}.", key=reason)
        self._explain(trainer, pl_module, logged_step(trainer))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws what was counted."""
        self.on_validation_end(trainer, pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Stops listening, also where the run ends in the midst of a batch."""
        self._close()

    def due(self, trainer: pl.Trainer) -> bool:
        """Whether this validation is counted."""
        if trainer.sanity_checking or self._sinks is None:
            return False
        return self.rehearsal or (trainer.current_epoch + 1) % self.every_n_epochs == 0

    def _open(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._counts, self._error, self._counting = {}, None, self.due(trainer)
        if self._counting:
            subject = find_subject(trainer, pl_module, self.net)
            self._predictions = Predictions(pl_module, subject, self.probes.unpack, seed=self.seed)

    def _close(self) -> None:
        if self._predictions is not None:
            self._predictions.close()
        self._predictions = None

    def _count(self, trainer: pl.Trainer, loader: int) -> Count:
        loaders = list(flat(trainer.test_dataloaders if trainer.testing else trainer.val_dataloaders))
        split = "test" if trainer.testing else "val"
        name = f"{split}_{loader}" if len(loaders) > 1 else split
        return self._counts.setdefault(name, Count(loaders[loader], len(self._names)))
