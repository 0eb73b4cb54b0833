"""What the filters of a layer want, and what they make of the probes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Optional, Union

from torch import Tensor

from lightning_viz.callbacks.ascent import AscentCallback
from lightning_viz.callbacks.layers import LayerCallback
from lightning_viz.callbacks.panels import captioned
from lightning_viz.explain.filters import channel_outputs
from lightning_viz.explain.objectives import Wish, check_channels, class_indices, is_reduce, laid_out, reduced
from lightning_viz.explain.tokens import channels_second
from lightning_viz.harness.pictures import Picture, Pixels, Scalar
from lightning_viz.harness.probes import shorten, slug
from lightning_viz.harness.scene import Scene
from lightning_viz.render.color import diverging, minmax, sequential, symmetric, to_uint8
from lightning_viz.render.panel import grid, in_a_row
from lightning_viz.render.text import channels_shown


class FilterAscent(AscentCallback):
    """Draws what most activates each channel of a layer, found by gradient ascent on the image.

    Feature visualisation after Olah et al. (Distill, 2017): decorrelated Fourier images under small random
    transformations, the same ones in every epoch. The mean of a convolution's map does not see how the filter is laid
    out in space; the ReLU behind it, or `objective="neuron"`, does. Tags: `filters/<layer>/<channel>`,
    `filters/class/egg`, `filters/<layer>/direction_0`, and the activation that was reached under the same name with
    `_activation`; `probe_03_egg/ascent_<layer>_<channel>` where ascent starts from the probes.

    Args:
        parametrization: `"fourier"`, or `"pixels"` for the image's own pixels, stretched to [0, 1] for display.
        transforms: Whether the image is jittered, scaled and rotated a little in each step.
        start: From `"noise"`, or in every drawing anew from the `"probes"`.
        objective: The `"mean"` or the `"sum"` of the channel's output, the `"neuron"` in its centre, or the one at
            (row, column).
        variants: How many answers to look for, side by side, which differ in style.
        classes: Class scores instead of a layer's channels: which, by name or index, or how many.
        directions: Mixtures of channels instead, by their weights: `[{3: 1.0, 7: -0.5}]`.
        arguments: Those of `AscentCallback` and `LayerCallback`.

    Raises:
        ValueError: An argument is out of its range, or contradicts another.
    """

    def __init__(
        self,
        *,
        parametrization: Literal["fourier", "pixels"] = "fourier",
        transforms: bool = True,
        start: Literal["noise", "probes"] = "noise",
        objective: Union[Literal["mean", "sum", "neuron"], tuple[int, int]] = "mean",  # noqa: UP007
        variants: int = 1,
        classes: Optional[Union[int, Sequence[Union[int, str]]]] = None,  # noqa: UP007, UP045
        directions: Optional[Sequence[dict[int, float]]] = None,  # noqa: UP045
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        if start not in ("noise", "probes") or (start == "probes" and variants != 1) or variants < 1:
            raise ValueError(
                "Expected start='noise' or 'probes' and variants >= 1, which is 1 where ascent starts from the probes, "
                f"received {start!r} and {variants}."
            )
        if not is_reduce(objective):
            raise ValueError(f"Expected objective='mean', 'sum', 'neuron' or (row, column), received {objective!r}.")
        if classes is not None and (directions is not None or self.layer is not None):
            raise ValueError("Expected classes=, or layer= and directions=, received both: use two callbacks.")
        if classes in (0, [], ()) or directions in ([], ()) or any(not d for d in directions or []):
            raise ValueError(f"Expected at least one, received classes={classes} and directions={directions}.")
        self.parametrization = parametrization
        self.transforms = transforms
        self.start = start
        self.objective = objective
        self.variants = variants
        self.classes = classes
        self.directions = directions
        self.per_probe = start == "probes"
        self._wishes: dict[str, Wish] = {}

    def prepare(self, scene: Scene) -> None:
        """Finds layer and channels, or classes, and checks that there is something to climb.

        Raises:
            ValueError: No such layer, channel or class, or no gradient reaches the image.
        """
        if self.classes is not None:
            chosen = class_indices(self.classes, scene.probes.class_names)
            self._wishes = {scene.probes.class_tags[k]: k for k in chosen}
            self.check("scores", scene.probabilities[:1])
            scene.subject.require_gradient(scene.probes.images)
            return
        super().prepare(scene)
        for direction in self.directions or []:
            check_channels(list(direction), self.available)
        mixtures: dict[str, Wish] = {f"direction_{k}": direction for k, direction in enumerate(self.directions or [])}
        self._wishes = mixtures or {str(channel): channel for channel in self.chosen}
        scene.subject.require_gradient(scene.probes.images, self.found(scene)[1])

    def check(self, name: str, output: Tensor) -> None:
        """Raises unless the layer has channels, and the neuron that is asked for.

        Raises:
            ValueError: It has not.
        """
        super().check(name, output)
        reduced(laid_out(output)[:, 0], self.objective)

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One picture per channel, or per probe and channel."""
        where = "class" if self.classes is not None else slug(self.found(scene)[0])
        if self.start == "noise":
            wishes = {f"filters/{where}/{name}": self._wishes[name] for name in scene.mine(list(self._wishes))}
            if wishes:
                yield from self._ascend(scene, wishes)
            return
        for i in scene.mine(range(len(scene.probes))):
            stem = f"{scene.probes.tag(i)}/ascent_{where}_"
            yield from self._ascend(scene, {stem + name: wish for name, wish in self._wishes.items()}, i)

    def _ascend(self, scene: Scene, wishes: dict[str, Wish], probe: int | None = None) -> Iterable[Picture | Scalar]:
        images = scene.probes.images
        found = self.climb(
            scene,
            self.features(scene) if self.classes is None else scene.subject,
            wishes,
            size=(images.shape[2], images.shape[3]),
            image_channels=images.shape[1],
            parametrisation=self.parametrization,
            transforms=self.transforms,
            normalize=scene.probes.normalize,
            seed=self.seed,
            start=None if probe is None else scene.probes.pixels[probe],
            reduce=self.objective,
            variants=self.variants,
            device=images.device,
        )
        for tag, ascent in found.items():
            before, after = float(ascent.start.mean()), float(ascent.reached.mean())
            caption = [
                f"{scene.when} · {self._said(scene, wishes[tag], probe)}",
                f"activation {before:.3g} → {after:.3g}{channels_shown(images.shape[1])}",
            ]
            shown = ascent.pixels.cpu().numpy()
            tiles = [to_uint8(minmax(one) if self.parametrization == "pixels" else one) for one in shown]
            picture = tiles[0] if len(tiles) == 1 else grid(tiles, in_a_row(tiles, 2 if len(tiles) < 7 else 3))
            yield captioned(tag, picture, caption, lines=2)
            yield Scalar(f"{tag}_activation", after)

    def _said(self, scene: Scene, wish: Wish, probe: int | None) -> str:
        origin = "" if probe is None else f" from {scene.probes.label_name(probe)}"
        if self.classes is not None:
            return f"what {scene.probes.class_names[wish]} looks like{origin}"  # type: ignore[index]
        what = f"channel {wish}" if isinstance(wish, int) else f"direction {wish}"
        return f"{shorten(self.found(scene)[0])}, {what}{origin}"


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
            yield captioned(f"{scene.probes.tag(i)}/activations_{slug(name)}", picture, caption, lines=2)
