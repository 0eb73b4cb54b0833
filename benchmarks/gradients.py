"""Input gradient and SmoothGrad, against the network alone and against captum."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from captum.attr import NoiseTunnel, Saliency

from benchmarks.measure import Line, side_by_side
from benchmarks.network import Settings, Subject, best
from lightning_viz.explain.gradients import input_gradient
from lightning_viz.explain.smooth import smooth_gradient
from lightning_viz.harness.quiet import quiet


def lines(settings: Settings) -> Iterator[Line]:
    """The lines of both methods."""
    subject, samples = Subject(settings), max(settings.samples // 8, 2)
    images, labels, saliency = subject.images, subject.labels, Saliency(subject.net)
    calls = {
        "ours": lambda: input_gradient(subject.net, images, labels),
        "captum Saliency": lambda: saliency.attribute(images.clone().requires_grad_(), target=labels, abs=False),
        **subject.floors(images),
    }
    yield from _lines(f"input gradient of {len(images)} images", _timed(subject, calls, settings), "captum Saliency")
    two, tunnel = images[:2], NoiseTunnel(saliency)
    options = {"target": labels[:2], "abs": False, "nt_samples": samples, "stdevs": 0.15}
    calls = {
        "ours": lambda: smooth_gradient(subject.net, two, labels[:2], samples=samples),
        "captum NoiseTunnel": lambda: tunnel.attribute(two.clone().requires_grad_(), **options),
        **subject.floors(two.repeat(samples, 1, 1, 1)),
    }
    timed = _timed(subject, calls, settings)
    yield from _lines(f"SmoothGrad of 2 images, {samples} samples", timed, "captum NoiseTunnel")


def _timed(subject: Subject, calls: dict[str, Callable[[], object]], settings: Settings) -> dict[str, float]:
    def ours() -> None:
        with quiet(subject.net):
            calls["ours"]()

    return side_by_side({**calls, "ours": ours}, settings.repetitions)


def _lines(what: str, seconds: dict[str, float], peer: str) -> Iterator[Line]:
    yield Line(what, seconds["ours"], *best(seconds))
    yield Line(what, seconds["ours"], peer, seconds[peer])
