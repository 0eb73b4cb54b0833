"""The layer that a callback is about, found by its name."""

from __future__ import annotations

from torch import nn

from lightning_viz.explain.network.naming import find_layer, layers_of
from lightning_viz.harness.network.axes import NAMES
from lightning_viz.harness.network.subject import UnsuitedError
from lightning_viz.harness.run.scene import Scene


def layer_of(scene: Scene, name: str | None, *, deep: bool = False, places: bool = False) -> tuple[str, nn.Module]:
    """A layer's full name, and the layer; where no name is given the network's default.

    Args:
        scene: The scene.
        name: The layer's name, or the end of it.
        deep: By default, whether one two thirds down the network is meant instead of the last.
        places: By default, whether only one that puts out places of the image will do; else it may be the last hidden
            layer where there is no such.

    Raises:
        ValueError: There is no such layer.
        UnsuitedError: No name is given, and the network has no layer of the kind.
    """
    net = scene.subject.net
    if name is not None:
        return find_layer(net, name)
    found = scene.default_layers
    chosen = (found.deep if deep else found.spatial) or ("" if places else found.hidden)
    if not chosen:
        raise UnsuitedError(
            f"{type(net).__name__} has no layer to take by default, that puts out places of the image and that the "
            f"scores depend on: pass layer= with the name of one that will do. {layers_of(net)}"
        )
    return find_layer(net, chosen)


def check_flat(scene: Scene) -> None:
    """Checks that what makes pictures of its own has flat images to make them like.

    Raises:
        UnsuitedError: They are volumes or clips.
    """
    if scene.probes.axes is not None:
        raise UnsuitedError(
            f"Expected flat images, received {NAMES[scene.probes.axes]} (N, {', '.join(scene.probes.axes)}), of which "
            "maps, LIME and filter outputs are drawn, but neither filter ascent, nor dreams, nor attention."
        )


def check_gradient(scene: Scene, name: str | None, layer: nn.Module) -> None:
    """Checks that gradients of a layer reach the images.

    Raises:
        UnsuitedError: They do not.
        ValueError: They do not, and the layer was chosen by its name.
    """
    try:
        scene.subject.require_gradient(scene.probes.images, layer)
    except UnsuitedError as error:
        if name is None:
            raise
        raise ValueError(str(error)) from error
