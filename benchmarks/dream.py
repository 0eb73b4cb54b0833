"""Deep dream, against forward and input gradient of the layers up to the one it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch.nn import functional as F

from benchmarks.measure import Line, side_by_side
from benchmarks.network import LAYER, Settings, Subject
from lightning_viz.explain.optimisation.dream import ITERATIONS, dream, octave_sizes

SIZES = (4, 8)
"""How many images the network alone gets at a time."""


def lines(settings: Settings) -> Iterator[Line]:
    """One line."""
    subject = Subject(settings)
    floors: dict[str, Callable[[], None]] = {}
    for size in SIZES:
        floors |= _alone(subject, settings.size, size)

    def ours() -> None:
        with subject.isolation():
            dream(subject.features, subject.images, canvas=settings.size)

    seconds = side_by_side({"ours": ours, **floors}, settings.repetitions)
    least = min(floors, key=lambda name: seconds[name])
    what = f"deep dream at {LAYER}, {len(subject.images)} images at their own size"
    yield Line(what, seconds["ours"], least, seconds[least])


def _alone(subject: Subject, canvas: int, size: int) -> dict[str, Callable[[], None]]:
    """The network alone on images of all octaves, by memory layout."""
    sizes = octave_sizes((canvas, canvas), len(ITERATIONS), 1.4)
    octaves = [subject.floors(F.interpolate(subject.images[:size], each), upto=LAYER) for each in sizes]
    times = [steps * len(subject.images) // size for steps in ITERATIONS]
    return {
        f"network alone, {layout}, {size} at a time": _all(
            [octave[layout] for octave, count in zip(octaves, times, strict=True) for _ in range(count)]
        )
        for layout in octaves[0]
    }


def _all(calls: list[Callable[[], object]]) -> Callable[[], None]:
    def run() -> None:
        for call in calls:
            call()

    return run
