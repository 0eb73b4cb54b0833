"""Any explanation that gives a map per image: drawing, captions and tags around one method."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Optional, Union

import torch
from torch import Tensor

from lightning_viz.callbacks.attribution.maps import MapCallback
from lightning_viz.callbacks.attribution.painting import flattened, painted
from lightning_viz.callbacks.base.captions import captioned
from lightning_viz.callbacks.base.keywords import Common, Unpack
from lightning_viz.explain.attribution.targets import check_against, check_target, resolve_against, resolve_targets
from lightning_viz.harness.arguments import is_whole, refusal
from lightning_viz.harness.network.contrast import contrast
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.spec import slug
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Pixels, Result
from lightning_viz.render.color import symmetric
from lightning_viz.render.panel import notice


class AttributionCallback(MapCallback):
    """Draws a map per probe that tells where the network looks.

    A subclass implements `attribute`: a new method costs one function and a class of a few lines. Values per channel
    are drawn as their largest magnitude over the channels, or as their sum where `signed` is set.

    Args:
        target: The class to explain: `"label"`, `"predicted"`, a class index or a class name.
        against: Explain by how much the score of `target` beats that of another class: `"rival"`, which is the
            strongest other one, or what a target may be. Where that is the target itself (the label against the
            prediction, and the network is right), its rival stands in. Tags end in `_against_rival`, and so on.
        common: The arguments of `ExplanationCallback`.

    Attributes:
        black: What a black pixel is to the network, float32 (C, 1, 1); known from `prepare` on.
        white: Likewise.
    """

    black: Tensor
    white: Tensor

    signed = False
    """Whether the sign of a map has a meaning, and is drawn: blue against the class, red for it."""

    grain = 0.0
    """Standard deviation of a blur before a map is drawn, as a share of the image's shorter side. Where the signs of
    neighbours alternate, it shows which of them prevails."""

    by_gradients = False
    """Whether the method asks for gradients of the images, which is then checked before the first batch."""

    lines = 3
    """Lines of the caption, one of them for what the map has in common with that of the untrained network; with
    `against` there is one more."""

    def __init__(
        self,
        *,
        target: Union[str, int] = "label",  # noqa: UP007
        against: Optional[Union[str, int]] = None,  # noqa: UP007, UP045
        **common: Unpack[Common],
    ) -> None:
        super().__init__(**common)
        self.target = _class("target", target)
        self.against = None if against is None else _class("against", against)

    @abstractmethod
    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """The method.

        Args:
            subject: Images (N, C, H, W) in, scores (N, K) out: of classes, and by how much one beats another.
            images: Float32 (N, C, H, W), as the network takes them.
            targets: Long (N,), the score to explain of each image.

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

    @property
    def tag(self) -> str:
        """The last part of the tags: the name, and which classes where it is not just the label."""
        of = "" if self.target == "label" else f"_{slug(str(self.target))}"
        return f"{self.name}{of}" + ("" if self.against is None else f"_against_{slug(str(self.against))}")

    def prepare(self, scene: Scene) -> None:
        """Checks the classes, and that gradients reach the images where the method asks for them.

        Raises:
            ValueError: No such class, a class against itself, or no gradient.
        """
        names = scene.probes.class_names
        check_target(self.target, names)
        if self.against is not None:
            check_against(self.against, self.target, names)
        self.black, self.white = (scene.probes.normalize(scene.probes.mean.new_full((), value)) for value in (0, 1))
        if self.by_gradients:
            scene.subject.require_gradient(scene.probes.images)

    def draw(self, scene: Scene) -> Iterable[Result]:
        """One picture per probe, the map and the map over the image; and what there is to tell of it."""
        probes, mine = scene.probes, scene.mine(range(len(scene.probes)))
        if not mine:
            return
        before = scene.subject.work.units
        maps, about = self._answer(scene, mine)
        units = (scene.subject.work.units - before) / len(mine)
        lines = self.lines + (self.against is not None)
        for i, values in zip(mine, maps, strict=True):
            images, scale = self._tiles(probes.pixels[i], values)
            drawn = self.flat(values)
            metrics, mark = self.figures.measured(scene, i, drawn, units=units, bound=self.bound(drawn))
            caption = [scene.caption(i), f"{self.title} of {about[i]}, {scale}{mark}"]
            yield captioned(f"{probes.tag(i)}/{self.tag}", images, caption, lines=lines)
            yield from metrics

    def maps_of(self, scene: Scene, items: Sequence[int]) -> list[Tensor]:
        """The maps of some probes as they are drawn, (H, W) each, by what the network is now."""
        return [self.flat(values) for values in self._answer(scene, items)[0]]

    def _answer(self, scene: Scene, items: Sequence[int]) -> tuple[Tensor, list[str]]:
        """The method's values for some probes, and what is asked of each of all."""
        subject, targets, about = self._question(scene)
        images = scene.probes.images
        maps = [self.attribute(one, images[some], targets[some]) for one, some in subject.groups(items)]
        return torch.cat(maps), about

    def _question(self, scene: Scene) -> tuple[Subject, Tensor, list[str]]:
        """What is asked, which of its scores is explained for each probe, and what that is called."""
        probes, names = scene.probes, scene.probes.class_names
        targets = resolve_targets(self.target, probes.labels, scene.probabilities, names)
        about = [names[k] for k in targets.tolist()]
        if self.against is None:
            return scene.subject, targets, about
        others, rival = resolve_against(self.against, targets, probes.labels, scene.probabilities, names)
        subject, columns = contrast(scene.subject, targets, others, len(names))
        against = [names[k] + (" (its rival)" if is_rival else "") for k, is_rival in zip(others, rival, strict=True)]
        return subject, columns, [f"{a} against {b}" for a, b in zip(about, against, strict=True)]

    def flat(self, values: Tensor) -> Tensor:
        """What `attribute` returned for one image as the map that is drawn, (H, W)."""
        return flattened(values, signed=self.signed, grain=self.grain)

    def bound(self, values: Tensor) -> float:
        """The magnitude at which the colours of a map, (H, W), are full."""
        return symmetric(values.cpu().numpy())[1]

    def paint(self, pixels: Tensor, values: Tensor) -> tuple[list[Pixels], str]:
        """Turns one finite map into pictures.

        Args:
            pixels: The image, (C, H, W) in [0, 1].
            values: What `attribute` returned for it.

        Returns:
            Pictures side by side, uint8 (h, w, 3), and what their colours stand for.
        """
        return painted(pixels, self.flat(values), signed=self.signed)

    def _tiles(self, pixels: Tensor, values: Tensor) -> tuple[list[Pixels], str]:
        if bool(values.isfinite().all()):
            return self.paint(pixels, values.detach().float())
        self.warn_once(
            f"{self.called} met values that are not finite: the network's gradient overflows, or its weights "
            "are not finite any more. The pictures say so.",
            key="not finite",
        )
        height, width = pixels.shape[-2:]
        return [notice("not finite", 176, round(176 * height / width))] * 2, "not finite"


def _class(name: str, value: str | int) -> str | int:
    if isinstance(value, str) and value:
        return value
    if not is_whole(value) or int(value) < 0:
        raise refusal(name, "'label', 'predicted', a class name or a class index from 0 on", value)
    return int(value)
