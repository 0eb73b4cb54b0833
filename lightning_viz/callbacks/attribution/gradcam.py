"""Grad-CAM: which places of a layer speak for a class."""

from typing import Literal, Optional

from torch import Tensor

from lightning_viz.callbacks.attribution.base import AttributionCallback
from lightning_viz.callbacks.base.keywords import OfAttribution, Unpack
from lightning_viz.callbacks.base.layers import layer_of
from lightning_viz.explain.attribution.gradcam import grad_cam, upsampled
from lightning_viz.explain.network.naming import find_layer
from lightning_viz.harness.arguments import one_of, text
from lightning_viz.harness.network.subject import Subject, UnsuitedError
from lightning_viz.harness.probes.spec import shorten, slug
from lightning_viz.harness.run.scene import Scene

_NAMES = {"gradcam": "gradcam", "gradcam++": "gradcam_pp"}
_TITLES = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++"}


class GradCam(AttributionCallback):
    """Draws where a layer sees what speaks for a class, enlarged to the image.

    Tags: `probe_03_egg/gradcam_<layer>` or `.../gradcam_pp_<layer>`. Where nothing in the layer speaks for the class,
    the caption says so.

    Args:
        method: `"gradcam"` (arXiv:1610.02391, 2016), or `"gradcam++"` (arXiv:1710.11063, 2017), which covers several
            objects of a class better.
        layer: The layer's dotted name, or the end of it: `"cnn.15"`. `None` takes the last convolution, of
            a transformer the last block behind which the patches still have a say.
        arguments: Those of `AttributionCallback`.

    Raises:
        ValueError: An unknown method.
    """

    lines = 4

    def __init__(
        self,
        *,
        method: Literal["gradcam", "gradcam++"] = "gradcam",
        layer: Optional[str] = None,  # noqa: UP045
        **arguments: Unpack[OfAttribution],
    ) -> None:
        super().__init__(**arguments)
        self.method = one_of("method", method, _NAMES)
        self.layer = text("layer", layer, "cnn.15")
        self._found = ""
        self._places = 0

    @property
    def name(self) -> str:
        """The last part of the tags."""
        return f"{_NAMES[self.method]}_{slug(self._found)}"

    @property
    def title(self) -> str:
        """What the method is called in captions."""
        return f"{_TITLES[self.method]} at {shorten(self._found)}"

    def prepare(self, scene: Scene) -> None:
        """Checks the target, finds the layer and tries it on one probe.

        Raises:
            ValueError: No such class or layer, or a layer that has no spatial output or no say in the scores.
        """
        super().prepare(scene)
        self._found, _ = layer_of(scene, self.layer, places=True)
        try:
            self.attribute(self.first_subject(scene), scene.probes.images[:1], self.first_target(scene))
        except ValueError as error:
            kind = UnsuitedError if self.layer is None else ValueError
            raise kind(f"{self._found!r} is no layer for Grad-CAM, pass layer= with another one: {error}") from error

    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """The map, (N, H, W) or (N, D, H, W), not below 0."""
        _, layer = find_layer(subject.net, self._found)
        maps = grad_cam(subject, layer, images, targets, method=self.method)
        self._places = maps[0].numel()
        return upsampled(maps, images.shape[2:])

    def note(self, values: Tensor) -> str:
        """Tells of a map of zeros, and of one of a single place."""
        if not bool(values.any()):
            return ", all zero: nothing in this layer speaks for it"
        return "" if self._places > 1 else ", one place: this layer sees the image as a whole"
