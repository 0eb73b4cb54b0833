"""What callbacks about one layer have in common: the layer and its channels, found and checked."""

from collections.abc import Callable, Sequence
from typing import Optional, Union

import torch
from torch import Tensor, nn

from lightning_viz.callbacks.base.callback import ExplanationCallback
from lightning_viz.callbacks.base.keywords import Common, Unpack
from lightning_viz.callbacks.base.layers import layer_of
from lightning_viz.explain.network.tokens import channels_second
from lightning_viz.harness.arguments import text, wholes
from lightning_viz.harness.run.scene import Scene


class LayerCallback(ExplanationCallback):
    """What callbacks about one layer have in common: the layer and its channels, found and checked.

    Args:
        layer: The layer's dotted name, or the end of it: `"cnn.15"`. `None` takes the last that puts out places
            of the image, mostly a convolution or a transformer's block.
        channels: Which channels, or how many, spread over the layer.
        common: The arguments of `ExplanationCallback`.

    Raises:
        ValueError: A count below 1, or no channels.
    """

    def __init__(
        self,
        *,
        layer: Optional[str] = None,  # noqa: UP045
        channels: Union[int, Sequence[int]] = 8,  # noqa: UP007
        **common: Unpack[Common],
    ) -> None:
        super().__init__(**common)
        self.layer = text("layer", layer, "cnn.15")
        self.channels = wholes("channels", channels, each=0)
        self.chosen: list[int] = []
        self.available = 0

    def prepare(self, scene: Scene) -> None:
        """Finds layer and channels.

        Raises:
            ValueError: No such layer or channel.
        """
        name, _ = self.found(scene)
        with torch.no_grad():
            output = self.features(scene)(scene.probes.images[:1])
        self.check(name, output)
        self.available = output.shape[1]
        self.chosen = _choose(self.channels, self.available, name)

    def check(self, name: str, output: Tensor) -> None:
        """Raises unless the output of the layer, (1, D, h, w) or (1, D), will do.

        Raises:
            ValueError: It has no channels.
        """
        if output.ndim not in (2, 4) or len(output) != 1:
            raise ValueError(
                "Expected a layer with an output (N, channels, height, width), (N, places, channels) or (N, units), "
                f"received {tuple(output.shape)} for one image from {name!r}: pass layer= with another one."
            )

    def features(self, scene: Scene, i: int = 0) -> Callable[[Tensor], Tensor]:
        """From images to what the layer puts out, (N, D, h, w) or (N, D); tokens as (N, D, T, 1).

        Args:
            scene: The scene.
            i: The probe that is seen; it matters where the network is given more than images.
        """
        layer = self.found(scene)[1]
        return channels_second(scene.subject.of(i).features(layer), layer)

    def found(self, scene: Scene) -> tuple[str, nn.Module]:
        """The layer's full name, and the layer."""
        return layer_of(scene, self.layer)


def _choose(channels: int | Sequence[int], available: int, name: str) -> list[int]:
    if isinstance(channels, int):
        count = min(channels, available)
        return [k * available // count for k in range(count)]
    wrong = [c for c in channels if not 0 <= c < available]
    if wrong:
        raise ValueError(f"Expected channels 0 to {available - 1} of layer {name!r}, received {wrong}: mend channels=.")
    return list(dict.fromkeys(channels))
