"""Deep dreams of the probes."""

from collections.abc import Iterable, Sequence
from typing import Any, Optional, Union

import torch
from torch import Tensor

from lightning_viz.callbacks.base.callback import ExplanationCallback
from lightning_viz.callbacks.base.captions import captioned
from lightning_viz.callbacks.base.keywords import Common, Unpack
from lightning_viz.callbacks.base.layers import check_flat, check_gradient, layer_of
from lightning_viz.callbacks.features.guide import Guide, check_guide, find_guide
from lightning_viz.explain.network.bfloat16 import bfloat16_pays, in_bfloat16
from lightning_viz.explain.network.tokens import channels_second
from lightning_viz.explain.optimisation.dream import ITERATIONS, dream
from lightning_viz.explain.optimisation.octave import Features
from lightning_viz.harness.arguments import flag, number, text, whole, wholes
from lightning_viz.harness.probes.spec import shorten, slug
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Scalar
from lightning_viz.render.color import to_uint8
from lightning_viz.render.panel import notice

_LARGER = 1.5


class DeepDream(ExplanationCallback):
    """Redraws the probes until a layer sees more of whatever it already sees in them (google/deepdream, 2015).

    With a guide, until it sees more of what it sees in the guide. The forward stops at the layer, so the canvas may be
    larger than the images that the network takes: on small images a dream shows little. Tags:
    `probe_03_egg/deep_dream`, with the layer behind it where one is given, and `_towards_` with the guide's name.

    Args:
        layer: The layer's dotted name, or the end of it: `"cnn.15"`. `None` takes the convolution, or the block, two
            thirds down the network.
        guide: What to dream towards: the position of another probe, from 0, or the path of an image file. `None` lets
            the network see what it likes.
        canvas: Longer side of the dream in pixels, or its height and width. `None` is one and a half times the image's
            own.
        octaves: Number of sizes, the last being the canvas.
        octave_scale: Ratio of neighbouring sizes.
        iterations: Steps of every octave, or of each from the smallest to the canvas; smaller octaves than are given
            take as many as the first.
        step: Size of a step in pixel values of [0, 1].
        normalize_gradient: Bring coarse and fine detail and colours of the steps into balance.
        jitter: Largest random shift, in pixels.
        tile: Longest side that goes through the network at once, in pixels; bounds the memory.
        common: The arguments of `ExplanationCallback`.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        *,
        layer: Optional[str] = None,  # noqa: UP045
        guide: Optional[Union[int, str]] = None,  # noqa: UP007, UP045
        canvas: Optional[Union[int, tuple[int, int]]] = None,  # noqa: UP007, UP045
        octaves: int = 4,
        octave_scale: float = 1.4,
        iterations: Union[int, Sequence[int]] = ITERATIONS,  # noqa: UP007
        step: float = 2 / 255,
        normalize_gradient: bool = True,
        jitter: int = 16,
        tile: int = 512,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(**common)
        steps = wholes("iterations", iterations)
        self.layer = text("layer", layer, "cnn.15")
        self.guide = None if guide is None else check_guide(guide)
        self.canvas = None if canvas is None else _canvas(wholes("canvas", canvas, count=2))
        self.options: dict[str, Any] = {
            "octaves": whole("octaves", octaves),
            "octave_scale": number("octave_scale", octave_scale, above=1),
            "iterations": [steps] if isinstance(steps, int) else steps,
            "step": number("step", step),
            "normalize_gradient": flag("normalize_gradient", normalize_gradient),
            "jitter": whole("jitter", jitter, least=0),
            "tile": whole("tile", tile),
        }
        self._bfloat16 = False

    def prepare(self, scene: Scene) -> None:
        """Checks that there are layer and guide, and that the layer takes the canvas.

        Raises:
            ValueError: They are not, or it does not.
        """
        check_flat(scene)
        name, layer = self._found(scene)
        check_gradient(scene, self.layer, layer)
        self._bfloat16 = bfloat16_pays(scene.subject.net, self._precisely(scene, 0), scene.probes.images)
        towards = self._guide(scene)
        height, width = scene.probes.images.shape[2:]
        once: dict[str, Any] = {"octaves": 1, "iterations": [1]}
        # A network for images of one size takes no other, but a larger canvas in tiles of that size.
        refusals = []
        for only in (None, (height, width)):
            self.options["only"] = only
            try:
                self._dream(scene, scene.probes.pixels[:1], towards, **once)
            except ValueError as refusal:
                refusals.append(refusal)
            else:
                return
        raise ValueError(
            f"{refusals[0]} The network takes images of {height} x {width}: pass canvas= of at least that, or another "
            f"layer= than {name!r}."
        ) from refusals[0]

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One dream per probe."""
        name, _ = self._found(scene)
        towards = self._guide(scene)
        tag = f"deep_dream_{slug(name)}" if self.layer else "deep_dream"
        tag += f"_towards_{slug(towards.name)}" if towards else ""
        rehearsal: dict[str, Any] = {"iterations": [1]} if self.rehearsal else {}
        mine = scene.mine(range(len(scene.probes)))
        if not mine:
            return
        pixels = scene.probes.pixels
        groups = [some for _, some in scene.subject.groups(mine)]
        dreams = torch.cat([self._dream(scene, pixels[some], towards, i=some[0], **rehearsal) for some in groups])
        for i, dreamt in zip(mine, dreams, strict=True):
            caption = [scene.caption(i), f"dream of {shorten(name)}, {dreamt.shape[2]} x {dreamt.shape[1]} px"]
            caption += [f"towards {towards.name}"] if towards else []
            real = bool(scene.predictions[i].isfinite().all())
            image = to_uint8(dreamt.cpu().numpy()) if real else notice("not finite", *dreamt.shape[:0:-1])
            yield captioned(f"{scene.probes.tag(i)}/{tag}", image, caption, lines=len(caption))

    def _guide(self, scene: Scene) -> Guide | None:
        first = self.rehearsal and isinstance(self.guide, int)  # a rehearsal has one probe
        return find_guide(scene, 0 if first else self.guide)

    def _dream(self, scene: Scene, pixels: Tensor, towards: Guide | None, *, i: int = 0, **options: Any) -> Tensor:
        canvas = self.canvas or round(_LARGER * max(pixels.shape[-2:]))
        return dream(
            self._features(scene, i),
            pixels,
            normalize=scene.probes.normalize,
            guide=towards.pixels if towards else None,
            canvas=canvas,
            seed=self.seed,
            **{**self.options, **options},
        )

    def _features(self, scene: Scene, i: int) -> Features:
        return in_bfloat16(self._precisely(scene, i)) if self._bfloat16 else self._precisely(scene, i)

    def _precisely(self, scene: Scene, i: int) -> Features:
        layer = self._found(scene)[1]
        features = scene.subject.of(i).features(layer)
        return features if self.guide is None else channels_second(features, layer)

    def _found(self, scene: Scene) -> tuple[str, torch.nn.Module]:
        return layer_of(scene, self.layer, deep=True)


def _canvas(sides: int | list[int]) -> int | tuple[int, int]:
    return sides if isinstance(sides, int) else (sides[0], sides[1])
