"""What keeps a drawing small beside the training: how it is named there, and when there can be one."""

from __future__ import annotations

from collections.abc import Callable

import pytorch_lightning as pl

from lightning_viz.harness.replay.loop import is_replay
from lightning_viz.harness.run.clock import Allowance
from lightning_viz.harness.run.run import Run


def affordable(run: Run, allowance: Allowance, name: str, say: Callable[[str], object]) -> bool:
    """Whether a drawing can be now; on all processes alike.

    Args:
        run: The run.
        allowance: What share of the training time it may take.
        name: What draws.
        say: Takes the reason where there can be none.
    """
    trainer = run.trainer
    if allowance.share is None or trainer.state.fn != "fit" or trainer.fast_dev_run:  # type: ignore[attr-defined]
        return True
    if is_replay(trainer):  # in which nothing is trained
        return True
    # Each process has a clock of its own: that of the first one counts.
    refusal = run.processes.first(allowance.refusal(run.clock.trained))
    if refusal is not None:
        say(f"{name} draws less often: {refusal}")
    return refusal is None


def name_in(trainer: pl.Trainer, callback: object) -> str:
    """The class of a callback, with a number from the second one of a class on."""
    alike = [other for other in trainer.callbacks if type(other) is type(callback)]  # type: ignore[attr-defined]
    number = next((i for i, other in enumerate(alike, start=1) if other is callback), 1)
    return type(callback).__name__ + (f"_{number}" if number > 1 else "")
