"""LIME panels: which superpixels of a probe speak for a class, and which against it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Optional, Union

import pytorch_lightning as pl
from torch import Tensor

from lightning_viz.callbacks.attribution.maps import MapCallback
from lightning_viz.callbacks.attribution.painting import slices_of
from lightning_viz.callbacks.attribution.superpixels import Lime, Superpixels, fidelity, largest, shown
from lightning_viz.callbacks.base.captions import captioned, instead, sliced
from lightning_viz.callbacks.base.keywords import OfMaps, Unpack
from lightning_viz.explain.attribution.targets import RIVAL
from lightning_viz.explain.lime.explain import LimeWeights
from lightning_viz.harness.run.scene import Ask, Scene
from lightning_viz.harness.sinks.results import Picture, Result
from lightning_viz.render.maps.anew import kept_of_superpixels
from lightning_viz.render.maps.colorbar import colorbar
from lightning_viz.render.maps.slices import Slices, middle

_UNITS = {"log_odds": "log-odds", "scores": "score", "probabilities": "probability"}


class LimePanels(MapCallback):
    """Draws the superpixels that speak for (orange) and against (blue, striped) two classes: label and strongest rival.

    The rival is the wrong class with the highest probability, so the predicted class is always one of the two. Where
    the sign of a weight is uncertain, at two standard errors, the superpixel is pale. LIME (arXiv:1602.04938, 2016)
    with the weights of the lime package; superpixels and masks of a probe are the same in every epoch. Tags:
    `probe_03_egg/lime`. One more figure than other maps have is `explanations/lime/fidelity`: the weighted R² of the
    label's linear model to expect on masks it was not fitted to, which the captions tell too. Where that is low, do not
    trust the picture.

    Args:
        samples: At most this many masked copies of each probe, and at least 2.5 for each superpixel.
        reliability: Fewer, as soon as the weights of both classes are expected to correlate by this much with those of
            infinitely many copies; `None` takes all. How many it took is in the caption.
        design: Of the masks: `"hadamard"`, balanced and each with its complement, or `"independent"` coins as in the
            lime package, of which it takes about twice as many for the same answer.
        segmentation: How superpixels are cut: `"merged"` from small ones that follow the contours, `"slic"`,
            `"quickshift"`, `"felzenszwalb"`, `"grid"`, or a function from an image (H, W, 3) in [0, 1] to whole numbers
            (H, W), as `segmentation_fn` of the lime package.
        fill: What stands where superpixels are missing: the image `"blurred"`, or their own `"mean"` colour as in the
            lime package, by which one of a single colour is never really gone.
        segments: About how many superpixels; `None` chooses by the size of the image.
        compactness: Of the superpixels of SLIC: larger is squarer.
        sigma: Of the smoothing before segmentation, in pixels.
        features: At most this many superpixels are coloured, the strongest first; `None` is a third of them.
        min_weight: Superpixels with a smaller weight are not coloured.
        explain: What is explained: the `"log_odds"` of each class against all others; the `"scores"` that the network
            puts out, where what raises all classes alike counts too; or `"probabilities"`, which a network that is
            sure of itself hardly moves.
        kernel_width: How local the model is: the distance at which a masked copy counts less, see `explain.lime.fit`.
        batch_size: Masked copies in one call of the network; `None` chooses.
        common: The arguments of `MapCallback`.

    Raises:
        ValueError: Fewer than 2 samples or 4 segments, an unknown word, or a number out of its range.
    """

    def __init__(
        self,
        *,
        samples: int = 512,
        reliability: Optional[float] = 0.99,  # noqa: UP045
        design: Literal["hadamard", "independent"] = "hadamard",
        segmentation: Union[  # noqa: UP007
            Literal["merged", "slic", "quickshift", "felzenszwalb", "grid"], Callable[[Any], Any]
        ] = "merged",
        fill: Literal["blurred", "mean"] = "blurred",
        segments: Optional[int] = None,  # noqa: UP045
        compactness: float = 10.0,
        sigma: float = 1.0,
        features: Optional[int] = None,  # noqa: UP045
        min_weight: float = 0.0,
        explain: Literal["log_odds", "scores", "probabilities"] = "log_odds",
        kernel_width: float = 0.25,
        batch_size: Optional[int] = None,  # noqa: UP045
        **common: Unpack[OfMaps],
    ) -> None:
        super().__init__(**common)
        self.lime = Lime(
            samples=samples,
            reliability=reliability,
            design=design,
            segmentation=segmentation,
            fill=fill,
            segments=segments,
            compactness=compactness,
            sigma=sigma,
            features=features,
            min_weight=min_weight,
            explain=explain,
            kernel_width=kernel_width,
            batch_size=batch_size,
            seed=self.seed,
        )
        self.unit = _UNITS[self.lime.explain]
        self._superpixels: list[Superpixels] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        super().setup(trainer, pl_module, stage)
        self._superpixels = []

    def prepare(self, scene: Scene) -> None:
        """Cuts the probes into superpixels and draws the masks, once.

        Raises:
            ValueError: There are too few samples for the superpixels, or no scores.
        """
        scene.task.check(scene.subject, scene.probes.images, self.called)
        self._superpixels = [self.lime.cut(pixels, few=self.rehearsal) for pixels in scene.probes.pixels]

    @property
    def tag(self) -> str:
        """The last part of the pictures' tags."""
        return "lime"

    def draw(self, scene: Scene) -> Iterable[Result]:
        """One picture per probe, and what there is to tell of the label's weights as a map."""
        for ask in self.asked(scene):
            i, classes = ask.probe, _classes(scene, ask)
            if not bool(scene.predictions[i].isfinite().all()):
                yield self._refusal(scene, i)
                continue
            before = scene.subject.work.units
            found = self.lime.weights(scene, i, self._superpixels[i], classes)
            units = scene.subject.work.units - before
            full, maps = self.full(scene, ask, largest(found)), [self._over_pixels(i, one) for one in found]
            metrics, mark = self.figures.measured(scene, ask, maps[0], units=units, bound=full)
            weights, slices = dict(zip(classes, found, strict=True)), slices_of(maps[0])
            picture = self._picture(scene, ask, weights, full, mark=mark, slices=slices)
            how = {"colours": "signed", "striped": True, "titles": tuple(scene.probes.class_names[k] for k in classes)}
            yield from [picture, *self.for_tab(scene, picture.tag, maps, full, **how)]
            yield from [*metrics, *self.figures.logged({"fidelity": found[0].fidelity})]

    def asked(self, scene: Scene) -> list[Ask]:
        """The label of each probe that this process draws; of several the surest."""
        return [ask._replace(mark="") for ask in scene.asked_here("label")]

    def maps_of(self, scene: Scene, asked: Sequence[Ask]) -> list[Tensor]:
        """The label's weights, painted over the pixels, by what the network is now."""
        superpixels = self._superpixels
        return [self._over_pixels(i, *self.lime.weights(scene, i, superpixels[i], [column])) for i, column, *_ in asked]

    def _over_pixels(self, i: int, found: LimeWeights) -> Tensor:
        return found.weights[self._superpixels[i].segments.cpu()]

    def _refusal(self, scene: Scene, i: int) -> Picture:
        self.warn_once(
            f"{self.called} met scores that are not finite, so there is nothing to explain: look at the learning rate, "
            "or at the precision. The pictures say so.",
            key="not finite",
        )
        size = scene.probes.images.shape[2:]
        tile = instead("the scores are not finite", size)
        lines = 4 + len(sliced(scene.probes, middle(size)))
        return captioned(f"{scene.probes.tag(i)}/lime", [tile, tile], [scene.caption(i)], titles=["", ""], lines=lines)

    def _picture(
        self, scene: Scene, ask: Ask, found: dict[int, LimeWeights], full: float, *, mark: str, slices: Slices
    ) -> Picture:
        names, (label, *_), i = scene.probes.class_names, found, ask.probe
        drawn, told = shown(scene.probes.pixels[i], self._superpixels[i], slices), sliced(scene.probes, slices)
        tiles = [self.lime.painted(drawn, one, full) for one in found.values()]
        good, bad = scene.task.signs
        caption = [
            scene.caption(i),
            *told,
            f"R² {' and '.join(map(fidelity, found.values()))} on unseen masks, fitted on {found[label].samples}{mark}",
            f"orange {good}, blue {bad}, pale unsure",
        ]
        titles, unit = [names[k] for k in found], self.unit_of(scene)
        more: dict[str, Any] = {"bars": [colorbar(full, unit, colours="superpixels")], "full": full}
        if self.scale == "run":
            painted = [self.lime.chosen(drawn, one) for one in found.values()]
            more["source"] = kept_of_superpixels(drawn.pixels, drawn.labels, painted, full, titles=titles, unit=unit)
        return captioned(f"{scene.probes.tag(i)}/lime", tiles, caption, titles=titles, lines=4 + len(told), **more)


def _classes(scene: Scene, ask: Ask) -> tuple[int, ...]:
    """What is asked of a probe, and its rival, if it has one."""
    rival, _ = scene.opponent(RIVAL, ask)
    return (ask.column,) if rival is None else (ask.column, rival)
