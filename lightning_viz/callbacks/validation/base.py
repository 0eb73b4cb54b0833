"""What belongs to a validation as a whole: counted from the batches that pass, drawn at its end."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from lightning_viz.callbacks.base.callback import ExplanationCallback, Moment
from lightning_viz.callbacks.base.keywords import Common, Unpack
from lightning_viz.harness.network.subject import UnsuitedError
from lightning_viz.harness.probes.loaders import flat, side_by_side
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.run import Run, run_of
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.steps import logged_step
from lightning_viz.harness.tasks.task import Task
from lightning_viz.harness.validation.counting import NO_CLASS, NOT_FINITE, Count, merge
from lightning_viz.harness.validation.predictions import Predictions
from lightning_viz.harness.validation.tallies import Tally


class ValidationCallback(ExplanationCallback):
    """Counts what was taken for what in every validation (of every n-th epoch), and draws at its end.

    The predictions are those that the validation step itself made, where they can be overheard; else the network is
    asked once more, for all such callbacks together.

    Args:
        common: The arguments of `ExplanationCallback`; `probes` tells class names and how to unpack a batch.
    """

    per_probe = False

    def __init__(self, **common: Unpack[Common]) -> None:
        super().__init__(**common)
        self._names: tuple[str, ...] = ()
        self._task: Task | None = None
        self._counting = False
        self._predictions: Predictions | None = None
        self._counts: dict[str, Count] = {}
        self._tallies: dict[str, Tally] = {}
        self._error: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to the run."""
        return {**super().__getstate__(), "_predictions": None, "_counts": {}, "_counting": False, "_error": None}

    def prepare(self, scene: Scene) -> None:
        """Takes the class names, which were checked with the probes, and the task.

        Raises:
            ValueError: There is nothing to count.
        """
        scene.task.check(scene.subject, scene.probes.images, self.called)
        self._names, self._task = scene.probes.class_names, scene.task
        if scene.task.counts is None:
            raise ValueError(
                f"Expected labels to hold predictions against, but task={scene.task.name!r} has none: leave "
                f"{self.called} out, or pass probes=Probes(task=...) where they are of another kind."
            )

    def prepared(self, run: Run, probes: ProbeBatch) -> None:
        """Checks that each batch of a validation is of one loader; tells where there will be no validation.

        Raises:
            UnsuitedError: It holds one of each.
        """
        if run.trainer.state.fn == "fit" and not run.trainer.enable_validation:
            rank_zero_info(
                f"{self.called} counts what a validation predicts, but this run has none, so it draws nothing: give "
                "the run validation data, a validation_step and limit_val_batches above 0."
            )
        if side_by_side(run.trainer):
            raise UnsuitedError(
                "Expected validation batches of one loader each, but a CombinedLoader gives batches of several loaders "
                "side by side, and nobody knows which predictions belong to which: return a list of loaders, or "
                "CombinedLoader(..., mode='sequential')."
            )

    def see(
        self, trainer: pl.Trainer, loader: str, batch: Any, *, predictions: Tensor, labels: Tensor, counted: Tensor
    ) -> None:
        """Looks at a batch that has passed.

        Args:
            trainer: The Trainer.
            loader: The name of its loader.
            batch: As it came.
            predictions: Scores (N, K), or predicted classes (N,); what is predicted of places.
            labels: As the task keeps them, (N,) or (N, K), or those of places.
            counted: Bool (N,): which are counted.
        """

    def counted(self, trainer: pl.Trainer) -> None:
        """Called on all processes, when the first one has the counts of all of them, before it is drawn."""

    def loaders(self, trainer: pl.Trainer) -> list[Any]:
        """The loaders of this validation or test."""
        return list(flat(trainer.test_dataloaders if trainer.testing else trainer.val_dataloaders))

    # Lightning's hooks: what is drawn belongs to validation, so the schedules of training do not draw it

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins to count."""
        super().on_validation_start(trainer, pl_module)
        self._open(trainer, pl_module)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins to count."""
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
        """Counts the predictions of the step."""
        before = self._drawing is not None and self._drawing.ready
        super().on_validation_batch_end(trainer, pl_module, outputs, batch, batch_idx, dataloader_idx)
        if self._predictions is None:
            return
        if self._drawing is not None and self._drawing.ready and not before:  # this batch has told what was missing
            self._close()
            self._listen(trainer, pl_module)
        assert self._predictions is not None
        try:
            predictions, labels = self._predictions.collect(outputs, batch)
            self._task = self._predictions.task
            loader = self._loader(trainer, dataloader_idx)
            counted = self._counts[loader].add(predictions, labels)
            self.see(trainer, loader, batch, predictions=predictions, labels=labels, counted=counted)
        except Exception as error:  # told at the end of this validation, where all processes meet
            self._error = error
            self._close()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws what was counted, by all processes together."""
        if not self._counting:
            return
        self._counting = False
        self._close()
        own = None if self._error is not None else {name: count.tally() for name, count in self._counts.items()}
        self._tallies = merge(run_of(trainer).processes.gather(own))
        for reason in (NO_CLASS, NOT_FINITE):
            if any(reason in tally.left_out for tally in self._tallies.values()):
                self.warn_once(f"{self.called} leaves out {reason}.", key=reason)
        self.counted(trainer)
        self._explain("validation", trainer, logged_step(trainer))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws what was counted."""
        self.on_validation_end(trainer, pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Stops listening, also where the run ends in the midst of a batch."""
        super().on_exception(trainer, pl_module, exception)
        self._close()

    def draws_at(self, moment: Moment, trainer: pl.Trainer) -> bool:
        """Whether there is something to draw: at the end of a validation that is counted."""
        return moment == "validation" and self._counting

    def due(self, trainer: pl.Trainer) -> bool:
        """Whether this validation is counted."""
        if trainer.sanity_checking or self._drawing is None or not self._drawing.active:
            return False
        return self.rehearsal or (trainer.current_epoch + 1) % self.every_n_epochs == 0

    def _open(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._counts, self._error, self._counting = {}, None, self.due(trainer)
        if self._counting:
            self._listen(trainer, pl_module)

    def _listen(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        run = run_of(trainer)
        subject = run.subject(pl_module, self.net, self.probes)
        self._predictions = run.overheard(self.probes, subject, self._task, seed=self.seed)

    def _close(self) -> None:
        if self._predictions is not None:
            self._predictions.close()
        self._predictions = None

    def _loader(self, trainer: pl.Trainer, number: int) -> str:
        """The name of a loader, whose items are counted from now on."""
        loaders = self.loaders(trainer)
        split = "test" if trainer.testing else "val"
        name = f"{split}_{number}" if len(loaders) > 1 else split
        if name not in self._counts:
            assert self._task is not None, "known since the batch was read"
            self._counts[name] = Count(loaders[number], len(self._names), self._task)
        return name
