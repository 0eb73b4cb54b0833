"""What the filters of a layer want."""

from collections.abc import Iterable, Sequence
from typing import Literal, Optional, Union, get_args

from torch import Tensor

from lightning_viz.callbacks.base.captions import captioned
from lightning_viz.callbacks.base.keywords import OfAscent, Unpack
from lightning_viz.callbacks.base.layers import check_gradient
from lightning_viz.callbacks.features.ascent import AscentCallback
from lightning_viz.callbacks.features.objectives import check_classes, check_directions, check_objective
from lightning_viz.explain.optimisation.filters import Parametrization
from lightning_viz.explain.optimisation.objectives import Objective, check_channels, class_indices, laid_out, reduced
from lightning_viz.explain.optimisation.parametrise import magnitude_spectrum
from lightning_viz.harness.arguments import flag, one_of, whole
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.spec import shorten, slug
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Scalar
from lightning_viz.harness.tasks.task import named
from lightning_viz.render.color import minmax, to_uint8
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
        parametrization: `"fourier"`; `"pixels"` for the image's own pixels, stretched to [0, 1] for display; or
            `"maco"`, which moves forms about under the spectrum of the probes (arXiv:2306.06805, 2023) and takes twice
            as long. `None` is `"maco"` for classes, whose pictures people recognise so, else `"fourier"`.
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
        parametrization: Optional[Literal["fourier", "pixels", "maco"]] = None,  # noqa: UP045
        transforms: bool = True,
        start: Literal["noise", "probes"] = "noise",
        objective: Union[Literal["mean", "sum", "neuron"], tuple[int, int]] = "mean",  # noqa: UP007
        variants: int = 1,
        classes: Optional[Union[int, Sequence[Union[int, str]]]] = None,  # noqa: UP007, UP045
        directions: Optional[Sequence[dict[int, float]]] = None,  # noqa: UP045
        **arguments: Unpack[OfAscent],
    ) -> None:
        super().__init__(**arguments)
        if classes is not None and (directions is not None or self.layer is not None):
            raise ValueError("Expected classes=, or layer= and directions=, received both: use two callbacks.")
        usual: Parametrization = "maco" if classes is not None and start == "noise" else "fourier"
        wanted = usual if parametrization is None else parametrization
        self.parametrization = one_of("parametrization", wanted, get_args(Parametrization))
        self.transforms = flag("transforms", transforms)
        self.start = one_of("start", start, ("noise", "probes"))
        self.variants = whole("variants", variants)
        if start == "probes" and variants > 1:
            raise ValueError(f"Expected variants=1 where ascent starts from the probes, received {variants}.")
        self.objective = check_objective(objective)
        self.classes = None if classes is None else check_classes(classes)
        self.directions = None if directions is None else check_directions(directions)
        self.per_probe = start == "probes"
        self._objectives: dict[str, Objective] = {}

    def prepare(self, scene: Scene) -> None:
        """Finds layer and channels, or classes, and checks that there is something to climb.

        Raises:
            ValueError: No such layer, channel or class, or no gradient reaches the image.
        """
        if self.classes is not None:
            scene.task.check(scene.subject, scene.probes.images, self.called)
            chosen = class_indices(self.classes, scene.probes.class_names)
            self._objectives = {scene.probes.class_tags[k]: k for k in chosen}
            self.check("scores", scene.probes.images.new_zeros(1, len(scene.probes.class_names)))
            scene.subject.require_gradient(scene.probes.images)
            return
        super().prepare(scene)
        for direction in self.directions or []:
            check_channels(list(direction), self.available)
        mixtures: dict[str, Objective] = {
            f"direction_{k}": direction for k, direction in enumerate(self.directions or [])
        }
        self._objectives = mixtures or {str(channel): channel for channel in self.chosen}
        check_gradient(scene, self.layer, self.found(scene)[1])

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
            objectives = {
                f"filters/{where}/{name}": self._objectives[name] for name in scene.mine(list(self._objectives))
            }
            if objectives:
                yield from self._ascend(scene, objectives)
            return
        for i in scene.mine(range(len(scene.probes))):
            stem = f"{scene.probes.tag(i)}/ascent_{where}_"
            yield from self._ascend(scene, {stem + name: objective for name, objective in self._objectives.items()}, i)

    def _ascend(
        self, scene: Scene, objectives: dict[str, Objective], probe: int | None = None
    ) -> Iterable[Picture | Scalar]:
        images = scene.probes.images
        found = self.climb(
            scene,
            self.features(scene, probe or 0) if self.classes is None else self._scores(scene, probe),
            objectives,
            size=(images.shape[2], images.shape[3]),
            image_channels=images.shape[1],
            parametrization=self.parametrization,
            spectrum=magnitude_spectrum(scene.probes.pixels).cpu() if self.parametrization == "maco" else None,
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
                f"{scene.when} · {self._aim(scene, objectives[tag], probe)}",
                f"activation {before:.3g} → {after:.3g}{channels_shown(images.shape[1])}",
            ]
            shown = ascent.pixels.cpu().numpy()
            tiles = [to_uint8(minmax(one) if self.parametrization == "pixels" else one) for one in shown]
            picture = tiles[0] if len(tiles) == 1 else grid(tiles, in_a_row(tiles, 2 if len(tiles) < 7 else 3))
            yield captioned(tag, picture, caption, lines=2)
            yield Scalar(f"{tag}_activation", after)

    def _scores(self, scene: Scene, probe: int | None) -> Subject:
        return scene.subject.anywhere() if probe is None else scene.subject.of(probe)

    def _aim(self, scene: Scene, objective: Objective, probe: int | None) -> str:
        origin = "" if probe is None else f" from {scene.probes.label_name(probe)}"
        if self.classes is not None:
            return f"what {named(scene.probes.class_names[objective])} looks like{origin}"  # type: ignore[index]
        what = f"channel {objective}" if isinstance(objective, int) else f"direction {objective}"
        return f"{shorten(self.found(scene)[0])}, {what}{origin}"
