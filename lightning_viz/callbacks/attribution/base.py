"""Any explanation that gives a map per image: drawing, captions and tags around one method."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Literal, Optional, Union

import torch
from torch import Tensor

from lightning_viz.callbacks.attribution.figures import tag_of
from lightning_viz.callbacks.attribution.maps import MapCallback
from lightning_viz.callbacks.attribution.painting import flattened, painted, sheets, slices_of
from lightning_viz.callbacks.base.captions import captioned, instead, sliced
from lightning_viz.callbacks.base.keywords import OfMaps, Unpack
from lightning_viz.explain.attribution.targets import RIVAL, check_against, check_target
from lightning_viz.harness.arguments import is_whole, refusal, whole
from lightning_viz.harness.network.contrast import contrast
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.spec import slug
from lightning_viz.harness.run.scene import Ask, Scene
from lightning_viz.harness.sinks.results import Pixels, Result
from lightning_viz.render.color import symmetric
from lightning_viz.render.fonts import isolated
from lightning_viz.render.maps.anew import Kept, kept_of_map
from lightning_viz.render.maps.colorbar import colorbar
from lightning_viz.render.maps.slices import Slices


class AttributionCallback(MapCallback):
    """Draws a map per probe that tells where the network looks.

    A subclass implements `attribute`: a new method costs one function and a class of a few lines. Values per channel
    are drawn as their largest magnitude over the channels, or as their sum where `signed` is set.

    Args:
        target: The class to explain: `"label"`, `"predicted"`, a class index or a class name.
        against: Explain by how much the score of `target` beats that of another class: `"rival"`, which is the
            strongest other one, or what a target may be. Where that is the target itself (the label against the
            prediction, and the network is right), its rival stands in. Tags end in `_against_rival`, and so on.
        labels: Of several labels of an image, explain at most so many, the surest first; each has a picture of its own,
            whose tag ends in it.
        common: The arguments of `MapCallback`.

    Attributes:
        black: What a black pixel is to the network, float32 (C, 1, 1); known from `prepare` on.
        white: Likewise.
    """

    black: Tensor
    white: Tensor

    signed = False
    """Whether the sign of a map has a meaning, and is drawn: blue against the class, orange for it."""

    grain = 0.0
    """Standard deviation of a blur before a map is drawn, as a share of the image's shorter side. Where the signs of
    neighbours alternate, it shows which of them prevails."""

    by_gradients = False
    """Whether the method asks for gradients of the images, which is then checked before the first batch."""

    per_contrast = 0
    """How many times a map is multiplied by the image's contrast, the range of its values: a gradient, in log-odds per
    unit of the input, then tells what the image's whole range would do at first order."""

    lines = 3
    """Lines of the caption, one of them for what the map has in common with that of the untrained network; with
    `against` there is one more."""

    def __init__(
        self,
        *,
        target: Union[str, int] = "label",  # noqa: UP007
        against: Optional[Union[str, int]] = None,  # noqa: UP007, UP045
        labels: int = 3,
        **common: Unpack[OfMaps],
    ) -> None:
        super().__init__(**common)
        self.target = _class("target", target)
        self.against = None if against is None else _class("against", against)
        self.labels = whole("labels", labels)

    @abstractmethod
    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """The method.

        Args:
            subject: Images (N, C, H, W) in, scores (N, K) out: of classes, and by how much one beats another.
            images: Float32 (N, C, H, W), as the network takes them; of volumes and clips (N, C, D, H, W).
            targets: Long (N,), the score to explain of each image.

        Returns:
            A map (N, H, W), or values per channel (N, C, H, W); of volumes (N, D, H, W) or (N, C, D, H, W).
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
            ValueError: No scores, no such class, a class against itself or against nothing, or no gradient.
        """
        names = scene.probes.class_names
        scene.task.check(scene.subject, scene.probes.images, self.called)
        check_target(self.target, names)
        if self.against is not None:
            check_against(self.against, self.target, names)
            self._check_opponents(scene)
        self.black, self.white = (scene.probes.normalize(scene.probes.mean.new_full((), value)) for value in (0, 1))
        if self.by_gradients:
            scene.subject.require_gradient(scene.probes.images)

    def draw(self, scene: Scene) -> Iterable[Result]:
        """One picture per probe, the map and the map over the image; and what there is to tell of it."""
        asked = self.asked(scene)
        if not asked:
            return
        before = scene.subject.work.units
        maps, about = self._answer(scene, asked)
        units = (scene.subject.work.units - before) / len(asked)
        lines = self.lines + (self.against is not None)
        for ask, values, what in zip(asked, maps, about, strict=True):
            pixels, tag = scene.probes.pixels[ask.probe], tag_of(scene, ask, self.tag)
            drawn = self.flat(values, pixels.ndim - 1)
            full = self.full(scene, ask, self.bound(drawn)) if bool(drawn.isfinite().all()) else 0.0
            slices = slices_of(drawn)
            images, note = self._tiles(pixels, values, drawn, full, slices)
            metrics, mark = self.figures.measured(scene, ask, drawn, units=units, bound=full)
            told = sliced(scene.probes, slices)
            caption = [scene.caption(ask.probe), *told, f"{self.title} of {what}{note}{mark}"]
            bars = [colorbar(full, self.unit_of(scene), colours=self._colours)]
            source = self._source(scene, pixels, drawn, full, slices)
            yield captioned(tag, images, caption, lines=lines + len(told), bars=bars, full=full, source=source)
            colours = self._colours if self.paints_plainly else None
            yield from self.for_tab(scene, tag, [drawn], full, colours=colours)
            yield from metrics

    def asked(self, scene: Scene) -> list[Ask]:
        """What the target asks of the probes that this process draws."""
        return scene.asked_here(self.target, most=self.labels)

    def _in_unit(self, image: Tensor, values: Tensor) -> Tensor:
        """What `attribute` returned for one image, in the unit that is drawn."""
        values = values.detach().float()
        if not self.per_contrast:
            return values
        seen = image[image.isfinite()]
        contrast = float(seen.max() - seen.min()) if len(seen) else 0.0
        return values * contrast**self.per_contrast

    def maps_of(self, scene: Scene, asked: Sequence[Ask]) -> list[Tensor]:
        """Some maps as they are drawn, (H, W) or (D, H, W) each, by what the network is now."""
        sides = scene.probes.images.ndim - 2
        return [self.flat(values, sides) for values in self._answer(scene, asked)[0]]

    def first_target(self, scene: Scene) -> Tensor:
        """The column that is explained of the first probe, long (1,), to try a method with."""
        return torch.tensor([scene.asked(self.target)[0].column], device=scene.probes.images.device)

    def first_subject(self, scene: Scene) -> Subject:
        """The network for copies of the first probe, as it is asked for that column."""
        return scene.subject.of(0).about(scene.asked(self.target)[0].column)

    def _answer(self, scene: Scene, asked: Sequence[Ask]) -> tuple[list[Tensor], list[str]]:
        """The method's values for what is asked, in the unit that is drawn, and what each is called."""
        subject, targets, about = self._question(scene, asked)
        images, maps = scene.probes.images, list[Tensor]()
        for one, some in subject.asking([ask.probe for ask in asked], targets.tolist()):
            found = self.attribute(one, images[some], targets[len(maps) : len(maps) + len(some)])
            maps += [self._in_unit(images[i], values) for i, values in zip(some, found, strict=True)]
        return maps, about

    def _question(self, scene: Scene, asked: Sequence[Ask]) -> tuple[Subject, Tensor, list[str]]:
        """What is asked, which of its scores each map is of, and what that is called."""
        names, device = scene.probes.class_names, scene.probes.images.device
        targets = torch.tensor([ask.column for ask in asked], device=device)
        if self.against is None:
            return scene.subject, targets, [isolated(ask.name) for ask in asked]
        pairs = [scene.opponent(self.against, ask) for ask in asked]
        others = [ask.column if k is None else k for ask, (k, _) in zip(asked, pairs, strict=True)]
        subject, columns = contrast(scene.subject, targets, torch.tensor(others, device=device), len(names))
        against = [
            isolated(names[k]) + (" (its rival)" if rival else "") for k, (_, rival) in zip(others, pairs, strict=True)
        ]
        return subject, columns, [f"{isolated(ask.name)} against {b}" for ask, b in zip(asked, against, strict=True)]

    def _check_opponents(self, scene: Scene) -> None:
        if any(scene.opponent(self.against or RIVAL, ask)[0] is None for ask in scene.asked(self.target)):
            raise ValueError(
                f"Expected something to hold against it with against={self.against!r}, but the outputs of "
                f"task={scene.task.name!r} have no rivals: leave against= out, or name another output."
            )

    def flat(self, values: Tensor, sides: int = 2) -> Tensor:
        """What `attribute` returned for one image as the map that is drawn, (H, W), or of three sides (D, H, W)."""
        return flattened(values, sides=sides, signed=self.signed, grain=self.grain)

    def bound(self, values: Tensor) -> float:
        """The magnitude at which the colours of a map, (H, W), are full."""
        return symmetric(values.cpu().numpy())[1]

    @property
    def paints_plainly(self) -> bool:
        """Whether `paint` gives the map and the map over the image, as films and the Explanations tab paint it too."""
        return type(self).paint is AttributionCallback.paint

    def note(self, values: Tensor) -> str:
        """What the caption adds about a finite map, as `attribute` returned it; nothing by default."""
        return ""

    def paint(self, pixels: Tensor, values: Tensor, full: float) -> tuple[list[Pixels], str]:
        """Turns one finite map into pictures.

        Args:
            pixels: The image, (C, H, W) in [0, 1]; of a volume three slices in one picture.
            values: What `attribute` returned for it, likewise.
            full: The value that is drawn in full colour.

        Returns:
            Pictures side by side, uint8 (h, w, 3), and what the caption adds about them, if anything.
        """
        return painted(pixels, self.flat(values), full, signed=self.signed), self.note(values)

    @property
    def _colours(self) -> Literal["signed", "sequential"]:
        return "signed" if self.signed else "sequential"

    def _source(self, scene: Scene, pixels: Tensor, drawn: Tensor, full: float, slices: Slices) -> Kept | None:
        """What a film paints the map anew from; nothing where the scale is not that of the run."""
        if self.scale != "run" or not self.paints_plainly or not bool(drawn.isfinite().all()):
            return None
        return kept_of_map(*sheets(pixels, drawn, slices), full, signed=self.signed, unit=self.unit_of(scene))

    def _tiles(
        self, pixels: Tensor, values: Tensor, drawn: Tensor, full: float, slices: Slices
    ) -> tuple[list[Pixels], str]:
        if bool(values.isfinite().all()):
            if self.paints_plainly:
                return painted(pixels, drawn, full, signed=self.signed, slices=slices), self.note(values)
            image, found = (torch.from_numpy(slices.sheet(part.cpu().numpy(), 0.0)) for part in (pixels, values))
            return self.paint(image, found, full)
        self.warn_once(
            f"{self.called} met values that are not finite: the network's gradient overflows, or its weights "
            "are not finite any more. The pictures say so.",
            key="not finite",
        )
        return [instead("not finite", pixels.shape[1:])] * 2, ", not finite"


def _class(name: str, value: str | int) -> str | int:
    if isinstance(value, str) and value:
        return value
    if not is_whole(value) or int(value) < 0:
        raise refusal(name, "'label', 'predicted', a class name or a class index from 0 on", value)
    return int(value)
