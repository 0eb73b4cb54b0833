"""The confusion matrix of every validation."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from lightning_viz.callbacks.base import ExplanationCallback
from lightning_viz.harness.predictions import Predictions
from lightning_viz.harness.probes import slugs
from lightning_viz.harness.scene import Scene
from lightning_viz.harness.sinks import Picture, Scalar
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
        self._predictions: Predictions | None = None
        self._metrics: dict[int, MulticlassConfusionMatrix] = {}
        self._not_finite: dict[int, int] = {}
        self._counts: dict[str, tuple[Tensor, int]] = {}

    def prepare(self, scene: Scene) -> None:
        """Takes the class names; they were checked with the probes."""
        self._names = scene.probes.class_names

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One matrix per loader, and the recall of every class that the loader has."""
        for loader, (counts, dropped) in self._counts.items():
            table = counts.numpy()
            lines = [f"epoch {scene.epoch} · {loader} · {int(counts.trace())} of {int(counts.sum())} right"]
            lines += worst_confusions(table, self._names)
            if dropped:
                lines.append(f"left out: {dropped} predictions that are not finite")
            yield Picture(f"confusion/{loader}", confusion_picture(table, self._names, caption=lines), flat=True)
            yield from self._recalls(loader, recall(table))

    def _recalls(self, loader: str, shares: Floats) -> Iterable[Scalar]:
        found = np.isfinite(shares)  # classes that the loader does not have are NaN
        if len(shares) > MOST_RECALLS and found.any():
            yield Scalar(f"recall/{loader}/mean", float(shares[found].mean()))
        elif len(shares) <= MOST_RECALLS:
            for k in np.flatnonzero(found):
                yield Scalar(f"recall/{loader}/{slugs(self._names)[k]}", float(shares[k]))

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

    def on_validation_batch_start(self, *args: Any, dataloader_idx: int = 0) -> None:
        """Listens to what the step is about to say."""
        if self._predictions is not None:
            self._predictions.watch()

    def on_test_batch_start(self, *args: Any, dataloader_idx: int = 0) -> None:
        """Listens to what the step is about to say."""
        self.on_validation_batch_start()

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
            self._count(*self._predictions.collect(outputs, batch), dataloader_idx)
        except Exception as error:
            self._close()
            self._failed(error, trainer.current_epoch)

    def on_test_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Counts what the step said."""
        self.on_validation_batch_end(*args, **kwargs)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws what was counted."""
        if self._predictions is None:
            return
        split, several = ("test" if trainer.testing else "val"), len(self._metrics) > 1
        for i, metric in sorted(self._metrics.items()):  # on all processes: computing gathers
            name = f"{split}_{i}" if several else split
            self._counts[name] = metric.compute().cpu(), self._not_finite.get(i, 0)
        self._close()
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
        self._metrics, self._not_finite, self._counts = {}, {}, {}
        if self.due(trainer):
            subject = find_subject(trainer, pl_module, self.net)
            self._predictions = Predictions(pl_module, subject, self.probes.unpack, seed=self.seed)

    def _close(self) -> None:
        if self._predictions is not None:
            self._predictions.close()
        self._predictions = None

    def _count(self, said: Tensor, labels: Tensor, loader: int) -> None:
        if loader not in self._metrics:
            self._metrics[loader] = MulticlassConfusionMatrix(len(self._names)).to(labels.device)
        known = (labels >= 0) & (labels < len(self._names))
        if not bool(known.all()):
            said, labels = said[known], labels[known]
            self.warn_once(f"{type(self).__name__} leaves out labels that are no class.", key="labels")
        finite = said.isfinite().reshape(len(said), -1).all(dim=1)
        if not bool(finite.all()):
            self._not_finite[loader] = self._not_finite.get(loader, 0) + int((~finite).sum())
            said, labels = said[finite], labels[finite]
            self.warn_once(f"{type(self).__name__} leaves out predictions that are not finite.", key="not finite")
        self._metrics[loader].update(said, labels)
