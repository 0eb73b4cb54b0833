"""The four questions of the homework, each with its pictures and the answer that the figures give."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch.utils.data import DataLoader

from gallery.page import Shown, copied, table
from homework.filters import answers_to
from homework.network import Study
from lightning_viz import (
    ConfusionMatrixPanel,
    ConfusionPanels,
    DeepDream,
    FilterActivations,
    FilterAscent,
    LimePanels,
    Probes,
    SaliencyMaps,
)
from lightning_viz.explain.layers import layer_output
from lightning_viz.food11 import CLASS_NAMES

EGG, SOUP = CLASS_NAMES.index("Egg"), CLASS_NAMES.index("Soup")
LAYER, CHANNELS = "cnn.6", (0, 8, 16, 24)
DREAMT = "cnn.16"
IMAGES = "images"


class Report:
    """Draws with the callbacks as a user would, and writes markdown.

    Args:
        study: The network and its validation images.
        folder: Where the page and its images go.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        self.study = study
        self.folder = folder

    def text(self) -> str:
        """The whole page."""
        return "\n\n".join([self._head(), self._saliency(), self._filters(), self._lime(), self._dream()]) + "\n"

    def _head(self) -> str:
        right = float((self.study.said.argmax(1) == self.study.labels).float().mean())
        return (
            "# The homework, answered\n\n"
            f"Of {len(self.study.labels)} validation images, the network names {100 * right:.1f} % rightly."
        )

    def _saliency(self) -> str:
        chosen = [self._right(k) for k in (EGG, SOUP)]
        figures = self._draw("saliency", [SaliencyMaps(), SaliencyMaps(method="smoothgrad")], Probes(count=55))
        shown = self._pictures("saliency", chosen, [SaliencyMaps(), SaliencyMaps(method="smoothgrad")])
        return f"## 1. Where does the network look?\n\n{shown}\n\n{self._where(figures)}"

    def _where(self, figures: dict[str, float]) -> str:
        pixels = math.prod(self.study.images.images.shape[2:])
        lines = []
        for method, name in (("saliency", "the gradient"), ("smoothgrad", "SmoothGrad")):
            spread = math.exp(figures[f"explanations/{method}/entropy"]) / pixels
            line = f"- {name} spreads as if over {100 * spread:.0f} % of the pixels"
            inside = figures.get(f"explanations/{method}/in_mask")
            if inside is not None:
                chance = self._evidence()
                hit = figures[f"explanations/{method}/pointing"]
                line += (
                    f"; {100 * inside:.0f} % of it lies on what makes the food what it is, which covers "
                    f"{100 * chance:.0f} % of the image; its maximum lies there in {100 * hit:.0f} % of the images"
                )
            lines.append(line + ".")
        return "\n".join(lines)

    def _evidence(self, count: int = 55) -> float:
        """The share of an image that its evidence covers, mean over some images."""
        masks = [self.study.images.mask(i) for i in range(min(count, len(self.study.images)))]
        return float(torch.stack(masks).float().mean())

    def _filters(self) -> str:
        chosen = [self._right(k) for k in (EGG, SOUP)]
        callbacks = [FilterActivations(layer=LAYER, channels=CHANNELS), FilterAscent(layer=LAYER, channels=CHANNELS)]
        shown = self._pictures("filters", chosen, callbacks)
        images = self.study.images.images[:128].float() / 255
        with torch.no_grad():
            maps = layer_output(self.study.network, self.study.network.get_submodule(LAYER), images)
        lines = []
        for channel in CHANNELS:
            name, how = answers_to(maps[:, channel], images)
            lines.append(f"- channel {channel} of `{LAYER}` follows {name} most (correlation {how:+.2f}).")
        return f"## 2. What do its filters answer to?\n\n{shown}\n\n" + "\n".join(lines)

    def _lime(self) -> str:
        recall = torch.nan_to_num(self.study.recall, nan=0.5)
        worst, best = int(recall.argmin()), int(recall.argmax())
        wrong = self.study.table.clone()
        wrong.fill_diagonal_(0)
        taken = int(wrong[worst].argmax())
        chosen = [i for i in (self.study.surest(worst, taken), self._right(best)) if i is not None]
        figures = self._draw("lime", [LimePanels(), ConfusionMatrixPanel(), ConfusionPanels(count=3)], Probes(indices=chosen))
        pictures = self._shown("lime", ["*/lime", "confusion/*", "confusions/val/1"])
        count, total = int(wrong[worst, taken]), int(self.study.table[worst].sum())
        lines = [
            f"- worst: {CLASS_NAMES[worst]}, {100 * float(recall[worst]):.0f} % found; taken for {CLASS_NAMES[taken]} "
            f"most, {count} of {total}.",
            f"- best: {CLASS_NAMES[best]}, {100 * float(recall[best]):.0f} % found.",
        ]
        if (inside := figures.get("explanations/lime/in_mask")) is not None:
            lines.append(f"- {100 * inside:.0f} % of LIME's weight for the true class lies on the evidence.")
        return f"## 3. What speaks for the best and the worst class?\n\n{pictures}\n\n" + "\n".join(lines)

    def _dream(self) -> str:
        chosen = [self._right(k) for k in (EGG, SOUP)]
        shown = self._pictures("dream", chosen, [DeepDream(layer=DREAMT, canvas=192, step=0.006)])
        return f"## 4. What does it dream of?\n\n{shown}"
