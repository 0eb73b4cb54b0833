"""Where pictures and figures go."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info

from lightning_viz.harness.pictures import Picture, Scalar
from lightning_viz.harness.writers import Folder, Write, image_writer, scalar_tags

RESERVE = 8 * 2**20
"""Bytes that stay free on the disk of a log: Lightning's own writers die where nothing is left."""


class Sinks:
    """All loggers of a Trainer that take images, behind one call; a folder of files where there is none.

    Args:
        trainer: The Trainer. All processes make the sinks together, only the first one writes.
    """

    def __init__(self, trainer: pl.Trainer) -> None:
        folder = trainer.log_dir  # asks all processes
        self._loggers: list[Any] = list(trainer.loggers) if trainer.is_global_zero else []
        found = [(_folder_of(logger), image_writer(logger)) for logger in self._loggers]
        self._writers: list[tuple[Path | None, Write]] = [(home, write) for home, write in found if write is not None]
        rehearsal = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        if trainer.is_global_zero and not self._writers and not rehearsal:
            home = Path(folder or trainer.default_root_dir)
            self._writers = [(home, Folder(home))]
            rank_zero_info(f"No logger takes images, so the pictures are files in {home / 'explanations'}.")

    def write(self, results: Sequence[Picture | Scalar], step: int) -> None:
        """Writes figures to every logger at this step, and pictures to every one that takes them.

        Raises:
            Exception: The first error of a logger or a disk; what the others could take is written.
        """
        errors: list[Exception] = []
        scalars = {result.tag: result.value for result in results if isinstance(result, Scalar)}
        for logger in self._loggers if scalars else []:
            with _kept(errors):
                logger.log_metrics(scalar_tags(logger, scalars), step=step)
        for home, write in self._writers:
            with _kept(errors):
                for picture in results:
                    if isinstance(picture, Picture):
                        _check_room(home)
                        write(picture, step)
        for logger in self._loggers:  # else a new picture is seen after minutes
            with _kept(errors):
                getattr(logger.experiment, "flush", _nothing)()
        if errors:
            raise errors[0]

    def describe(self, layout: dict[str, dict[str, list[Any]]]) -> None:
        """Lays out scalars as charts of several curves, where a logger can (TensorBoard's Custom Scalars)."""
        for logger in self._loggers:
            if hasattr(logger.experiment, "add_custom_scalars"):
                logger.experiment.add_custom_scalars(layout)


def _folder_of(logger: Any) -> Path | None:
    named = getattr(logger, "log_dir", None) or getattr(logger, "save_dir", None)
    return None if named is None or "://" in str(named) else Path(named)


def _check_room(folder: Path | None) -> None:
    if folder is None:
        return
    existing = next((place for place in (folder, *folder.parents) if place.exists()), None)
    if existing is not None and shutil.disk_usage(existing).free < RESERVE:
        raise OSError(
            errno.ENOSPC,
            f"Expected at least {RESERVE >> 20} MiB free for pictures, so that the other logs and the checkpoints have "
            "room; make room, and the next pictures are written again",
            str(folder),
        )


@contextmanager
def _kept(errors: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        errors.append(error)


def _nothing() -> None:
    """Stands in for a `flush` that an experiment does not have."""
