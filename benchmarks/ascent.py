"""Filter ascent and deep dream, against forward and input gradient of the layers up to the one they look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch.nn import functional as F

from benchmarks.measure import Line, side_by_side
from benchmarks.network import LAYER, LAYOUTS, Settings, Subject, best
from lightning_viz.explain.dream import dream
from lightning_viz.explain.filters import maximise_channels
from lightning_viz.harness.quiet import quiet

STEPS, CHANNELS = 12, 4
OCTAVES, SCALE, ITERATIONS = 4, 1.4, 6


def lines(settings: Settings) -> Iterator[Line]:
    """One line each."""
    subject = Subject(settings)
    seconds = _ascents(subject, settings)
    each = {name: value / STEPS / CHANNELS for name, value in seconds.items()}
    yield Line(f"filter ascent at {LAYER}, per channel and step", each["ours"], *best(each))
    seconds = _dreams(subject, settings)
    yield Line(f"deep dream at {LAYER}, 1 image at its own size", seconds["ours"], *best(seconds))


def _ascents(subject: Subject, settings: Settings) -> dict[str, float]:
    size = (settings.size, settings.size)

    def ours() -> None:
        with quiet(subject.net):
            maximise_channels(subject.features, range(CHANNELS), size=size, steps=STEPS)

    floors = {name: _all([run] * STEPS) for name, run in subject.floors(subject.images[:CHANNELS], upto=LAYER).items()}
    return side_by_side({"ours": ours, **floors}, settings.repetitions)


def _dreams(subject: Subject, settings: Settings) -> dict[str, float]:
    image, canvas = subject.images[:1], settings.size
    sides = [round(canvas / SCALE**i) for i in range(OCTAVES)]
    octaves = [subject.floors(F.interpolate(image, (side, side)), upto=LAYER) for side in sides]
    floors = {name: _all([octave[name] for octave in octaves] * ITERATIONS) for name in LAYOUTS}

    def ours() -> None:
        with quiet(subject.net):
            dream(subject.features, image, canvas=canvas, octaves=OCTAVES, octave_scale=SCALE, iterations=ITERATIONS)

    return side_by_side({"ours": ours, **floors}, settings.repetitions)


def _all(calls: list[Callable[[], object]]) -> Callable[[], None]:
    def run() -> None:
        for call in calls:
            call()

    return run
