"""All channels of a layer at a glance."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from math import isqrt
from typing import Optional, Union

import torch
from torch import Tensor

from lightning_viz.callbacks.base.captions import captioned
from lightning_viz.callbacks.base.keywords import OfWall, Unpack
from lightning_viz.callbacks.base.layers import check_gradient
from lightning_viz.callbacks.features.ascent import AscentCallback
from lightning_viz.explain.network.chunks import Chunks, is_out_of_memory
from lightning_viz.explain.optimisation.ascent import Ascent
from lightning_viz.harness.arguments import whole
from lightning_viz.harness.probes.spec import shorten, slug
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Pixels, Scalar
from lightning_viz.render.color import hatch, to_uint8
from lightning_viz.render.panel import grid

_FEW = 8


class FilterWall(AscentCallback):
    """Draws what activates the channels of a layer, each in a small picture, as one wall; dead channels are hatched.

    A channel is dead if it puts out one and the same value everywhere on all probes, and ascent cannot raise it. Tags:
    `filters/<layer>/wall`, and the share of dead ones as a scalar, `filters/<layer>/dead`.

    Args:
        channels: Which channels, or at most how many, spread over the layer; the caption tells how many there are. Of a
            network that takes images of its own size only there are 8, where it is a number.
        size: Longer side of the small pictures, in pixels, at most that of the probes.
        arguments: Those of `AscentCallback` and `LayerCallback`.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        *,
        channels: Union[int, Sequence[int]] = 64,  # noqa: UP007
        size: int = 40,
        steps: int = 64,
        warm_steps: Optional[int] = 8,  # noqa: UP045
        **arguments: Unpack[OfWall],
    ) -> None:
        super().__init__(channels=channels, steps=steps, warm_steps=warm_steps, **arguments)
        self.size = whole("size", size)
        self._size = (size, size)

    def prepare(self, scene: Scene) -> None:
        """Finds layer, channels, and the size of image that the layer takes.

        Raises:
            ValueError: No such layer or channel, or no gradient reaches the image.
        """
        super().prepare(scene)
        check_gradient(scene, self.layer, self.found(scene)[1])
        height, width = scene.probes.images.shape[2:]
        ratio = min(self.size / max(height, width), 1)
        self._size = max(round(height * ratio), 1), max(round(width * ratio), 1)
        if not _takes(self.features(scene), scene.probes.images, self._size):
            self._size = height, width
            if isinstance(self.channels, int):  # larger pictures take longer
                self.chosen = self.chosen[:: -(-len(self.chosen) // _FEW)]

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One picture, and the share of dead channels."""
        name, _ = self.found(scene)
        images = scene.probes.images
        found = self.climb(
            scene,
            self.features(scene),
            {f"filters/{slug(name)}/wall/{channel}": channel for channel in self.chosen},
            size=self._size,
            image_channels=images.shape[1],
            normalize=scene.probes.normalize,
            seed=self.seed,
            device=images.device,
        )
        silent = self._silent(scene)
        still = [stuck(ascent) for ascent in found.values()]
        dead = [quiet and grey for quiet, grey in zip(silent, still, strict=True)]
        tiles: list[Pixels] = [
            hatch(*self._size) if gone else to_uint8(ascent.pixels[0].cpu().numpy())
            for gone, ascent in zip(dead, found.values(), strict=True)
        ]
        shown = f"{len(tiles)} / {self.available} channels" if len(tiles) < self.available else f"{len(tiles)} channels"
        grey = f", {sum(still) - sum(dead)} with no gradient" if sum(still) > sum(dead) else ""
        caption = [f"{scene.when} · {shown} of {shorten(name)}", f"{sum(dead) or 'none'} dead{grey}"]
        columns = min(isqrt(len(tiles) - 1) + 1, 8)
        picture = captioned(f"filters/{slug(name)}/wall", grid(tiles, columns), caption, lines=2)
        yield replace(picture, channels=tuple(self.chosen), columns=columns)
        yield Scalar(f"filters/{slug(name)}/dead", sum(dead) / len(dead))

    def _silent(self, scene: Scene) -> list[bool]:
        """Which of the channels put out the same everywhere on all probes."""

        def extremes(images: Tensor, first: int) -> Tensor:
            chosen = self.features(scene, first)(images)[:, self.chosen].reshape(len(images), len(self.chosen), -1)
            return torch.stack([chosen.amin(2), chosen.amax(2)], 1)

        with torch.no_grad():
            groups = scene.subject.groups(range(len(scene.probes)))
            parts = [Chunks()(partial(extremes, first=some[0]), scene.probes.images[some]) for _, some in groups]
            found = torch.cat(parts)
        return (found[:, 0].amin(0) == found[:, 1].amax(0)).tolist()


def stuck(ascent: Ascent) -> bool:
    """Whether ascent has not raised its objective."""
    return bool((ascent.reached <= ascent.start).all())


def _takes(features: Callable[[Tensor], Tensor], images: Tensor, size: tuple[int, int]) -> bool:
    try:
        with torch.no_grad():
            features(torch.nn.functional.interpolate(images[:1], size))
    except (RuntimeError, ValueError, AssertionError) as error:
        if is_out_of_memory(error):
            raise
        return False
    return True
