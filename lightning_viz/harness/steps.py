"""The step at which Lightning logs the scalars of this moment."""

from __future__ import annotations

import pytorch_lightning as pl

BEFORE = -1
"""The step of what is drawn before the first one."""


def epoch_at(trainer: pl.Trainer, step: int, *, ended: bool = False) -> int:
    """The epoch of what is drawn now under a step: -1 before the first one.

    Args:
        trainer: The Trainer.
        step: The step.
        ended: Whether the hook is `on_train_end`, where Lightning has counted on to an epoch that there is not.
    """
    return trainer.current_epoch - int(ended) if step > BEFORE else -1


def logged_step(trainer: pl.Trainer, *, epoch_end: bool = False) -> int:
    """The step under which Lightning writes the scalars that are logged in the current hook.

    `trainer.global_step` is not it: it counts every optimizer, and differs by one at the end of an epoch.

    Args:
        trainer: The Trainer.
        epoch_end: Whether the hook is `on_train_epoch_end`, whose scalars Lightning writes one step earlier than those
            of validation.
    """
    loop = getattr(trainer.fit_loop, "epoch_loop", None)
    step = getattr(loop, "_batches_that_stepped", None)
    if step is None:
        step = trainer.global_step
    return max(int(step) - int(epoch_end), 0)
