"""The pictures of a run that is over, from its checkpoints."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Optional, Union

import pytorch_lightning as pl

from lightning_viz.harness.folders import place
from lightning_viz.harness.replay.checkpoints import find
from lightning_viz.harness.replay.following import Following
from lightning_viz.harness.replay.loop import Checkpoints, stand_at, swapped


def replay(
    trainer: pl.Trainer,
    model: pl.LightningModule,
    checkpoints: Union[str, Path, Sequence[Union[str, Path]]],  # noqa: UP007
    *,
    train_dataloaders: Any = None,
    val_dataloaders: Any = None,
    datamodule: Any = None,
    weights_only: bool = True,
    follow: bool = False,
    until: Optional[int] = None,  # noqa: UP045
) -> None:
    """Draws the pictures of a run from its checkpoints, as the Trainer's callbacks would have drawn them in it.

    Checkpoints stand in for the training. Each is loaded in the order of its step, validated and drawn as at the end of
    its epoch, also one from the midst of an epoch; epoch and step are its own. Where they are the moments at which the
    run would have drawn, all pictures and figures are those of the run, bit for bit. `every_n_epochs` and
    `every_n_steps` hold, `max_overhead` does not. What is drawn as untrained is a checkpoint of step 0, else the model
    as it is handed over: the run's own untrained network if both were built from one seed.

    Nothing is trained, no checkpoint is written, and afterwards the model has the weights that it was handed over with.
    Of the Trainer's callbacks only those of this package and the progress bar take part. Its logger opens a log folder
    of its own, as for any run. Of the checkpoints of one step, such as `last.ckpt`, one is drawn. Those that cannot be
    read, or are of another model, are told and left out.

    Args:
        trainer: Has the callbacks and the logger, and otherwise the arguments of the run.
        model: The LightningModule of the run, built with the same arguments.
        checkpoints: A pattern in quotes such as 'runs/version_0/checkpoints/*.ckpt', a folder, a file, or several.
        train_dataloaders: Those of the run, as for `trainer.fit`.
        val_dataloaders: Those of the run, as for `trainer.fit`.
        datamodule: That of the run, as for `trainer.fit`.
        follow: Go on with the checkpoints that appear in a folder while the run goes on elsewhere, such as those of
            `Snapshots`, until the run has ended. What is half-written is waited for, what is deleted before its turn is
            told.
        until: The last epoch to follow, for a run that does not say when it has ended.
        weights_only: False also reads checkpoints with Python objects, which may run any code: do you trust them?

    Raises:
        ValueError: `follow` without a folder; there is no checkpoint, or none that can be used; or what a callback
            finds before its first drawing.
    """
    source = _followed(checkpoints, until) if follow else find(checkpoints)
    stand_in = Checkpoints(trainer, source, weights_only=weights_only)
    callbacks = [c for c in trainer.callbacks if not _acts_on_training(c)]  # type: ignore[attr-defined]
    fit_loop, loop = trainer.fit_loop, trainer.fit_loop.epoch_loop
    with ExitStack() as stack:
        stack.enter_context(swapped(trainer, "callbacks", callbacks))
        for owner, progress in (
            (fit_loop, "epoch_progress"),
            (loop.automatic_optimization, "optim_progress"),
            (loop.manual_optimization, "optim_step_progress"),
            (loop, "_batches_that_stepped"),
        ):
            stack.enter_context(swapped(owner, progress))
        stand_at(trainer, epoch=0, global_step=0, step=0)
        stack.enter_context(swapped(fit_loop, "run", stand_in))
        trainer.fit(model, train_dataloaders, val_dataloaders, datamodule)


def _followed(checkpoints: Any, until: int | None) -> Following:
    if not isinstance(checkpoints, (str, Path)):
        raise ValueError(f"Expected a folder in which checkpoints appear, received {checkpoints!r}.")
    return Following(place(checkpoints), until)


def _acts_on_training(callback: object) -> bool:
    """Whether a callback saves checkpoints, or trains before the training; in either of Lightning's namespaces."""
    names = {cls.__name__ for cls in type(callback).__mro__}
    return bool(names & {"Checkpoint", "LearningRateFinder", "BatchSizeFinder"})
