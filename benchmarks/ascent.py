"""Filter ascent, against forward and input gradient of the layers up to the one it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.measure import Line, side_by_side
from benchmarks.network import LAYER, Settings, Subject, best
from lightning_viz.explain.filters import maximise_channels
from lightning_viz.harness.quiet import quiet

STEPS, CHANNELS = 12, 4


def lines(settings: Settings) -> Iterator[Line]:
    """One line."""
    subject = Subject(settings)
    seconds = _ascents(subject, settings)
    each = {name: value / STEPS / CHANNELS for name, value in seconds.items()}
    yield Line(f"filter ascent at {LAYER}, per channel and step", each["ours"], *best(each))


def _ascents(subject: Subject, settings: Settings) -> dict[str, float]:
    size = (settings.size, settings.size)

    def ours() -> None:
        with quiet(subject.net):
            maximise_channels(subject.features, range(CHANNELS), size=size, steps=STEPS)

    floors = {name: _all([run] * STEPS) for name, run in subject.floors(subject.images[:CHANNELS], upto=LAYER).items()}
    return side_by_side({"ours": ours, **floors}, settings.repetitions)


def _all(calls: list[Callable[[], object]]) -> Callable[[], None]:
    def run() -> None:
        for call in calls:
            call()

    return run
