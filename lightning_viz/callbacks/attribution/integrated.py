"""Integrated gradients: how the pixels share the score out among themselves."""

from collections.abc import Iterable, Sequence
from typing import Union

import torch
from torch import Tensor

from lightning_viz.callbacks.attribution.base import AttributionCallback
from lightning_viz.callbacks.base.keywords import OfAttribution, Unpack
from lightning_viz.explain.attribution.baselines import baseline, check_baselines
from lightning_viz.explain.attribution.integrated import integrated_gradients
from lightning_viz.harness.arguments import is_list, whole
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Result

_NAME = "integrated_gradients"


class IntegratedGradients(AttributionCallback):
    """Draws how much each pixel adds to the score, compared with an image without anything in it (arXiv:1703.01365).

    Orange pixels add to it, blue ones take from it, and together they make the difference of the two scores. How far
    they are from it is a figure, `delta` (the mean of its magnitude over the probes): where that is large, take more
    steps.
    Drawn with a slight blur, since the signs of neighbours alternate. Tags: `probe_03_egg/integrated_gradients`,
    followed by the baselines where they are not black.

    Args:
        baseline: What to compare with: `"black"`, `"white"`, the image's `"mean"` colour, the image `"blurred"`,
            uniform `"noise"`, or several of them, of which the mean is drawn.
        steps: Points on the way from the baseline to the image, by Gauss-Legendre quadrature.
        arguments: Those of `AttributionCallback`.

    Raises:
        ValueError: An unknown baseline, or no steps.
    """

    by_gradients = True
    signed = True
    per_pixel = True
    grain = 1 / 64
    lines = 4

    def __init__(
        self,
        *,
        baseline: Union[str, Sequence[str]] = "black",  # noqa: UP007
        steps: int = 16,
        **arguments: Unpack[OfAttribution],
    ) -> None:
        super().__init__(**arguments)
        self.baselines = tuple(baseline) if is_list(baseline) else (str(baseline),)
        check_baselines(self.baselines, "baseline")
        self.steps = whole("steps", steps)
        self._delta = torch.zeros(0)

    @property
    def name(self) -> str:
        """The last part of the tags."""
        return _NAME if self.baselines == ("black",) else "_".join([_NAME, *self.baselines])

    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """The integrated gradients, (N, C, H, W)."""
        starts = [baseline(kind, images, black=self.black, white=self.white, seed=self.seed) for kind in self.baselines]
        values, self._delta = integrated_gradients(subject, images, targets, starts, steps=self.steps)
        return values

    def draw(self, scene: Scene) -> Iterable[Result]:
        """One picture per probe, what there is to tell of it, and its delta."""
        yield from super().draw(scene)
        for delta in self._delta.tolist() if self.asked(scene) else ():
            yield from self.figures.logged({"delta": abs(delta)})
