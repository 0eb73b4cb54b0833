"""Where pictures and figures go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info

from lightning_viz.harness.folders import Place, place
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.remote import Remote
from lightning_viz.harness.sinks.events import event_file, experiment_of, send
from lightning_viz.harness.sinks.frames import Frames
from lightning_viz.harness.sinks.results import Charts, Film, Logged, Picture, Scalar, Seen
from lightning_viz.harness.sinks.room import Room, write_whole
from lightning_viz.harness.sinks.spare import Patience, Spare, UntakenError
from lightning_viz.harness.sinks.tab import tab_of
from lightning_viz.harness.sinks.writers import Folder, Write, as_path, film_writer, image_writer, write_scalars


class _Target:
    """One place that takes results: a logger of the Trainer, or a folder of files.

    Args:
        logger: The logger; `None` for a folder.
        folder: Where it lies; `None` if that is not known.
        write: Takes a picture; `None` where the logger takes none.

    Attributes:
        left: Pictures of the last writing that it has not taken.
    """

    def __init__(self, logger: Any, folder: Place | None, write: Write | None) -> None:
        self.logger, self.takes = logger, write
        self.folder = None if isinstance(folder, Remote) else folder
        self.name = str(folder) if logger is None else type(logger).__name__
        self.left = list[Picture]()
        self._room, self._patience = Room(self.folder), Patience()
        self.tab = None if logger is None else tab_of(logger)

    def write(self, results: Sequence[Logged], step: int, epoch: int) -> None:
        """Writes figures, and pictures where they are taken, if there is room for all of them.

        Raises:
            Exception: There is none, or what a logger raises.
        """
        pictures = [result for result in results if isinstance(result, Picture)] if self.takes is not None else []
        self.left = [*pictures]
        with self._patience.trying():
            self._write(results, pictures, step, epoch)
        self.left = []

    def _write(self, results: Sequence[Logged], pictures: Sequence[Picture], step: int, epoch: int) -> None:
        scalars = {result.tag: result.value for result in results if isinstance(result, Scalar)}
        self.check_room(sum(len(picture.encoded) for picture in pictures))
        if scalars and self.logger is not None:
            write_scalars(self.logger, scalars, step)
        for picture in pictures:
            (self.takes or _nothing)(picture, step)
            self.left.pop(0)
        if self.tab is not None:
            self.tab.write(results, step, epoch)
        try:
            self.flush()
        except Exception:
            self.left = [*pictures]
            raise

    def write_film(self, film: Film, file: Path, step: int) -> None:
        """Writes a film that lies in a file already, where it is taken.

        Raises:
            Exception: There is no room, or what a logger raises.
        """
        if self.tab is not None and film.animated:
            return  # its log lies beside the file, has every picture already, and a tab that plays them
        write = None if self.logger is None else film_writer(self.logger)
        if write is not None:
            self.check_room(len(film.encoded))
            write(film, file, step)
        if self.tab is not None:
            self.tab.manifest.note(film)
        self.flush()

    def check_room(self, size: int) -> None:
        """Raises unless it can take so many bytes.

        Raises:
            OSError: It cannot.
        """
        self._room.check(size, grows=None if self.logger is None else event_file(experiment_of(self.logger)))

    def flush(self) -> None:
        """Lets what was written be seen; else a new picture is seen after minutes."""
        if self.logger is not None:
            send(experiment_of(self.logger))
            getattr(experiment_of(self.logger), "flush", _nothing)()


class Sinks:
    """All loggers of a Trainer that take images, behind one call; a folder of files where there is none.

    Args:
        trainer: The Trainer. All processes make the sinks together, only the first one writes.

    Attributes:
        home: The run's own folder; `None` on the processes that do not write.
        frames: Where every picture is kept as a frame of its film, if any is to be.
    """

    def __init__(self, trainer: pl.Trainer) -> None:
        folder = trainer.log_dir  # asks all processes
        self.home = _home(trainer, folder) if trainer.is_global_zero else None
        self._room, self._patience = Room(None if isinstance(self.home, Remote) else self.home), Patience()
        self._spare = None if self.home is None else Spare(self.home)
        self.frames: Frames | None = None
        loggers: list[Any] = list(trainer.loggers) if trainer.is_global_zero else []
        self._targets = [_Target(logger, _folder_of(logger), image_writer(logger)) for logger in loggers]
        rehearsal = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        unseen = all(target.takes is None for target in self._targets)
        if trainer.is_global_zero and unseen and not rehearsal:
            home = place(folder or trainer.default_root_dir)
            self._targets.append(_Target(None, home, Folder(home)))
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
        sound = [result for result in results if _is_sound(result, errors)]
        for target in self._targets:
            with _kept(errors), self._rescuing(target, step):
                target.write(sound, step, epoch)
        if self.frames is not None:
            with _kept(errors), self._patience.trying():
                pictures = [result for result in sound if isinstance(result, Picture)]
                self._room.check(sum(len(picture.encoded) for picture in pictures))
                self.frames.keep(pictures, step, epoch)
        if errors:
            raise errors[0]

    @contextmanager
    def _rescuing(self, target: _Target, step: int) -> Iterator[None]:
        """Keeps what a target does not take in files, once; its error then says where."""
        try:
            yield
        except Exception as error:
            if not target.left or self._spare is None or not self._spare.would_help(error, target.folder):
                raise
            try:
                kept = self._spare.pictures(target.left, step)
            except OSError:  # no room for anything
                raise error from None
            raise UntakenError(
                f"{target.name} did not take pictures, so they are files in {kept}, as all will be until it does."
            ) from error

    def write_film(self, film: Film, step: int) -> None:
        """Writes a film as a file, `<log folder>/films/<tag>`, and to every logger that takes it.

        The Explanations tab hears of it with what is written next.

        Raises:
            Exception: The first error of a logger or a disk; what the others could take is written.
        """
        if self.home is None:
            return
        errors: list[Exception] = []
        with ExitStack() as stack:
            with _kept(errors):
                self._keep_film(film)
            file = film_file(self.home, film)
            if isinstance(file, Remote):  # loggers take what is here
                file = Path(stack.enter_context(TemporaryDirectory()), file.name)
                file.write_bytes(film.encoded)
            for target in self._targets:
                with _kept(errors):
                    target.write_film(film, file, step)
        if errors:
            raise errors[0]

    def _keep_film(self, film: Film) -> None:
        if self.home is None or self._spare is None:
            return
        file = film_file(self.home, film)
        self._room.check(len(film.encoded))
        try:
            with self._patience.trying():
                write_whole(file, film.encoded)
        except OSError as error:
            if not isinstance(self.home, Remote):
                raise
            kept = self._spare.file(file, self.home, film.encoded)
            raise UntakenError(f"{self.home} did not take films, so they are files in {kept.parent}.") from error

    def describe(self, probes: ProbeBatch, charts: Mapping[str, Charts], seen: Sequence[Seen]) -> None:
        """Tells of the classes and the probes, and lays out scalars as charts of several curves, where a logger can.

        Args:
            probes: The probes.
            charts: All that TensorBoard's Custom Scalars shows, by the titles of their groups.
            seen: The probes as they are; none where they are not logged.
        """
        layout = {group: {title: ["Multiline", [tags]] for title, tags in c.items()} for group, c in charts.items()}
        for target in self._targets:
            if target.tab is not None:
                target.tab.manifest.introduce(probes, seen)
            if layout and target.logger is not None and hasattr(experiment_of(target.logger), _LAYOUT):
                with suppress(OSError):  # which the first picture meets too, and tells of
                    target.check_room(0)
                    getattr(experiment_of(target.logger), _LAYOUT)(layout)


_LAYOUT = "add_custom_scalars"


def film_file(home: Place, film: Film) -> Place:
    """Where a film lies in the folder of its run."""
    named = home / "films" / as_path(film.tag)
    return named.with_name(f"{named.name}.{film.suffix}")


def _home(trainer: pl.Trainer, folder: str | None) -> Place:
    first: Any = next(iter(trainer.loggers), None)
    home = place(folder or trainer.default_root_dir)
    if first is not None and getattr(first, "log_dir", None) is None:  # several runs share its folder
        home = home / str(first.name) / str(first.version)
    return home


def _folder_of(logger: Any) -> Place | None:
    named = getattr(logger, "log_dir", None) or getattr(logger, "save_dir", None)
    return None if named is None else place(named)


def _is_sound(result: Logged, errors: list[Exception]) -> bool:
    """Whether a result can be written: of a picture, whether its file can be made."""
    before = len(errors)
    with _kept(errors):
        _ = result.encoded if isinstance(result, Picture) else None
    return len(errors) == before


@contextmanager
def _kept(errors: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        errors.append(error)


def _nothing(*_: object) -> None:
    """Stands in for what a logger or its experiment does not have."""
