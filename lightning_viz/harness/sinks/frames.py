"""Every picture of a run as a frame on disk, of which films are made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt
from pytorch_lightning.utilities import rank_zero_warn

from lightning_viz.harness.folders import Place, append, copied
from lightning_viz.harness.remote import Remote
from lightning_viz.harness.sinks.results import Picture
from lightning_viz.harness.sinks.room import write_whole
from lightning_viz.harness.sinks.writers import as_path

INDEX = "index.jsonl"


@dataclass(frozen=True)
class Frame:
    """One picture of a film.

    Attributes:
        tag: Of the picture.
        step: The step at which it was logged; -1 before the first one.
        epoch: The epoch, from 0; -1 before the first step.
        caption: How many rows at its lower end hold the caption.
        file: Where it lies below the folder of the frames.
        full: The value that it shows in full colour; 0 where it is kept as it was drawn.
    """

    tag: str
    step: int
    epoch: int
    caption: int
    file: str
    full: float = 0.0


class Frames:
    """The frames of a run: `<folder>/<tag>/<step>.jpg`, with a line each in `<folder>/index.jsonl`.

    Of a map it is `<step>.npz` with what it is painted from, so that a film has one scale from beginning to end.
    Nothing of them stays in memory. Where the folder has frames of an earlier run, `begin` says what of them counts.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Place) -> None:
        self.folder = folder
        self._warned = False
        self._earlier = len(self._lines())

    def keep(self, pictures: Iterable[Picture], step: int, epoch: int) -> None:
        """Keeps pictures in the very bytes that the logger gets, or what they were painted from.

        Raises:
            OSError: The folder cannot be written to.
        """
        kept = list[Frame]()
        try:
            for picture in pictures:
                kept.append(self._kept(picture, step, epoch))
        finally:
            if kept:
                self._append(kept)

    def remove(self) -> None:
        """Removes all frames, and their folders where nothing else is in them.

        Raises:
            OSError: The folder cannot be written to.
        """
        places = {self.folder / frame.file for frame in self._lines()}
        for place in places:
            place.unlink(missing_ok=True)
        if (self.folder / INDEX).is_file():
            (self.folder / INDEX).unlink()
        folders = {parent for place in places for parent in place.parents if is_below(parent, self.folder)}
        for folder in sorted(folders | {self.folder}, key=lambda folder: -len(folder.parts)):
            with suppress(OSError):  # something of others is left in it
                folder.rmdir()

    def begin(self, until: int) -> None:
        """Drops the frames of later steps that lay here before this run.

        Raises:
            OSError: The folder cannot be written to.
        """
        lines = self._lines()
        earlier, own = lines[: self._earlier], lines[self._earlier :]
        kept = [frame for frame in earlier if frame.step <= until] + own
        for file in {frame.file for frame in earlier} - {frame.file for frame in kept}:
            if (self.folder / file).is_file():
                (self.folder / file).unlink()
        if earlier:
            (self.folder / INDEX).unlink()
            self._append(kept)
        self._earlier = 0

    def take_over(self, folder: Place, until: int) -> bool:
        """Adds the frames of another run up to a step, by hard links where the file system has them.

        Returns:
            Whether there were frames to take over.

        Raises:
            OSError: The folder cannot be written to.
        """
        found = [frame for frame in Frames(folder)._lines() if frame.step <= until and (folder / frame.file).is_file()]
        for frame in found:
            place = self.folder / frame.file
            place.unlink(missing_ok=True)
            copied(folder / frame.file, place)
        self._append(found)
        return bool(found)

    def by_tag(self) -> dict[str, list[Frame]]:
        """The frames of each picture, in the order of their steps."""
        found = {frame.file: frame for frame in self._lines()}  # the last word on a file counts
        reels: dict[str, list[Frame]] = {}
        for frame in sorted(found.values(), key=lambda frame: frame.step):
            reels.setdefault(frame.tag, []).append(frame)
        return reels

    def _kept(self, picture: Picture, step: int, epoch: int) -> Frame:
        suffix, full = (picture.suffix, 0.0) if picture.source is None else ("npz", picture.full)
        file = as_path(picture.tag) / f"{step}.{suffix}"
        place = self.folder / file
        if not isinstance(place, Remote):
            place.unlink(missing_ok=True)  # an earlier run may have it too, by a hard link
        write_whole(place, picture.encoded if picture.source is None else _packed(picture.source))
        return Frame(picture.tag, step, epoch, picture.caption, file.as_posix(), full)

    def _append(self, frames: Iterable[Frame]) -> None:
        append(self.folder / INDEX, "".join(f"{json.dumps(asdict(frame))}\n" for frame in frames))

    def _lines(self) -> list[Frame]:
        frames, outside = list[Frame](), list[Frame]()
        with suppress(OSError):  # none yet; where it cannot be written to either, `keep` says so
            for line in (self.folder / INDEX).read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, TypeError):  # a line that was cut off, as by a full disk, or another's
                    frame = _checked(Frame(**json.loads(line)))
                    (frames if is_inside(self.folder, frame.file) else outside).append(frame)
        if outside and not self._warned:
            self._warned = True
            rank_zero_warn(
                f"{self.folder / INDEX} names {len(outside)} files that are not in its folder, such as "
                f"{outside[0].file!r}. They are passed over, and left alone: has someone else made this folder?"
            )
        return frames


def probe_of(tag: str) -> str | None:
    """The probe that a tag is about; `None` for those that are about none.

    Example:
        >>> probe_of("probe_03_egg/saliency"), probe_of("filters/class_egg")
        ('probe_03_egg', None)
    """
    first, _, rest = tag.partition("/")
    return first if rest and re.match(r"probe_\d+_", first) else None


def is_inside(folder: Place, file: str) -> bool:
    """Whether a path leads to something in a folder, also behind links, and not to its index.

    Example:
        >>> from pathlib import Path
        >>> is_inside(Path("frames"), "egg/3.jpg"), is_inside(Path("frames"), "../thesis.tex")
        (True, False)
    """
    place, home = (folder / file).resolve(), folder.resolve()
    return place not in (home, home / INDEX) and is_below(place, home)


def is_below(place: Place, folder: Place) -> bool:
    """Whether a place lies below a folder, or is it."""
    return folder in (place, *place.parents)


def _packed(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _checked(frame: Frame) -> Frame:
    kinds = {"tag": str, "step": int, "epoch": int, "caption": int, "file": str, "full": float}
    for name, kind in kinds.items():
        if type(getattr(frame, name)) is not kind:
            raise TypeError(f"{name} is of another type")
    if frame.caption < 0 or not frame.file or "\0" in frame.file or not 0 <= frame.full < inf:
        raise ValueError("no frame")
    return frame
