"""`python -m benchmarks.cost`: how the time of a drawing grows with what there is to draw, as one picture."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from torch import Tensor, nn

from benchmarks.measure import aligned, duration, side_by_side
from benchmarks.network import LAYER, Settings, Subject
from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.explain.attribution.smooth import smooth_gradient
from lightning_viz.explain.lime.explain import explain
from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.explain.optimisation.filters import maximise_channels

DOCS = Path(__file__).parents[1] / "docs" / "images" / "cost.png"


@dataclass(frozen=True)
class Curve:
    """How one duration grows.

    Attributes:
        title: What is measured.
        label: What grows.
        values: How much of it.
        call: Makes the call for one of the values.
        power: The power of the value with which the time is to grow.
    """

    title: str
    label: str
    values: tuple[int, ...]
    call: Callable[[int], Callable[[], object]]
    power: int

    def seconds(self, repetitions: int) -> list[float]:
        """One duration per value."""
        calls = {str(value): self.call(value) for value in self.values}
        return list(side_by_side(calls, repetitions).values())

    def predicted(self, seconds: Sequence[float]) -> list[float]:
        """The durations that the largest one foretells for the others: what they would be without any fixed cost."""
        return [seconds[-1] * (value / self.values[-1]) ** self.power for value in self.values]


def curves(settings: Settings) -> list[Curve]:
    """Probes, pixels, classes and channels."""
    return [
        Curve("SmoothGrad, 4 samples", "probes", (1, 2, 4, 8, 16, 32), lambda n: _smoothgrad(settings, n), 1),
        Curve("gradient of 8 images", "pixels per side", (32, 64, 128, 256), lambda side: _gradient(settings, side), 2),
        Curve("LIME, 64 samples", "classes", (11, 30, 100, 300, 1000), lambda n: _lime(settings, n), 0),
        Curve(f"filter ascent at {LAYER}, 4 steps", "channels", (1, 2, 4, 8, 16), lambda n: _ascent(settings, n), 1),
    ]


def _smoothgrad(settings: Settings, probes: int) -> Callable[[], object]:
    subject = Subject(settings)
    images, labels = _enough(subject.images, probes), _enough(subject.labels, probes)
    return _isolated(subject, lambda: smooth_gradient(subject.explained, images, labels, samples=4))


def _gradient(settings: Settings, side: int) -> Callable[[], object]:
    subject = Subject(Settings(size=side, width=settings.width))
    return _isolated(subject, lambda: input_gradient(subject.explained, subject.images, subject.labels))


def _lime(settings: Settings, classes: int) -> Callable[[], object]:
    subject = Subject(settings)
    pixels = subject.images[0]
    last = [m for m in subject.net.modules() if isinstance(m, nn.Linear)][-1]
    net = nn.Sequential(subject.explained, nn.Linear(last.out_features, classes).requires_grad_(False)).eval()
    segments = superpixels(pixels)
    masks = draw_masks(int(segments.max()) + 1, 64, seed=0)
    return _isolated(subject, lambda: explain(net, pixels, [0, 1], segments=segments, masks=masks, normalize=_same))


def _ascent(settings: Settings, channels: int) -> Callable[[], object]:
    subject, size = Subject(settings), (settings.size, settings.size)
    return _isolated(subject, lambda: maximise_channels(subject.features, range(channels), size=size, steps=4))


def _isolated(subject: Subject, call: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        with subject.isolation():
            call()

    return run


def _enough(items: Tensor, count: int) -> Tensor:
    return items.repeat(-(-count // len(items)), *[1] * (items.ndim - 1))[:count]


def _same(images: Tensor) -> Tensor:
    return images


def figure(found: Sequence[tuple[Curve, Sequence[float]]]) -> Figure:
    """One panel per curve: what was measured, and the line that was predicted."""
    drawn = Figure(figsize=(9, 6.4), layout="constrained")
    for axes, (curve, seconds) in zip(drawn.subplots(2, 2).flat, found, strict=True):
        axes.loglog(curve.values, curve.predicted(seconds), "--", color="0.6", label=_foretold(curve.power))
        axes.loglog(curve.values, seconds, "o-", color="tab:blue", label="measured")
        axes.set_title(curve.title)
        axes.set_xlabel(curve.label)
        axes.set_ylabel("seconds")
        axes.set_xticks(curve.values, map(str, curve.values))
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_ylim(min(seconds) / 3, max(seconds) * 3)
        axes.legend(loc="upper left")
    return drawn


def _foretold(power: int) -> str:
    return {0: "predicted: constant", 1: "predicted: proportional", 2: "predicted: with its square"}[power]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints and draws.

    Args:
        arguments: Those of the command line by default.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, default=DOCS)
    given = parser.parse_args(arguments)
    torch.manual_seed(0)
    settings = Settings(size=given.size, width=given.width)
    found = [(curve, curve.seconds(given.repetitions)) for curve in curves(settings)]
    rows = [[c.title, c.label, *map(str, c.values)] for c, _ in found]
    times = [["", "", *map(duration, seconds)] for _, seconds in found]
    widest = max(map(len, rows))
    table = [row + [""] * (widest - len(row)) for pair in zip(rows, times, strict=True) for row in pair]
    print(aligned([["what", "of", *[""] * (widest - 2)], *table]))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    figure(found).savefig(given.out, dpi=110)
    print(given.out)


if __name__ == "__main__":
    main()
