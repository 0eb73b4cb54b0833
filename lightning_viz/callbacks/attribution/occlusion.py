"""Occlusion: what the score loses where a part of the image is covered."""

from collections.abc import Sequence
from typing import Optional, Union

from torch import Tensor

from lightning_viz.callbacks.attribution.base import AttributionCallback
from lightning_viz.callbacks.base.keywords import OfAttribution, Unpack
from lightning_viz.explain.attribution.baselines import baseline, check_baselines
from lightning_viz.explain.attribution.occlusion import check_window, occlusion
from lightning_viz.harness.arguments import refusal, wholes
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.run.scene import Scene


class Occlusion(AttributionCallback):
    """Draws how much the score of a class loses where a window covers the image (arXiv:1311.2901, 2013).

    Orange places speak for the class, blue ones against it. Tags: `probe_03_egg/occlusion`, followed by the cover where
    it is not the mean colour.

    Args:
        window: Size of the window in pixels, or its height and width, of volumes depth, height and width; `None` is a
            quarter of each side.
        stride: How far it goes at a time, likewise; `None` is half of the window, of volumes all of it.
        cover: What it shows instead of the image: its `"mean"` colour, `"black"`, `"white"`, the image `"blurred"`, or
            uniform `"noise"`.
        arguments: Those of `AttributionCallback`.

    Raises:
        ValueError: An unknown cover, or a window or stride below 1.
    """

    signed = True

    def __init__(
        self,
        *,
        window: Optional[Union[int, Sequence[int]]] = None,  # noqa: UP007, UP045
        stride: Optional[Union[int, Sequence[int]]] = None,  # noqa: UP007, UP045
        cover: str = "mean",
        **arguments: Unpack[OfAttribution],
    ) -> None:
        super().__init__(**arguments)
        check_baselines([cover], "cover")
        self.window = _sides(window, "window")
        self.stride = _sides(stride, "stride")
        self.cover = cover

    @property
    def name(self) -> str:
        """The last part of the tags."""
        return "occlusion" if self.cover == "mean" else f"occlusion_{self.cover}"

    def prepare(self, scene: Scene) -> None:
        """Checks the target, and that the window fits.

        Raises:
            ValueError: No such class, or a window larger than the image or smaller than the stride.
        """
        super().prepare(scene)
        size = scene.probes.images.shape[2:]
        check_window(*self._window(size), size)

    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """What the score loses, (N, H, W) or (N, D, H, W)."""
        window, stride = self._window(images.shape[2:])
        cover = baseline(self.cover, images, black=self.black, white=self.white, seed=self.seed)
        return occlusion(subject, images, targets, cover, window=window, stride=stride)

    def _window(self, size: Sequence[int]) -> tuple[list[int], list[int]]:
        window, stride = (side * len(size) if len(side) == 1 else side for side in (self.window, self.stride))
        window = window or [max(length // 4, 1) for length in size]
        return window, stride or [max(length // (2 if len(size) == 2 else 1), 1) for length in window]


def _sides(value: int | Sequence[int] | None, name: str) -> list[int]:
    """One length for all sides, or one for each; nothing where none is given."""
    if value is None:
        return []
    found = wholes(name, value)
    if isinstance(found, list) and len(found) not in (2, 3):
        raise refusal(name, "a whole number of at least 1, or 2 of them, or 3 for volumes", value)
    return [found] if isinstance(found, int) else found
