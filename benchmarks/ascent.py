"""Filter ascent, against forward and input gradient of the layers up to the one it looks at."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator

from torch import nn

from benchmarks.lucent import lucent
from benchmarks.measure import Line, side_by_side
from benchmarks.network import LAYER, Settings, Subject
from lightning_viz.explain.optimisation.filters import maximise_channels

STEPS, CHANNELS = 32, 16
FLOOR_STEPS, LUCENT_STEPS = 4, 6
SIZES = (4, 8, 16)
"""How many images the network alone gets at a time."""


def lines(settings: Settings) -> Iterator[Line]:
    """One line each."""
    subject = Subject(settings)
    each = _ascents(subject, settings)
    what = f"filter ascent at {LAYER}, per channel and step"
    least = min((name for name in each if name.startswith("network alone")), key=lambda name: each[name])
    yield Line(what, each["ours"], least, each[least])
    if "lucent" in each:
        yield Line(f"{what}, {CHANNELS} channels", each["ours"], "torch-lucent at its defaults", each["lucent"])
    else:
        print("torch-lucent is not installed: `make test` fetches it into .foreign", file=sys.stderr)


def _ascents(subject: Subject, settings: Settings) -> dict[str, float]:
    """Seconds per channel and step."""
    size = (settings.size, settings.size)

    def ours() -> None:
        with subject.isolation():
            maximise_channels(subject.features, range(CHANNELS), size=size, steps=STEPS)

    images = subject.images.repeat(CHANNELS // len(subject.images), 1, 1, 1)
    floors = {
        f"network alone, {layout}, {some} at a time": _all([run] * (FLOOR_STEPS * CHANNELS // some))
        for some in SIZES
        for layout, run in subject.floors(images[:some], upto=LAYER).items()
    }
    # As a plain Sequential, whose head fails at 224 pixels as lucent expects; ours tells of it before it runs.
    plain = nn.Sequential(OrderedDict(cnn=subject.net.cnn, flatten=nn.Flatten(), fc=subject.net.fc))
    theirs = lucent(plain, LAYER, LUCENT_STEPS, settings.size)
    calls = {"ours": ours, **floors, **({"lucent": theirs} if theirs else {})}
    counts = {"ours": STEPS * CHANNELS, "lucent": LUCENT_STEPS}
    seconds = side_by_side(calls, settings.repetitions)
    return {name: value / counts.get(name, FLOOR_STEPS * CHANNELS) for name, value in seconds.items()}


def _all(calls: list[Callable[[], object]]) -> Callable[[], None]:
    def run() -> None:
        for call in calls:
            call()

    return run
