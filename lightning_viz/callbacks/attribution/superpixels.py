"""LIME of the probes: superpixels and masks that stay, weights that follow the network, and how they are painted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lightning_viz.explain.attribution.baselines import blurred
from lightning_viz.explain.lime.explain import LimeWeights, explain, top_superpixels
from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.lime.regression import fewest_samples
from lightning_viz.explain.lime.segmentation import Method, check_method
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.harness.arguments import number, one_of, refusal, whole
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Pixels
from lightning_viz.render.maps.lime import superpixel_picture
from lightning_viz.render.maps.slices import NOTHING, Slices

BLUR = 0.15
"""Standard deviation of the blur of what is missing, as a share of the shorter side. On 55 drawn images the strongest
superpixel then lies in the evidence in .93 of them, with a blur of .1 in .86, with its own mean colour in .71; R² is
.83, .83 and .90. At 128 px it is alike; of photographs R² is .85, .86 and .93 (`python -m benchmarks.superpixels`)."""

_OUTPUTS = ("log_odds", "scores", "probabilities")


class Superpixels(NamedTuple):
    """What of one image stays the same in every epoch.

    Attributes:
        segments: Its superpixels, long (H, W) or (D, H, W).
        masks: Of its perturbed copies, bool (S, K).
        fill: What stands where superpixels are missing, like the image in [0, 1]; None is their own mean colour.
    """

    segments: Tensor
    masks: Tensor
    fill: Tensor | None


@dataclass(frozen=True)
class Lime:
    """How LIME explains; the arguments are those of `LimePanels`.

    Raises:
        ValueError: One of them is out of its range.
    """

    samples: int = 512
    reliability: float | None = 0.99
    design: Literal["hadamard", "independent"] = "hadamard"
    segmentation: Method | Callable[[Any], Any] = "merged"
    fill: Literal["blurred", "mean"] = "blurred"
    segments: int | None = None
    compactness: float = 10.0
    sigma: float = 1.0
    features: int | None = None
    min_weight: float = 0.0
    explain: Literal["log_odds", "scores", "probabilities"] = "log_odds"
    kernel_width: float = 0.25
    batch_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_method(self.segmentation)
        whole("samples", self.samples, least=2)
        number("reliability", self.reliability, none=True)
        if self.reliability is not None and self.reliability >= 1:
            raise refusal("reliability", "a number between 0 and 1", self.reliability, none=True)
        one_of("design", self.design, ("hadamard", "independent"))
        one_of("fill", self.fill, ("blurred", "mean"))
        whole("segments", self.segments, least=4, none=True)
        number("compactness", self.compactness)
        number("sigma", self.sigma, least=0)
        whole("features", self.features, least=0, none=True)
        number("min_weight", self.min_weight, least=0)
        one_of("explain", self.explain, _OUTPUTS)
        number("kernel_width", self.kernel_width)
        whole("batch_size", self.batch_size, none=True)

    def cut(self, pixels: Tensor, *, few: bool = False, enough: bool = False) -> Superpixels:
        """The superpixels of an image, and as many masks as were asked for.

        Args:
            pixels: (C, H, W), or a volume (C, D, H, W), in [0, 1].
            few: Whether the smallest number of masks will do.
            enough: Whether there are to be more than were asked for where those are too few.

        Raises:
            ValueError: There are too few samples for the superpixels.
        """
        shape = {"compactness": self.compactness, "sigma": self.sigma}
        segments = superpixels(pixels, segments=self.segments, method=self.segmentation, **shape)
        count = int(segments.max()) + 1
        least = fewest_samples(count, paired=self.design == "hadamard")
        if self.samples < least and not enough:
            raise ValueError(
                f"Expected at least {least} samples for {count} superpixels, received samples={self.samples}: pass "
                "more, or segments= with fewer superpixels."
            )
        samples = least if few else max(self.samples, least)
        vague = blurred(pixels[None], BLUR * min(pixels.shape[-2:]))[0] if self.fill == "blurred" else None
        return Superpixels(segments, draw_masks(count, samples, seed=self.seed, design=self.design), vague)

    def weights(self, scene: Scene, i: int, superpixels: Superpixels, classes: Sequence[int]) -> list[LimeWeights]:
        """The weights of the superpixels of probe `i` for some classes, from the same masked copies.

        Of places, all of them are judged over the region of the first.
        """
        outputs = {"log_odds": scene.task.explained, "scores": None, "probabilities": scene.task.predictions}
        return explain(
            scene.subject.of(i).about(classes[0]),
            scene.probes.pixels[i],
            list(classes),
            segments=superpixels.segments,
            masks=superpixels.masks,
            fill=superpixels.fill,
            enough=self.reliability,
            normalize=scene.probes.normalize,
            kernel_width=self.kernel_width,
            batch_size=self.batch_size,
            probabilities=outputs[self.explain],
        )

    def painted(self, shown: Shown, found: LimeWeights, scale: float) -> Pixels:
        """The strongest superpixels over the image, uint8 (h, w, 3).

        Args:
            shown: The image and its superpixels.
            found: Their weights.
            scale: The weight at which colours are full.
        """
        weights, selection, certain = self.chosen(shown, found)
        return superpixel_picture(shown.pixels, shown.labels, weights, selection, certain=certain, scale=scale)

    def chosen(self, shown: Shown, found: LimeWeights) -> list[NDArray[Any]]:
        """Of what is shown the weights (n,), which superpixels are painted, and whether their signs are certain."""
        count = len(found.weights) // 3 if self.features is None else self.features
        chosen = top_superpixels(found.weights, count=count, min_weight=self.min_weight)
        parts = (part.cpu().numpy() for part in (found.weights, chosen, found.certain))
        return [np.append(part, np.zeros_like(part[:1]))[shown.numbers] for part in parts]


class Shown(NamedTuple):
    """An image and its superpixels, or slices of them, as they are drawn.

    Attributes:
        pixels: (C, h, w) in [0, 1].
        labels: (h, w), from 0 on without gaps.
        numbers: Which superpixel each label is; what stands between slices has a number of its own behind them.
    """

    pixels: NDArray[Any]
    labels: NDArray[Any]
    numbers: NDArray[Any]


def shown(pixels: Tensor, superpixels: Superpixels, slices: Slices) -> Shown:
    """An image, (C, H, W) in [0, 1], with its superpixels; or some slices of a volume."""
    segments = superpixels.segments.cpu()
    between = int(segments.max()) + 1
    numbers, labels = np.unique(slices.sheet(segments.numpy(), between), return_inverse=True)
    image = slices.sheet(pixels.cpu().numpy(), NOTHING)
    return Shown(image, labels.reshape(image.shape[1:]), numbers)


def fidelity(found: LimeWeights) -> str:
    """How well the weights fit, as captions tell it."""
    return "none" if found.fidelity != found.fidelity else f"{found.fidelity:.2f}"


def largest(found: Sequence[LimeWeights]) -> float:
    """The largest magnitude of several classes' weights, on which they are drawn."""
    return max(float(one.weights.abs().max()) for one in found)
