"""Deep dream, against forward and input gradient of the layers up to the one it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch.nn import functional as F

from benchmarks.measure import Line, side_by_side
from benchmarks.network import LAYER, LAYOUTS, Settings, Subject, best
from lightning_viz.explain.dream import ITERATIONS, dream, octave_sizes
from lightning_viz.explain.weights import optimized
from lightning_viz.harness.quiet import quiet


def lines(settings: Settings) -> Iterator[Line]:
    """One line."""
    seconds = _dreams(Subject(settings), settings)
    yield Line(f"deep dream at {LAYER}, 1 image at its own size", seconds["ours"], *best(seconds))


def _dreams(subject: Subject, settings: Settings) -> dict[str, float]:
    image, canvas = subject.images[:1], settings.size
    sizes = octave_sizes((canvas, canvas), len(ITERATIONS), 1.4)
    octaves = [subject.floors(F.interpolate(image, size), upto=LAYER) for size in sizes]
    floors = {
        name: _all([octave[name] for octave, steps in zip(octaves, ITERATIONS, strict=True) for _ in range(steps)])
        for name in LAYOUTS
    }

    def ours() -> None:
        with quiet(subject.net), optimized(subject.net):
            dream(subject.features, image, canvas=canvas)

    return side_by_side({"ours": ours, **floors}, settings.repetitions)


def _all(calls: list[Callable[[], object]]) -> Callable[[], None]:
    def run() -> None:
        for call in calls:
            call()

    return run
