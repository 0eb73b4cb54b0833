"""Where pictures and figures go."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info

from lightning_viz.harness.frames import Frames
from lightning_viz.harness.pictures import Film, Logged, Picture, Scalar
from lightning_viz.harness.probes import ProbeBatch
from lightning_viz.harness.tab import tab_of
from lightning_viz.harness.writers import Folder, Write, as_path, film_writer, image_writer, scalar_tags

RESERVE = 8 * 2**20
"""Bytes that stay free on the disk of a log: Lightning's own writers die where nothing is left."""


class Sinks:
    """All loggers of a Trainer that take images, behind one call; a folder of files where there is none.

    Args:
        trainer: The Trainer. All processes make the sinks together, only the first one writes.

    Attributes:
        home: The run's own folder on this machine; `None` on the processes that do not write, and where the log folder
            is elsewhere.
        frames: Where every picture is kept as a frame of its film, if any is to be.
    """

    def __init__(self, trainer: pl.Trainer) -> None:
        folder = trainer.log_dir  # asks all processes
        self.home = _home(trainer, folder) if trainer.is_global_zero else None
        self.frames: Frames | None = None
        self._loggers: list[Any] = list(trainer.loggers) if trainer.is_global_zero else []
        found = [(_folder_of(logger), image_writer(logger)) for logger in self._loggers]
        self._writers: list[tuple[Path | None, Write]] = [(home, write) for home, write in found if write is not None]
        self._tabs = [(_folder_of(logger), tab) for logger in self._loggers if (tab := tab_of(logger)) is not None]
        rehearsal = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        if trainer.is_global_zero and not self._writers and not rehearsal:
            home = Path(folder or trainer.default_root_dir)
            self._writers = [(home, Folder(home))]
            rank_zero_info(f"No logger takes images, so the pictures are files in {home / 'explanations'}.")

    def write(self, results: Sequence[Logged], step: int, epoch: int) -> None:
        """Writes figures to every logger at this step, and the rest to every one that takes it.

        Args:
            results: What was drawn.
            step: The step at which Lightning logs the scalars of this moment.
            epoch: The epoch, for the frames and the Explanations tab.

        Raises:
            Exception: The first error of a logger or a disk; what the others could take is written.
        """
        errors: list[Exception] = []
        scalars = {result.tag: result.value for result in results if isinstance(result, Scalar)}
        for logger in self._loggers if scalars else []:
            with _kept(errors):
                logger.log_metrics(scalar_tags(logger, scalars), step=step)
        writers = [*self._writers]
        if self.frames is not None:
            writers.append((self.home, partial(self.frames.keep, epoch=epoch)))
        for home, write in writers:
            with _kept(errors):
                for picture in results:
                    if isinstance(picture, Picture):
                        _check_room(home)
                        write(picture, step)
        for home, tab in self._tabs:
            with _kept(errors):
                _check_room(home)
                tab.write(results, step, epoch)
        self._flush(errors)
        if errors:
            raise errors[0]

    def write_film(self, film: Film, step: int) -> None:
        """Writes a film as a file, `<log folder>/films/<tag>`, and to every logger that takes it.

        The Explanations tab hears of it with what is written next.

        Raises:
            Exception: The first error of a logger or a disk; what the others could take is written.
        """
        if self.home is None:
            return
        errors: list[Exception] = []
        named = self.home / "films" / as_path(film.tag)
        file = named.with_name(f"{named.name}.{film.suffix}")
        _check_room(self.home)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(film.encoded)
        for logger in self._loggers:
            with _kept(errors):
                _check_room(_folder_of(logger))
                (film_writer(logger) or _nothing)(film, file, step)
        for _, tab in self._tabs:
            tab.manifest.note(film)
        self._flush(errors)
        if errors:
            raise errors[0]

    def _flush(self, errors: list[Exception]) -> None:
        for logger in self._loggers:  # else a new picture is seen after minutes
            with _kept(errors):
                getattr(logger.experiment, "flush", _nothing)()

    def describe(self, probes: ProbeBatch, layout: dict[str, dict[str, list[Any]]] | None) -> None:
        """Tells of the classes and the probes, and lays out scalars as charts of several curves, where a logger can.

        Args:
            probes: The probes.
            layout: That of TensorBoard's Custom Scalars; None where the probes are not logged.
        """
        for _, tab in self._tabs:
            tab.manifest.introduce(probes, logged=layout is not None)
        for logger in self._loggers if layout is not None else ():
            if hasattr(logger.experiment, "add_custom_scalars"):
                logger.experiment.add_custom_scalars(layout)


def _home(trainer: pl.Trainer, folder: str | None) -> Path | None:
    first: Any = next(iter(trainer.loggers), None)
    home = Path(folder or trainer.default_root_dir)
    if first is not None and getattr(first, "log_dir", None) is None:  # several runs share its folder
        home = home / str(first.name) / str(first.version)
    return None if "://" in str(folder or trainer.default_root_dir) else home


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


def _nothing(*_: object) -> None:
    """Stands in for what a logger or its experiment does not have."""
