"""Saliency maps: which pixels move the class score."""

from typing import Literal

import numpy as np
from torch import Tensor

from lightning_viz.callbacks.attribution.base import AttributionCallback
from lightning_viz.callbacks.base.keywords import OfAttribution, Unpack
from lightning_viz.explain.attribution.gradients import input_gradient, loss_gradient
from lightning_viz.explain.attribution.smooth import Statistic, smooth_gradient
from lightning_viz.harness.arguments import number, one_of, whole
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.run.scene import Ask, Scene
from lightning_viz.harness.sinks.results import Pixels
from lightning_viz.render.color import minmax, to_uint8

_NAMES = {
    "gradient": "saliency",
    "smoothgrad": "smoothgrad",
    "smoothgrad_squared": "smoothgrad_squared",
    "vargrad": "vargrad",
    "loss": "loss_saliency",
}
_UNITS = {
    "smoothgrad_squared": "first-order log-odds, squared",
    "vargrad": "first-order log-odds, squared",
    "loss": "first-order nats of the loss",
}
_STATISTICS: dict[str, Statistic] = {"smoothgrad": "mean", "smoothgrad_squared": "square", "vargrad": "variance"}


class SaliencyMaps(AttributionCallback):
    """Draws where a small change of the image changes the score of a class most.

    Tags: `probe_03_egg/saliency`, `.../smoothgrad`, `.../smoothgrad_squared`, `.../vargrad` or `.../loss_saliency`.

    Args:
        method: `"gradient"` (arXiv:1312.6034, 2013); `"smoothgrad"`, its mean over noisy copies (arXiv:1706.03825,
            2017); `"smoothgrad_squared"`, the mean of its square (arXiv:1806.10758, 2018); `"vargrad"`, its variance
            over them (arXiv:1810.03292, 2018); or `"loss"`, the gradient of the loss against the label, its magnitude
            stretched to [0, 1] per image and shown as a colour image.
        samples: Noisy copies of each image, where there are any.
        noise: Standard deviation of their noise as a share of the image's range.
        arguments: Those of `AttributionCallback`.

    Raises:
        ValueError: An unknown method, no samples, negative noise, or the loss against another class.
    """

    by_gradients = True
    per_pixel = True

    def __init__(
        self,
        *,
        method: Literal["gradient", "smoothgrad", "smoothgrad_squared", "vargrad", "loss"] = "gradient",
        samples: int = 25,
        noise: float = 0.15,
        **arguments: Unpack[OfAttribution],
    ) -> None:
        super().__init__(**arguments)
        self.method = one_of("method", method, _NAMES)
        self.per_contrast = 2 if method in ("smoothgrad_squared", "vargrad") else 1
        self.unit = _UNITS.get(method, "first-order log-odds")
        self.samples = whole("samples", samples)
        self.noise = number("noise", noise, least=0)
        if method == "loss" and self.against is not None:
            raise ValueError(f"Expected no against= with method='loss', received {self.against!r}: explain a score.")

    def prepare(self, scene: Scene) -> None:
        """Checks the target, and that there is one label to take the loss against where that is asked for.

        Raises:
            ValueError: See `AttributionCallback`, or several labels or none.
        """
        super().prepare(scene)
        if self.method == "loss" and not scene.task.exclusive:
            raise ValueError(
                f"Expected one class per image with method='loss', received task={scene.task.name!r}: pass another one."
            )

    @property
    def name(self) -> str:
        """The last part of the tags."""
        return _NAMES[self.method]

    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """The gradient of the chosen method, (N, C, H, W)."""
        if self.method == "loss":
            return loss_gradient(subject, images, targets)
        if self.method == "gradient":
            return input_gradient(subject, images, targets)
        return smooth_gradient(
            subject,
            images,
            targets,
            samples=self.samples,
            level=self.noise,
            statistic=_STATISTICS[self.method],
            seed=self.seed,
        )

    def bound(self, values: Tensor) -> float:
        """Of `"loss"` the largest value, since that is stretched to [0, 1]."""
        return super().bound(values) if self.method != "loss" else float(values.max())

    @property
    def paints_plainly(self) -> bool:
        """All but `"loss"` is one map, unless a subclass paints it in another way."""
        return self.method != "loss" and type(self).paint is SaliencyMaps.paint

    def paint(self, pixels: Tensor, values: Tensor, full: float) -> tuple[list[Pixels], str]:
        """The map and its overlay; for `"loss"` the image and the stretched magnitudes of its channels."""
        if self.method != "loss":
            return super().paint(pixels, values, full)
        stretched = minmax(np.abs(values.cpu().numpy()))
        return [to_uint8(pixels.cpu().numpy()), to_uint8(stretched)], ""

    def full(self, scene: Scene, ask: Ask, largest: float) -> float:
        """Of `"loss"` the largest value, since that is stretched to [0, 1]."""
        return largest if self.method == "loss" else super().full(scene, ask, largest)
