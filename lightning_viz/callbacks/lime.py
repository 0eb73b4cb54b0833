"""LIME panels: which regions of a probe speak for a class, and which against it."""

from collections.abc import Iterable
from typing import Any, Literal, Optional

import numpy as np
import pytorch_lightning as pl
from torch import Tensor

from lightning_viz.callbacks.base import ExplanationCallback
from lightning_viz.explain.lime import LimeWeights, explain, top_superpixels
from lightning_viz.explain.masks import draw_masks
from lightning_viz.explain.superpixels import superpixels
from lightning_viz.harness.pictures import Picture, Pixels, Scalar
from lightning_viz.harness.scene import Scene
from lightning_viz.harness.subject import log_odds, probabilities
from lightning_viz.render.lime import superpixel_picture
from lightning_viz.render.panel import notice, panel

HELD_OUT = 0.25
"""Fresh masks that measure the fidelity, as a share of those that are fitted."""

_OUTPUTS = {"log_odds": log_odds, "scores": None, "probabilities": probabilities}


class LimePanels(ExplanationCallback):
    """Draws the superpixels that speak for (green) and against (red) two classes: the label and its strongest rival.

    The rival is the wrong class with the highest probability, so the predicted class is always one of the two. LIME
    (arXiv:1602.04938, 2016) with the regression of the lime package; superpixels and masks of a probe are the same in
    every epoch. Tags: `probe_03_egg/lime`, and as a scalar `fidelity/probe_03_egg`: the weighted R² of the label's
    linear model on masks it was not fitted to. Where that is low, do not trust the picture.

    Args:
        samples: Masked copies of each probe that are fitted; a quarter more are held out.
        design: Of the masks: `"independent"` coins as in the lime package, or `"hadamard"`, balanced and each with its
            complement, which needs about half as many for the same answer, and more than two for each superpixel.
        segments: About how many superpixels; `None` chooses by the size of the image.
        compactness: Of the superpixels: larger is squarer.
        sigma: Of the smoothing before segmentation, in pixels.
        features: At most this many superpixels are coloured, the strongest first; `None` is a third of them.
        min_weight: Superpixels with a smaller weight are not coloured.
        explain: What is explained: the `"log_odds"` of each class against all others; the `"scores"` that the network
            puts out, where what raises all classes alike counts too; or `"probabilities"`, which a network that is
            sure of itself hardly moves.
        kernel_width: How local the model is: the distance at which a masked copy counts less, see `explain.lime.fit`.
        batch_size: Masked copies in one call of the network.
        common: The arguments of `ExplanationCallback`.

    Raises:
        ValueError: Fewer than 2 samples or 4 segments, or an unknown `explain`.
    """

    def __init__(
        self,
        *,
        samples: int = 256,
        design: Literal["hadamard", "independent"] = "hadamard",
        segments: Optional[int] = None,  # noqa: UP045
        compactness: float = 10.0,
        sigma: float = 1.0,
        features: Optional[int] = None,  # noqa: UP045
        min_weight: float = 0.0,
        explain: Literal["log_odds", "scores", "probabilities"] = "log_odds",
        kernel_width: float = 0.25,
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if samples < 2 or (segments is not None and segments < 4) or explain not in _OUTPUTS:
            raise ValueError(
                f"Expected samples >= 2, segments >= 4 and explain= one of {', '.join(map(repr, _OUTPUTS))}, "
                f"received {samples}, {segments} and {explain!r}."
            )
        self.samples = samples
        self.design = design
        self.segments = segments
        self.compactness = compactness
        self.sigma = sigma
        self.features = features
        self.min_weight = min_weight
        self.explain = explain
        self.kernel_width = kernel_width
        self.batch_size = batch_size
        self._segments: list[Tensor] = []
        self._masks: list[tuple[Tensor, Tensor]] = []

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

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One picture and one fidelity per probe."""
        for i in scene.mine(range(len(scene.probes))):
            label, rival = self._classes(scene, i)
            if not bool(scene.probabilities[i].isfinite().all()):
                yield self._refusal(scene, i)
                continue
            ours, theirs = self._weights(scene, i, [label, rival])
            yield self._picture(scene, i, {label: ours, rival: theirs})
            if ours.fidelity == ours.fidelity:  # NaN where the network does not react at all
                yield Scalar(f"fidelity/{scene.probes.tag(i)}", ours.fidelity)

    def _refusal(self, scene: Scene, i: int) -> Picture:
        self.warn_once(
            "LimePanels met scores that are not finite, so there is nothing to explain: look at the learning rate, or "
            "at the precision. The pictures say so.",
            key="not finite",
        )
        height, width = scene.probes.images.shape[2:]
        said = notice("the scores are not finite", 176, round(176 * height / width))
        image = panel([said, said], [scene.caption(i)], titles=["", ""], lines=3)
        return Picture(f"{scene.probes.tag(i)}/lime", image)

    def _cut(self, pixels: Tensor) -> Tensor:
        return superpixels(pixels, segments=self.segments, compactness=self.compactness, sigma=self.sigma)

    def _draw_masks(self, count: int) -> tuple[Tensor, Tensor]:
        samples = min(self.samples, 2 << count.bit_length()) if self.rehearsal else self.samples
        fresh = max(round(HELD_OUT * samples), 2)
        fitted = draw_masks(count, samples, seed=self.seed, design=self.design)
        return fitted, draw_masks(count, fresh, seed=self.seed + 1)

    def _classes(self, scene: Scene, i: int) -> tuple[int, int]:
        label = int(scene.probes.labels[i])
        others = scene.probabilities[i].clone()
        others[label] = -1
        return label, int(others.argmax())

    def _weights(self, scene: Scene, i: int, classes: list[int]) -> list[LimeWeights]:
        masks, fresh = self._masks[i]
        return explain(
            scene.subject,
            scene.probes.pixels[i],
            classes,
            segments=self._segments[i],
            masks=masks,
            held_out_masks=fresh,
            normalize=scene.probes.normalize,
            kernel_width=self.kernel_width,
            batch_size=self.batch_size,
            probabilities=_OUTPUTS[self.explain],
        )

    def _picture(self, scene: Scene, i: int, found: dict[int, LimeWeights]) -> Picture:
        names = scene.probes.class_names
        scale = max(float(w.weights.abs().max()) for w in found.values())
        tiles = [self._tile(scene.probes.pixels[i], self._segments[i], w, scale) for w in found.values()]
        fidelity = " and ".join("none" if w.fidelity != w.fidelity else f"{w.fidelity:.2f}" for w in found.values())
        caption = [
            scene.caption(i),
            f"green for, red against, full colour {scale:.2g}",
            f"R² on held-out masks {fidelity}",
        ]
        titles = [names[k] for k in found]
        return Picture(f"{scene.probes.tag(i)}/lime", panel(tiles, caption, titles=titles, lines=3))

    def _tile(self, pixels: Tensor, segments: Tensor, found: LimeWeights, scale: float) -> Pixels:
        weights: np.ndarray = found.weights.numpy()
        count = len(weights) // 3 if self.features is None else self.features
        chosen = top_superpixels(found.weights, count=count, min_weight=self.min_weight)
        return superpixel_picture(pixels.cpu().numpy(), segments.cpu().numpy(), weights, chosen.numpy(), scale=scale)
