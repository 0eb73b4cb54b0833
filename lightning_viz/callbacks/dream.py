"""Deep dreams of the probes."""

from collections.abc import Iterable
from typing import Any, Optional, Union

from lightning_viz.callbacks.base import ExplanationCallback
from lightning_viz.callbacks.layers import check_default, layer_of
from lightning_viz.explain.dream import dream
from lightning_viz.harness.pictures import Picture, Scalar
from lightning_viz.harness.probes import shorten, slug
from lightning_viz.harness.scene import Scene
from lightning_viz.render.color import to_uint8
from lightning_viz.render.panel import panel


class DeepDream(ExplanationCallback):
    """Redraws the probes until a layer sees more of whatever it already sees in them (google/deepdream, 2015).

    The forward stops at the layer, so the canvas may be larger than the images that the network takes: on small images
    a dream shows little. Tags: `probe_03_egg/deep_dream`, with the layer behind it where one is given.

    Args:
        layer: The layer's dotted name, or the end of it: `"cnn.15"`. `None` takes the last convolution.
        canvas: Longer side of the dream in pixels, or its height and width. `None` is twice the image's own,
            or the image's own where the network takes images of one size only.
        octaves: Number of sizes, the last being the canvas.
        octave_scale: Ratio of neighbouring sizes.
        iterations: Steps of each octave.
        step: Size of a step in pixel values of [0, 1].
        normalize_gradient: Smooth the gradient, and divide it by its mean magnitude.
        jitter: Largest random shift, in pixels.
        tile: Longest side that goes through the network at once, in pixels; bounds the memory.
        common: The arguments of `ExplanationCallback`.
    """

    def __init__(
        self,
        *,
        layer: Optional[str] = None,  # noqa: UP045
        canvas: Optional[Union[int, tuple[int, int]]] = None,  # noqa: UP007, UP045
        octaves: int = 4,
        octave_scale: float = 1.4,
        iterations: int = 10,
        step: float = 0.6 / 255,
        normalize_gradient: bool = True,
        jitter: int = 32,
        tile: int = 256,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if octaves < 1 or octave_scale <= 1 or iterations < 1 or step <= 0 or tile < 1 or jitter < 0:
            raise ValueError(
                "Expected octaves, iterations and tile of at least 1, octave_scale above 1, step above 0 and jitter of "
                f"at least 0, received {octaves}, {iterations}, {tile}, {octave_scale}, {step} and {jitter}."
            )
        self.layer = layer
        self.canvas = canvas
        self._canvas: int | tuple[int, int] | None = canvas
        self._tile = tile
        self.options: dict[str, Any] = {
            "octaves": octaves,
            "octave_scale": octave_scale,
            "iterations": iterations,
            "step": step,
            "normalize_gradient": normalize_gradient,
            "jitter": jitter,
            "tile": tile,
        }

    def prepare(self, scene: Scene) -> None:
        """Checks that the layer exists and takes the canvas.

        Raises:
            ValueError: It does not.
        """
        _, layer = layer_of(scene, self.layer)
        check_default(scene, self.layer)
        scene.subject.require_gradient(scene.probes.images, layer)
        height, width = scene.probes.images.shape[2:]
        own = max(height, width)
        # A network for images of one size takes no other, and no tiles.
        wishes = [self.canvas] if self.canvas else [2 * own, own]
        refusals = []
        for self._canvas in wishes:
            self._tile = self.options["tile"] if self._canvas != own else max(self.options["tile"], 2 * own)
            if (refusal := self._refusal(scene)) is None:
                return
            refusals.append(refusal)
        raise ValueError(
            f"{refusals[0]} The network takes images of {height} x {width}: pass canvas={own}, or a layer= before what "
            "asks for one size."
        ) from refusals[0]

    def _refusal(self, scene: Scene) -> ValueError | None:
        features = scene.subject.features(layer_of(scene, self.layer)[1])
        options = {**self.options, "octaves": 1, "iterations": 0, "tile": self._tile}
        try:
            dream(features, scene.probes.pixels[:1], canvas=self._canvas, **options)
        except ValueError as error:
            return error
        return None

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One dream per probe."""
        name, layer = layer_of(scene, self.layer)
        options = {**self.options, "tile": self._tile}
        options["iterations"] = 1 if self.rehearsal else self.options["iterations"]
        tag = f"deep_dream_{slug(name)}" if self.layer else "deep_dream"
        for i in scene.mine(range(len(scene.probes))):
            dreamt = dream(
                scene.subject.features(layer),
                scene.probes.pixels[i : i + 1],
                canvas=self._canvas,
                normalize=scene.probes.normalize,
                seed=self.seed,
                **options,
            )[0]
            caption = [scene.caption(i), f"dream of {shorten(name)}, {dreamt.shape[2]} x {dreamt.shape[1]} px"]
            yield Picture(f"{scene.probes.tag(i)}/{tag}", panel(to_uint8(dreamt.cpu().numpy()), caption, lines=2))
