"""What the filters of a layer want, and what they make of the probes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from torch import Tensor

from lightning_viz.callbacks.layers import LayerCallback
from lightning_viz.explain.filters import channel_outputs, maximise_channels
from lightning_viz.explain.tokens import channels_second
from lightning_viz.harness.pictures import Picture, Pixels, Scalar
from lightning_viz.harness.probes import shorten, slug
from lightning_viz.harness.scene import Scene
from lightning_viz.render.color import diverging, minmax, sequential, symmetric, to_uint8
from lightning_viz.render.panel import grid, in_a_row, panel
from lightning_viz.render.text import channels_shown


class FilterAscent(LayerCallback):
    """Draws what most activates each channel of a layer, found by gradient ascent on the image.

    Feature visualisation after Olah et al. (Distill, 2017): decorrelated Fourier images under small random
    transformations, the same ones in every epoch. Tags: `filters/<layer>/<channel>`, and the activation that was
    reached under the same name with `_activation`; `probe_03_egg/ascent_<layer>_<channel>` where ascent starts from the
    probes.

    Args:
        steps: Steps of Adam.
        lr: Its learning rate.
        parametrization: `"fourier"`, or `"pixels"` for the image's own pixels, stretched to [0, 1] for display.
        transforms: Whether the image is jittered, scaled and rotated a little in each step.
        start: From `"noise"`, or from the `"probes"`.
        objective: The `"mean"` or the `"sum"` of the channel's output.
        arguments: Those of `LayerCallback`.
    """

    per_probe = False

    def __init__(
        self,
        *,
        steps: int = 128,
        lr: float = 0.05,
        parametrization: Literal["fourier", "pixels"] = "fourier",
        transforms: bool = True,
        start: Literal["noise", "probes"] = "noise",
        objective: Literal["mean", "sum"] = "mean",
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        if steps < 1 or lr <= 0 or start not in ("noise", "probes"):
            raise ValueError(
                f"Expected steps >= 1, lr > 0 and start='noise' or 'probes', received {steps}, {lr} and {start!r}."
            )
        self.steps = steps
        self.lr = lr
        self.parametrization = parametrization
        self.transforms = transforms
        self.start = start
        self.objective = objective
        self.per_probe = start == "probes"

    def prepare(self, scene: Scene) -> None:
        """Finds layer and channels, and checks that there is something to climb.

        Raises:
            ValueError: No such layer or channel, or no gradient reaches the image.
        """
        super().prepare(scene)
        scene.subject.require_gradient(scene.probes.images, self.found(scene)[1])

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One picture per channel, or per probe and channel."""
        if self.start == "noise":
            channels = scene.mine(self.chosen)
            if channels:
                yield from self._ascend(scene, channels, f"filters/{slug(self.found(scene)[0])}/")
            return
        for i in scene.mine(range(len(scene.probes))):
            tag = f"{scene.probes.tag(i)}/ascent_{slug(self.found(scene)[0])}_"
            yield from self._ascend(scene, self.chosen, tag, i)

    def _ascend(
        self, scene: Scene, channels: Sequence[int], tag: str, probe: int | None = None
    ) -> Iterable[Picture | Scalar]:
        name, _ = self.found(scene)
        origin = "" if probe is None else f" from {scene.probes.label_name(probe)}"
        images = scene.probes.images
        found = maximise_channels(
            self.features(scene),
            channels,
            size=(images.shape[2], images.shape[3]),
            image_channels=images.shape[1],
            steps=min(self.steps, 2) if self.rehearsal else self.steps,
            lr=self.lr,
            parametrisation=self.parametrization,
            transforms=self.transforms,
            normalize=scene.probes.normalize,
            seed=self.seed,
            start=None if probe is None else scene.probes.pixels[probe],
            reduce=self.objective,
            device=images.device,
        )
        for channel, pixels, before, after in zip(channels, *found, strict=True):
            caption = [
                f"epoch {scene.epoch} · {shorten(name)}, channel {channel}{origin}",
                f"activation {float(before):.3g} → {float(after):.3g}{channels_shown(pixels.shape[0])}",
            ]
            shown = pixels.cpu().numpy()
            image = to_uint8(minmax(shown) if self.parametrization == "pixels" else shown)
            yield Picture(f"{tag}{channel}", panel(image, caption, lines=2))
            yield Scalar(f"{tag}{channel}_activation", float(after))


class FilterActivations(LayerCallback):
    """Draws what the channels of a layer put out for each probe.

    Tags: `probe_03_egg/activations_<layer>`: the probe's maps side by side, brighter where the filter answers more
    strongly. A channel has one scale for all probes, told above its map.

    Args:
        layer: See `LayerCallback`.
        channels: See `LayerCallback`.
        common: The arguments of `ExplanationCallback`.
    """

    def check(self, name: str, output: Tensor) -> None:
        """Raises unless the layer's output is (N, channels, height, width).

        Raises:
            ValueError: It has no spatial extent.
        """
        if output.ndim != 4 or len(output) != 1:
            raise ValueError(
                "Expected a layer with a spatial output: (N, channels, height, width), or as many tokens as patches of "
                f"one size make of the image, received {('N', *output.shape[1:])} from {name!r}: pass layer= with a "
                "convolution, what follows one, or a transformer's block."
            )

    def features(self, scene: Scene) -> Callable[[Tensor], Tensor]:
        """From images to what the layer puts out, (N, D, h, w), also where it has tokens for the patches."""
        layer = self.found(scene)[1]
        return channels_second(scene.subject.features(layer), layer, maps=True)

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One picture per probe."""
        name, _ = self.found(scene)
        maps = channel_outputs(self.features(scene), scene.probes.images, self.chosen).cpu().numpy()
        scaled = [symmetric(maps[:, k]) for k in range(len(self.chosen))]
        paint = diverging if bool((maps < 0).any()) else sequential
        titles = [f"{c}: {scale:.2g}" for c, (_, scale) in zip(self.chosen, scaled, strict=True)]
        for i in scene.mine(range(len(scene.probes))):  # the scale is that of all probes
            tiles: list[Pixels] = [paint(values[i]) for values, _ in scaled]
            picture = grid(tiles, in_a_row(tiles, 4), titles=titles)
            caption = [scene.caption(i), f"{shorten(name)} · channel: value of full colour"]
            yield Picture(f"{scene.probes.tag(i)}/activations_{slug(name)}", panel(picture, caption, lines=2))
