"""LIME panels: which regions of a probe speak for a class, and which against it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Optional, Union

import pytorch_lightning as pl
from torch import Tensor

from lightning_viz.callbacks.attribution.maps import MapCallback
from lightning_viz.callbacks.base.captions import captioned
from lightning_viz.explain.lime.explain import LimeWeights, explain, top_superpixels
from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.lime.regression import fewest_samples
from lightning_viz.explain.lime.segmentation import check_method
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.harness.arguments import number, one_of, refusal, whole
from lightning_viz.harness.network.subject import log_odds, probabilities
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Pixels, Result
from lightning_viz.render.lime import superpixel_picture
from lightning_viz.render.panel import notice

_OUTPUTS = {"log_odds": log_odds, "scores": None, "probabilities": probabilities}


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
        common: The arguments of `ExplanationCallback`.

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
        segments: Optional[int] = None,  # noqa: UP045
        compactness: float = 10.0,
        sigma: float = 1.0,
        features: Optional[int] = None,  # noqa: UP045
        min_weight: float = 0.0,
        explain: Literal["log_odds", "scores", "probabilities"] = "log_odds",
        kernel_width: float = 0.25,
        batch_size: Optional[int] = None,  # noqa: UP045
        **common: Any,
    ) -> None:
        super().__init__(**common)
        check_method(segmentation)
        self.samples = whole("samples", samples, least=2)
        self.reliability = number("reliability", reliability, none=True)
        if reliability is not None and reliability >= 1:
            raise refusal("reliability", "a number between 0 and 1", reliability, none=True)
        self.design = one_of("design", design, ("hadamard", "independent"))
        self.segmentation = segmentation
        self.segments = whole("segments", segments, least=4, none=True)
        self.compactness = number("compactness", compactness)
        self.sigma = number("sigma", sigma, least=0)
        self.features = whole("features", features, least=0, none=True)
        self.min_weight = number("min_weight", min_weight, least=0)
        self.explain = one_of("explain", explain, _OUTPUTS)
        self.kernel_width = number("kernel_width", kernel_width)
        self.batch_size = whole("batch_size", batch_size, none=True)
        self._segments: list[Tensor] = []
        self._masks: list[Tensor] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins anew with each run of the Trainer."""
        super().setup(trainer, pl_module, stage)
        self._segments, self._masks = [], []

    def prepare(self, scene: Scene) -> None:
        """Cuts the probes into superpixels and draws the masks, once.

        Raises:
            ValueError: There are too few samples for the superpixels.
        """
        self._segments = [self._cut(pixels) for pixels in scene.probes.pixels]
        self._masks = [self._draw_masks(int(segments.max()) + 1) for segments in self._segments]

    @property
    def tag(self) -> str:
        """The last part of the pictures' tags."""
        return "lime"

    def draw(self, scene: Scene) -> Iterable[Result]:
        """One picture per probe, and what there is to tell of the label's weights as a map."""
        for i in scene.mine(range(len(scene.probes))):
            label, rival = self._classes(scene, i)
            if not bool(scene.probabilities[i].isfinite().all()):
                yield self._refusal(scene, i)
                continue
            before = scene.subject.work.units
            ours, theirs = self._weights(scene, i, [label, rival])
            units = scene.subject.work.units - before
            scale = max(float(w.weights.abs().max()) for w in (ours, theirs))
            figures, mark = self.measured(scene, i, ours.weights[self._segments[i].cpu()], units, scale)
            yield self._picture(scene, i, {label: ours, rival: theirs}, scale, mark)
            yield from [*figures, *self.told({"fidelity": ours.fidelity})]

    def _maps(self, scene: Scene, items: Sequence[int]) -> list[Tensor]:
        """The label's weights, painted over the pixels, (H, W) each, by what the network is now."""
        found = [self._weights(scene, i, [int(scene.probes.labels[i])])[0].weights for i in items]
        return [weights[self._segments[i].cpu()] for i, weights in zip(items, found, strict=True)]

    def _refusal(self, scene: Scene, i: int) -> Picture:
        self.warn_once(
            f"{self.called} met scores that are not finite, so there is nothing to explain: look at the learning rate, "
            "or at the precision. The pictures say so.",
            key="not finite",
        )
        height, width = scene.probes.images.shape[2:]
        said = notice("the scores are not finite", 176, round(176 * height / width))
        return captioned(f"{scene.probes.tag(i)}/lime", [said, said], [scene.caption(i)], titles=["", ""], lines=4)

    def _cut(self, pixels: Tensor) -> Tensor:
        shape = {"compactness": self.compactness, "sigma": self.sigma}
        return superpixels(pixels, segments=self.segments, method=self.segmentation, **shape)

    def _draw_masks(self, count: int) -> Tensor:
        least = fewest_samples(count, paired=self.design == "hadamard")
        if self.samples < least:
            raise ValueError(
                f"LimePanels(samples={self.samples}) are too few for {count} superpixels: expected at least {least}. "
                "Pass more, or segments= with fewer superpixels."
            )
        return draw_masks(count, least if self.rehearsal else self.samples, seed=self.seed, design=self.design)

    def _classes(self, scene: Scene, i: int) -> tuple[int, int]:
        label = int(scene.probes.labels[i])
        others = scene.probabilities[i].clone()
        others[label] = -1
        return label, int(others.argmax())

    def _weights(self, scene: Scene, i: int, classes: list[int]) -> list[LimeWeights]:
        return explain(
            scene.subject,
            scene.probes.pixels[i],
            classes,
            segments=self._segments[i],
            masks=self._masks[i],
            enough=self.reliability,
            normalize=scene.probes.normalize,
            kernel_width=self.kernel_width,
            batch_size=self.batch_size,
            probabilities=_OUTPUTS[self.explain],
        )

    def _picture(self, scene: Scene, i: int, found: dict[int, LimeWeights], scale: float, mark: str) -> Picture:
        names, label = scene.probes.class_names, next(iter(found))
        tiles = [self._tile(scene.probes.pixels[i], self._segments[i], w, scale) for w in found.values()]
        fidelity = " and ".join("none" if w.fidelity != w.fidelity else f"{w.fidelity:.2f}" for w in found.values())
        caption = [
            scene.caption(i),
            f"R² {fidelity} on unseen masks, {found[label].samples} seen{mark}",
            f"orange for, blue against, pale unsure, full {scale:.2g}",
        ]
        titles = [names[k] for k in found]
        return captioned(f"{scene.probes.tag(i)}/lime", tiles, caption, titles=titles, lines=4)

    def _tile(self, pixels: Tensor, segments: Tensor, found: LimeWeights, scale: float) -> Pixels:
        count = len(found.weights) // 3 if self.features is None else self.features
        chosen = top_superpixels(found.weights, count=count, min_weight=self.min_weight)
        arrays = (t.cpu().numpy() for t in (pixels, segments, found.weights, chosen))
        return superpixel_picture(*arrays, certain=found.certain.numpy(), scale=scale)
