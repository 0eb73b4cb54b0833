"""Out of frames, films and filmstrips."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Literal, Protocol

import numpy as np
from PIL import Image
from pytorch_lightning.utilities import rank_zero_warn

from lightning_viz.harness.folders import readable
from lightning_viz.harness.sinks.frames import Frame, Frames, probe_of
from lightning_viz.harness.sinks.results import Film, Logged, Picture, Pixels
from lightning_viz.render.film import UNREADABLE, evenly, film, filmstrip
from lightning_viz.render.maps.anew import painted_anew

MOST_FRAMES, MOST_COLUMNS = 300, 8


class TakesFilms(Protocol):
    """What films are written to."""

    def write(self, results: Sequence[Logged], step: int, epoch: int) -> None:
        """Hears of what was written, at a step of an epoch."""

    def write_film(self, film: Film, step: int) -> None:
        """Takes a film."""


class Reels:
    """The frames of a run, and what is made of them. What fails is reported once, and the rest is made.

    Args:
        sinks: Where films go; the `Sinks` of a run.
        frames: What they are made of.
        on_error: Whether what fails is reported or raised.
    """

    def __init__(self, sinks: TakesFilms, frames: Frames, on_error: Literal["warn", "raise"] = "warn") -> None:
        self.sinks, self.frames, self.on_error = sinks, frames, on_error
        self._warned: set[str] = set()

    @property
    def failed(self) -> bool:
        """Whether anything could not be made as it should be."""
        return bool(self._warned)

    def make(self, patience: float = inf) -> bool:
        """Makes a filmstrip of every probe, and a film of every picture that was drawn more than once.

        Args:
            patience: Seconds after which no other one is begun.

        Returns:
            Whether all were made.
        """
        until = time.monotonic() + patience
        reels: dict[str, list[Frame]] = {}
        with self.reporting("read the frames"):
            reels = {tag: reel for tag, reel in self.frames.by_tag().items() if len(reel) > 1}
        try:
            return self._make(reels, until)
        finally:  # also where Ctrl-C has ended it, of those that there are
            for step, epoch in sorted({(reel[-1].step, reel[-1].epoch) for reel in reels.values()}):
                with self.reporting("tell the Explanations tab of them"):
                    self.sinks.write([], step, epoch)

    def _make(self, reels: dict[str, list[Frame]], until: float) -> bool:
        strips = [
            (f"make a filmstrip of {probe!r}", partial(self._filmstrip, probe, methods))
            for probe, methods in _by_probe(reels).items()
        ]
        films = [(f"make a film of {tag!r}", partial(self._film, tag, reel)) for tag, reel in reels.items()]
        for what, make in [*strips, *films]:
            if time.monotonic() > until:
                return False
            with self.reporting(what):
                make()
        return True

    @contextmanager
    def reporting(self, what: str) -> Iterator[None]:
        """Goes on after a failure, and warns of the first one of its kind; or does not go on, where that is wanted."""
        try:
            yield
        except Exception as error:
            if self.on_error == "raise":
                raise
            self._warn(
                type(error).__name__,
                f"Films could not {what}. Training is not affected, and later failures of this kind are not reported. "
                f"{type(error).__name__}: {error}",
            )

    def _warn(self, key: str, text: str) -> None:
        if key not in self._warned:
            self._warned.add(key)
            rank_zero_warn(text)

    def _film(self, tag: str, reel: Sequence[Frame]) -> None:
        shown = [reel[i] for i in evenly(len(reel), MOST_FRAMES)]
        encoded, size, broken = film(shown, partial(self._picture, full=_largest(reel)))
        if broken:
            file = self.frames.folder / broken[0].file
            self._warn("unreadable", f"Films passes over {file}, which cannot be read, and others like it.")
        group, _, name = tag.rpartition("/")
        named = f"{group}/film_{name}".lstrip("/")
        self.sinks.write_film(Film(named, encoded, "webp", size, reel[0].caption, animated=True), reel[-1].step)

    def _filmstrip(self, probe: str, methods: dict[str, list[Frame]]) -> None:
        steps = columns([[frame.step for frame in reel] for reel in methods.values()])
        frames = {frame.step: frame for reel in methods.values() for frame in reel}
        epochs = [frames[step].epoch for step in steps]
        titles = [_moment(frames[step], alone=epochs.count(frames[step].epoch) == 1) for step in steps]
        rows = {method.replace("_", " "): self._row(reel, steps) for method, reel in methods.items()}
        image = filmstrip({name: row for name, row in rows.items() if any(p is not None for p in row)}, titles)
        strip, (height, width) = Picture("", image), image.shape[:2]
        self.sinks.write_film(Film(f"{probe}/filmstrip", strip.encoded, strip.suffix, (width, height)), steps[-1])

    def _row(self, reel: Sequence[Frame], steps: Sequence[int]) -> list[Pixels | None]:
        drawn, full = {frame.step: frame for frame in reel}, _largest(reel)
        return [self._body(drawn[step], full) if step in drawn else None for step in steps]

    def _body(self, frame: Frame, full: float) -> Pixels | None:
        try:
            whole = self._picture(frame, full)
        except UNREADABLE:
            return None  # the film tells of it
        return whole[: len(whole) - frame.caption]

    def _picture(self, frame: Frame, full: float) -> Pixels:
        """A frame as it was drawn; a map as it would have been, had its scale been known from the beginning."""
        file = self.frames.folder / frame.file
        if file.suffix != ".npz":
            with Image.open(readable(file)) as image:
                return np.asarray(image.convert("RGB"))
        try:
            with np.load(readable(file), allow_pickle=False) as kept:
                return painted_anew(dict(kept), full)
        except Exception as error:  # of what a broken file may hold, there is no end
            raise OSError(f"{file} cannot be read: {error}") from error


def _largest(reel: Sequence[Frame]) -> float:
    """The value that all of a film shows in full colour."""
    return max(frame.full for frame in reel)


def columns(schedules: Sequence[Sequence[int]]) -> list[int]:
    """The steps of a filmstrip's columns: the first and the last one, and those at which most methods were drawn.

    >>> columns([[-1, 5, 11, 17], [-1, 11]])
    [-1, 11, 17]
    """
    drawn = Counter(step for steps in schedules for step in steps)
    ordered = sorted(drawn)
    ends, most = (ordered[0], ordered[-1]), max(drawn.values())
    fit = [step for step in ordered if drawn[step] == most or step in ends]
    return [fit[i] for i in evenly(len(fit), MOST_COLUMNS)]


def _by_probe(reels: dict[str, list[Frame]]) -> dict[str, dict[str, list[Frame]]]:
    """By probe and method; without the probe itself, which is the same in every epoch."""
    found: dict[str, dict[str, list[Frame]]] = {}
    for tag, reel in reels.items():
        probe = probe_of(tag)
        if probe is not None and tag != f"{probe}/input":
            found.setdefault(probe, {})[tag.removeprefix(f"{probe}/")] = reel
    return found


def _moment(frame: Frame, *, alone: bool) -> str:
    if frame.epoch < 0:
        return "untrained"
    return f"epoch {frame.epoch}" if alone else f"epoch {frame.epoch}, step {frame.step}"
