"""What the filters of a layer make of the probes."""

from collections.abc import Callable, Iterable

import numpy as np
from torch import Tensor

from lightning_viz.callbacks.base.captions import captioned
from lightning_viz.callbacks.features.base import LayerCallback
from lightning_viz.explain.network.tokens import channels_second
from lightning_viz.explain.optimisation.filters import channel_outputs
from lightning_viz.harness.probes.spec import shorten, slug
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Pixels, Scalar
from lightning_viz.render.color import diverging, sequential, symmetric
from lightning_viz.render.maps.slices import strongest
from lightning_viz.render.panel import grid, in_a_row


class FilterActivations(LayerCallback):
    """Draws what the channels of a layer put out for each probe.

    Tags: `probe_03_egg/activations_<layer>`: the probe's maps side by side, brighter where the filter answers more
    strongly. A channel has one scale for all probes, told above its map.

    Args:
        arguments: Those of `LayerCallback`.
    """

    def check(self, name: str, output: Tensor) -> None:
        """Raises unless the layer's output is (N, channels, height, width), of volumes with depth before height.

        Raises:
            ValueError: It has no spatial extent.
        """
        if output.ndim not in (4, 5) or len(output) != 1:
            raise ValueError(
                "Expected a layer with a spatial output: (N, channels, height, width), or as many tokens as patches of "
                f"one size make of the image, received {('N', *output.shape[1:])} from {name!r}: pass layer= with a "
                "convolution, what follows one, or a transformer's block."
            )

    def features(self, scene: Scene, i: int = 0) -> Callable[[Tensor], Tensor]:
        """From images to what the layer puts out, (N, D, h, w) or (N, D, d, h, w), tokens laid out as patches."""
        layer = self.found(scene)[1]
        call = channels_second(scene.subject.of(i).features(layer), layer, maps=True)
        if self.layer is not None:
            return call
        # Of a network without places the default is its last hidden layer: units, each of one place.
        return lambda images: output[..., None, None] if (output := call(images)).ndim == 2 else output

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One picture per probe."""
        name, _ = self.found(scene)
        groups = scene.subject.groups(range(len(scene.probes)))
        # One by one, since images of several sizes have maps of several.
        maps = [one for _, some in groups for one in self._maps(scene, some).cpu().numpy()]
        scales = [symmetric(np.concatenate([one[k].ravel() for one in maps]))[1] for k in range(len(self.chosen))]
        paint = diverging if any(bool((one < 0).any()) for one in maps) else sequential
        kind = "frame" if scene.probes.are_clips else "slice"
        told = [f"and its strongest {kind} of {maps[0].shape[1]}"] if maps[0].ndim > 3 else []
        for i in scene.mine(range(len(scene.probes))):  # the scale is that of all probes
            scaled = [symmetric(one, scale=scale)[0] for one, scale in zip(maps[i], scales, strict=True)]
            # Of a volume the slice along its first side in which the channel answers most.
            cuts = [strongest(values).at[:1] for values in scaled]
            tiles: list[Pixels] = [paint(values[cut]) for values, cut in zip(scaled, cuts, strict=True)]
            titles = [
                f"{c}: {scale:.2g}" + "".join(f", {k + 1}" for k in cut)
                for c, scale, cut in zip(self.chosen, scales, cuts, strict=True)
            ]
            picture = grid(tiles, in_a_row(tiles, 4), titles=titles)
            one = "one place, " if maps[0][0].size == 1 else ""
            caption = [scene.caption(i), f"{shorten(name)} · {one}channel: its largest value", *told]
            yield captioned(f"{scene.probes.tag(i)}/activations_{slug(name)}", picture, caption, lines=2 + len(told))

    def _maps(self, scene: Scene, items: list[int]) -> Tensor:
        return channel_outputs(self.features(scene, items[0]), scene.probes.images[items], self.chosen)
