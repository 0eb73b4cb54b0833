"""Filter ascent and deep dream, against forward and input gradient of the layers up to the one they look at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from torch import nn
from torch.nn import functional as F

from benchmarks.lucent import lucent
from benchmarks.measure import Line, side_by_side
from benchmarks.network import LAYER, LAYOUTS, Settings, Subject, best
from lightning_viz.explain.dream import dream
from lightning_viz.explain.filters import maximise_channels
from lightning_viz.harness.quiet import quiet

STEPS, CHANNELS = 32, 16
FLOOR_STEPS, LUCENT_STEPS = 4, 6
OCTAVES, SCALE, ITERATIONS = 4, 1.4, 6


def lines(settings: Settings) -> Iterator[Line]:
    """One line each."""
    subject = Subject(settings)
    each = _ascents(subject, settings)
    what = f"filter ascent at {LAYER}, per channel and step"
    yield Line(what, each["ours"], *best(each))
    if "lucent" in each:
        yield Line(f"{what}, {CHANNELS} channels", each["ours"], "torch-lucent at its defaults", each["lucent"])
    seconds = _dreams(subject, settings)
    yield Line(f"deep dream at {LAYER}, 1 image at its own size", seconds["ours"], *best(seconds))


def _ascents(subject: Subject, settings: Settings) -> dict[str, float]:
    """Seconds per channel and step."""
    size = (settings.size, settings.size)

    def ours() -> None:
        with quiet(subject.net):
            maximise_channels(subject.features, range(CHANNELS), size=size, steps=STEPS)

    images = subject.images.repeat(CHANNELS // len(subject.images), 1, 1, 1)
    floors = {name: _all([run] * FLOOR_STEPS) for name, run in subject.floors(images, upto=LAYER).items()}
    # As a plain Sequential, whose head fails at 224 pixels as lucent expects; ours tells of it before it runs.
    plain = nn.Sequential(OrderedDict(cnn=subject.net.cnn, flatten=nn.Flatten(), fc=subject.net.fc))
    theirs = lucent(plain, LAYER, LUCENT_STEPS, settings.size)
    calls = {"ours": ours, **floors, **({"lucent": theirs} if theirs else {})}
    counts = {"ours": STEPS * CHANNELS, "lucent": LUCENT_STEPS}
    seconds = side_by_side(calls, settings.repetitions)
    return {name: value / counts.get(name, FLOOR_STEPS * CHANNELS) for name, value in seconds.items()}


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
