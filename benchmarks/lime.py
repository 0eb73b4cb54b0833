"""LIME at equal samples, against the network alone and against the lime package."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from lime.lime_image import LimeImageExplainer
from torch import Tensor, nn

from benchmarks.measure import Line, side_by_side
from benchmarks.network import Settings, Subject
from lightning_viz.explain.lime.explain import explain
from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.harness.isolation.isolation import Isolation

PEER = "lime package, batches of 10"
SIZES = (2, 4, 8, 16)
"""How many images the network alone gets at a time."""


@dataclass(frozen=True, eq=False)
class Case:
    """One image, and what a network says of it.

    Attributes:
        name: Of the case.
        net: In eval mode.
        pixels: (3, H, W) in [0, 1].
        label: The class to explain.
        normalize: Pixels -> images as the network takes them.
        outputs: Applied to the network's scores.
    """

    name: str
    net: nn.Module
    pixels: Tensor
    label: int
    normalize: Callable[[Tensor], Tensor] = lambda x: x
    outputs: Callable[[Tensor], Tensor] | None = None

    @cached_property
    def isolation(self) -> Isolation:
        """Where the network is explained."""
        return Isolation(self.net)

    def ours(self, samples: int) -> None:
        """A panel's LIME, superpixels and masks included."""
        with self.isolation() as net:
            segments = superpixels(self.pixels)
            masks = draw_masks(int(segments.max()) + 1, samples, seed=0, design="hadamard")
            explain(
                net, self.pixels, [self.label], segments=segments, masks=masks, normalize=self.normalize,
                probabilities=self.outputs,
            )  # fmt: skip

    def theirs(self, samples: int) -> None:
        """The lime package, at its defaults but for the superpixels, which are ours."""

        @torch.no_grad()
        def scores(images: np.ndarray) -> np.ndarray:
            batch = torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).float()
            outputs = self.net(self.normalize(batch))
            found: np.ndarray = (outputs if self.outputs is None else self.outputs(outputs)).numpy()
            return found

        image = self.pixels.permute(1, 2, 0).double().numpy()
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            LimeImageExplainer().explain_instance(
                image, scores, labels=(self.label,), top_labels=None, num_samples=samples, segmentation_fn=_segments
            )


def lines(settings: Settings) -> Iterator[Line]:
    """One image, one class, the same superpixels for all."""
    subject, samples = Subject(settings), settings.samples
    case = Case("food", subject.net, subject.images[0], 0)
    floors: dict[str, Any] = {}
    for size in (size for size in SIZES if size <= samples):
        batch = subject.images[:1].repeat(size, 1, 1, 1)
        for layout, call in subject.floors(batch, gradient=False).items():
            floors[f"network alone, {layout}, batches of {size}"] = _repeated(call, samples // size)
    calls = {"ours": lambda: case.ours(samples), PEER: lambda: case.theirs(samples), **floors}
    seconds = side_by_side(calls, settings.repetitions)
    what = f"LIME of 1 image, {samples} samples"
    fastest = min(floors, key=lambda name: seconds[name])
    yield Line(what, seconds["ours"], fastest, seconds[fastest])
    yield Line(what, seconds["ours"], PEER, seconds[PEER])


def _segments(image: np.ndarray) -> np.ndarray:
    found: np.ndarray = superpixels(torch.from_numpy(image).permute(2, 0, 1).float()).numpy()
    return found


def _repeated(call: Callable[[], object], times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            call()

    return run
