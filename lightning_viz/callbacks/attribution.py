"""Any explanation that gives a map per image: drawing, captions and tags around one method."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Union

from torch import Tensor

from lightning_viz.callbacks.base import ExplanationCallback
from lightning_viz.explain.gradients import magnitude
from lightning_viz.explain.targets import check_target, resolve_targets
from lightning_viz.harness.pictures import Picture, Pixels, Scalar
from lightning_viz.harness.probes import slug
from lightning_viz.harness.scene import Scene
from lightning_viz.harness.subject import Subject
from lightning_viz.render.color import diverging, overlay, sequential, symmetric
from lightning_viz.render.panel import notice, panel


class AttributionCallback(ExplanationCallback):
    """Draws a map per probe that tells where the network looks.

    A subclass implements `attribute`: a new method costs one function and a class of a few lines. Values per channel
    are drawn as their largest magnitude over the channels, or as their sum where `signed` is set.

    Args:
        target: The class to explain: `"label"`, `"predicted"`, a class index or a class name.
        common: The arguments of `ExplanationCallback`.
    """

    signed = False
    """Whether the sign of a map has a meaning, and is drawn: blue against the class, red for it."""

    def __init__(self, *, target: Union[str, int] = "label", **common: Any) -> None:  # noqa: UP007
        super().__init__(**common)
        self.target = target

    @abstractmethod
    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """The method.

        Args:
            subject: Images (N, C, H, W) in, class scores (N, K) out.
            images: Float32 (N, C, H, W), as the network takes them.
            targets: Long (N,), the class to explain of each image.

        Returns:
            A map (N, H, W), or values per channel (N, C, H, W).
        """

    @property
    def name(self) -> str:
        """The last part of the tags, the class's own name by default."""
        return slug(type(self).__name__)

    @property
    def title(self) -> str:
        """What the method is called in captions."""
        return self.name.replace("_", " ")

    def prepare(self, scene: Scene) -> None:
        """Checks the target."""
        check_target(self.target, scene.probes.class_names)

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One picture per probe: the map, and the map over the image."""
        probes, mine = scene.probes, scene.mine(range(len(scene.probes)))
        if not mine:
            return
        targets = resolve_targets(self.target, probes.labels, scene.probabilities, probes.class_names)
        maps = self.attribute(scene.subject, probes.images[mine], targets[mine])
        name = self.name if self.target == "label" else f"{self.name}_{slug(str(self.target))}"
        for i, values in zip(mine, maps, strict=True):
            about = f"{self.title} of {probes.class_names[int(targets[i])]}"
            images, scale = self._tiles(probes.pixels[i], values)
            yield Picture(f"{probes.tag(i)}/{name}", panel(images, [scene.caption(i), f"{about}, {scale}"], lines=2))

    def paint(self, pixels: Tensor, values: Tensor) -> tuple[list[Pixels], str]:
        """Turns one finite map into pictures.

        Args:
            pixels: The image, (C, H, W) in [0, 1].
            values: What `attribute` returned for it.

        Returns:
            Pictures side by side, uint8 (h, w, 3), and what their colours stand for.
        """
        if values.ndim == 3:
            values = values.sum(0) if self.signed else magnitude(values[None])[0]
        heat, scale = symmetric(values.cpu().numpy())
        colour = diverging(heat) if self.signed else sequential(heat)
        tiles = [colour, overlay(pixels.cpu().numpy(), heat, signed=self.signed)]
        return tiles, f"scale {scale:.2g}"

    def _tiles(self, pixels: Tensor, values: Tensor) -> tuple[list[Pixels], str]:
        values = values.detach().float()
        if bool(values.isfinite().all()):
            return self.paint(pixels, values)
        self.warn_once(
            f"{type(self).__name__} met values that are not finite: the network's gradient overflows, or its weights "
            "are not finite any more. The pictures say so.",
            key="not finite",
        )
        height, width = pixels.shape[-2:]
        return [notice("not finite", 176, round(176 * height / width))] * 2, "not finite"
