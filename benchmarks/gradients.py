"""Input gradient, SmoothGrad, integrated gradients and Grad-CAM, against the network alone and against captum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from captum.attr import IntegratedGradients, LayerGradCam, NoiseTunnel, Saliency
from torch import Tensor

from benchmarks.measure import Line, side_by_side
from benchmarks.network import LAYOUTS, Settings, Subject
from lightning_viz.explain.attribution.gradcam import grad_cam
from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.explain.attribution.integrated import integrated_gradients
from lightning_viz.explain.attribution.smooth import smooth_gradient
from lightning_viz.food11 import FoodClassifier

Call = Callable[[], object]

SIZES = (4, 8, 16)
"""How many images the network alone gets at a time."""


def lines(settings: Settings) -> Iterator[Line]:
    """The lines of all methods."""
    subject, samples = Subject(settings), max(25 * settings.samples // 64, 2)
    images, labels, count = subject.images, subject.labels, len(subject.images)
    floors, saliency = _floors(subject.floors, images), Saliency(subject.net)
    calls: dict[str, Call] = {
        "ours": lambda: input_gradient(subject.explained, images, labels),
        "captum Saliency": lambda: saliency.attribute(images.clone().requires_grad_(), target=labels, abs=False),
        **floors,
    }
    yield from _lines(subject, settings, f"input gradient of {count} images", calls)
    yield from _lines(subject, settings, f"Grad-CAM of {count} images", _cam(subject))
    tunnel, paths = NoiseTunnel(saliency), IntegratedGradients(subject.net)
    options = {"target": labels, "abs": False, "nt_samples": samples, "stdevs": 0.15}
    calls = {
        "ours": lambda: smooth_gradient(subject.explained, images, labels, samples=samples),
        "captum NoiseTunnel": lambda: tunnel.attribute(images.clone().requires_grad_(), **options),
        **floors,
    }
    yield from _lines(subject, settings, f"SmoothGrad of {count} images, {samples} samples", calls, samples)
    net, steps = subject.explained, {"n_steps": samples, "method": "gausslegendre", "return_convergence_delta": True}
    calls = {
        "ours": lambda: integrated_gradients(net, images, labels, [torch.zeros_like(images)], steps=samples),
        "captum IntegratedGradients": lambda: paths.attribute(images, target=labels, **steps),
        **floors,
    }
    yield from _lines(subject, settings, f"integrated gradients of {count} images, {samples} steps", calls, samples)


def _cam(subject: Subject) -> dict[str, Call]:
    images, labels = subject.images, subject.labels
    last = len(subject.net.cnn) - 4  # convolution, batch normalisation, ReLU, pooling
    layer = subject.net.cnn[last]
    peer = LayerGradCam(subject.net, layer)

    def alone(some: Tensor) -> dict[str, Call]:
        return {name: _from_layer(subject.net, last, some, layout) for name, layout in LAYOUTS.items()}

    return {
        "ours": lambda: grad_cam(subject.explained, subject.explained.cnn[last], images, labels),
        "captum LayerGradCam": lambda: peer.attribute(images.clone().requires_grad_(), target=labels),
        **_floors(alone, images),
    }


def _from_layer(net: FoodClassifier, last: int, images: Tensor, layout: torch.memory_format) -> Call:
    whole = deepcopy(net).requires_grad_(False)
    whole.to(memory_format=layout)  # type: ignore[call-overload]
    batch = images.contiguous(memory_format=layout)

    def run() -> None:
        with torch.no_grad():
            output = whole.cnn[: last + 1](batch)
        value = whole.fc(whole.cnn[last + 1 :](output.requires_grad_()).flatten(1)).sum()
        torch.autograd.grad(value, output)

    return run


def _floors(alone: Callable[[Tensor], dict[str, Call]], images: Tensor) -> dict[str, Call]:
    sizes = [size for size in SIZES if size < len(images)] + [len(images)]
    return {
        f"network alone, {layout}, {size} at a time": _repeated(run, len(images) // size)
        for size in sizes
        for layout, run in alone(images[:size]).items()
    }


def _repeated(call: Call, times: int) -> Call:
    def run() -> None:
        for _ in range(times):
            call()

    return run


def _lines(subject: Subject, settings: Settings, what: str, calls: dict[str, Call], times: int = 1) -> Iterator[Line]:
    """Two lines; the network alone has been called once for each image, and counts so many times."""

    def ours() -> None:
        with subject.isolation():
            calls["ours"]()

    seconds = side_by_side({**calls, "ours": ours}, settings.repetitions)
    least = min((name for name in seconds if name.startswith("network alone")), key=lambda name: seconds[name])
    peer = next(name for name in seconds if name.startswith("captum"))
    yield Line(what, seconds["ours"], least, times * seconds[least])
    yield Line(what, seconds["ours"], peer, seconds[peer])
