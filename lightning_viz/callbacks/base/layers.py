"""The layer that a callback is about, found by its name."""

from __future__ import annotations

from collections.abc import Callable

from pytorch_lightning.utilities import rank_zero_warn
from torch import nn

from lightning_viz.explain.network.naming import find_layer, last_convolution
from lightning_viz.harness.run.scene import Scene


def layer_of(
    scene: Scene, name: str | None, default: Callable[[nn.Module], str] = last_convolution
) -> tuple[str, nn.Module]:
    """A layer's full name, and the layer; the default of the network where no name is given.

    Raises:
        ValueError: There is no such layer.
    """
    net = scene.subject.net
    return find_layer(net, name or default(net))


def check_default(scene: Scene, name: str | None, called: str) -> None:
    """Warns where no name is given and the last convolution only cuts the image into patches for a transformer."""
    if name is not None:
        return
    found, layer = layer_of(scene, name)
    attends = any("attention" in type(module).__name__.lower() for module in scene.subject.net.modules())
    if attends and getattr(layer, "stride", None) == getattr(layer, "kernel_size", None):
        rank_zero_warn(
            f"{called}: the last convolution, {found!r}, is the first layer of a transformer: it cuts the image into "
            "patches. For what the network makes of them, pass layer= with one of its blocks."
        )
