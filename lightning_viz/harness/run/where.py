"""Where to look at a run: the very command."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info

from lightning_viz.harness.sinks.events import experiment_of

if TYPE_CHECKING:
    from lightning_viz.harness.run.run import Run


def command(folder: str) -> str:
    """The shell command that shows a run in TensorBoard, in its tab Explanations.

    Example:
        >>> command("runs/demo/version_0").split("tensorboard ")[1]
        '--logdir runs/demo/version_0'
    """
    beside = Path(sys.executable).with_name("tensorboard")
    known = beside.exists() and sys.prefix != sys.base_prefix  # in an environment that need not be active
    program = shlex.quote(str(_short(beside))) if known else "tensorboard"
    return f"{program} --logdir {shlex.quote(str(_short(Path(folder))) if '://' not in folder else folder)}"


def tell_where(run: Run, which: str) -> None:
    """Says once in a run by which command to look at its explanations; `which` says of when they are."""
    known = where_to_look(run.trainer) if run.claims.first_time(f"where to look: {which}") else None
    if known is not None:
        rank_zero_info(f"Look at the explanations {which}: {known}")


def where_to_look(trainer: pl.Trainer) -> str | None:
    """The command that shows what this Trainer's run draws; `None` where that is nothing for TensorBoard.

    Other loggers say by themselves where their pictures are, and of a rehearsal nothing stays.
    """
    loggers: list[Any] = trainer.loggers if trainer.is_global_zero and not _is_rehearsal(trainer) else []
    for logger in loggers:
        folder = getattr(logger, "log_dir", None)
        if folder and hasattr(experiment_of(logger), "_get_file_writer"):
            return command(str(folder))
    return None


def _is_rehearsal(trainer: Any) -> bool:
    return bool(trainer.fast_dev_run)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
