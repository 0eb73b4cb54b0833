"""The four questions of the homework, each with its pictures and the answer that the figures give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from torch.nn import functional as F

from gallery.drawing import draw
from gallery.page import Shown, saved, table
from homework.filters import answers_to
from homework.network import Study
from homework.pictures import drawn, matrix
from homework.texts import Wording
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
from lightning_viz.explain.network.layers import layer_output
from lightning_viz.explain.optimisation.dream import dream
from lightning_viz.food11 import CLASS_NAMES
from lightning_viz.harness.probes.spec import slug

EGG, SOUP = CLASS_NAMES.index("Egg"), CLASS_NAMES.index("Soup")
LAYER, CHANNELS = "cnn.6", 4
DREAMT = "cnn.16"
DREAM: dict[str, Any] = {"canvas": 192, "step": 0.006}
MATRIX = "confusion/val"
DRAWN = "drawn"
"""The folder of all pictures, of which the page shows some."""
MANY = 55
"""Images over which figures are averaged: five of each class."""


class Answers:
    """Draws with the callbacks as a user would, and writes the answers as markdown.

    Args:
        study: The network and its validation images.
        folder: Where the page and its images go.
        say: What is said, in its language; the classes have its names in the pictures too.
    """

    def __init__(self, study: Study, folder: Path, say: Wording) -> None:
        self.study = study
        self.folder = folder
        self.say = say
        study.images.classes = [*say.classes]
        self.examples = [i for k in (EGG, SOUP) if (i := study.surest(k, k)) is not None] or [0]

    def page(self) -> str:
        """The whole page."""
        return "\n\n".join([self._head(), self._looks(), self._filters(), self._classes(), self._dreams()]) + "\n"

    def _head(self) -> str:
        right = float((self.study.probabilities.argmax(1) == self.study.labels).float().mean())
        count = len(self.study.labels)
        told = [self.say("accuracy", count=count, right=_percent(right)), self.say("pictures")]
        return "\n\n".join([f"# {self.say('title')}", *told])

    def _looks(self) -> str:
        maps = [SaliencyMaps, lambda **common: SaliencyMaps(method="smoothgrad", **common)]
        figures = self._draw("figures", [make(probes=Probes(count=MANY)) for make in maps])
        self._draw("looks", [make(probes=Probes(indices=self.examples)) for make in maps])
        shown = self._shown("looks", self._said(input="image", saliency="saliency", smoothgrad="smoothgrad"))
        lines = [self._where(figures, *named) for named in (("saliency", "Saliency"), ("smoothgrad", "SmoothGrad"))]
        return _part(self.say("looks"), shown, lines)

    def _where(self, figures: Mapping[str, float], method: str, name: str) -> str:
        pixels = math.prod(self.study.images.images.shape[2:])
        spread = math.exp(figures[f"explanations/{method}/entropy"]) / pixels
        text = self.say("spread", name=self.say(name), spread=_percent(spread))
        inside = figures.get(f"explanations/{method}/in_mask")
        if inside is None:
            return text
        hit = _percent(figures[f"explanations/{method}/pointing"])
        covers = _percent(self._evidence())
        return self.say.join(text, self.say("evidence", inside=_percent(inside), covers=covers, hit=hit, many=MANY))

    def _evidence(self) -> float:
        masks = [self.study.images.mask(i) for i in range(min(MANY, len(self.study.images)))]
        return float(torch.stack(masks).float().mean())

    def _filters(self) -> str:
        images = self.study.images.images[:128].float() / 255
        with torch.no_grad():
            maps = layer_output(self.study.network, self.study.network.get_submodule(LAYER), images)
        channels = range(0, maps.shape[1], max(maps.shape[1] // CHANNELS, 1))[:CHANNELS]
        layer = {"layer": LAYER, "channels": [*channels], "probes": Probes(indices=self.examples)}
        self._draw("filters", [FilterActivations(**layer), FilterAscent(**layer)])
        titles = {f"activations_{slug(LAYER)}": self.say("put out")}
        titles |= {str(channel): self.say("activates", channel=channel) for channel in channels}
        shown = self._shown("filters", titles)
        found = {channel: answers_to(maps[:, channel], images) for channel in channels}
        lines = [
            self.say("follows", channel=c, layer=LAYER, name=self.say(name), r=r) for c, (name, r) in found.items()
        ]
        return _part(self.say("filters"), shown, lines)

    def _classes(self) -> str:
        recall, counts = torch.nan_to_num(self.study.recall, nan=0.5), self.study.table
        worst, best = int(recall.argmin()), int(recall.argmax())
        mistakes = counts - torch.diag(counts.diagonal())
        taken = int(mistakes[worst].argmax())
        examples = {"worst": self.study.surest(worst, taken), "best": self.study.surest(best, best)}
        self._draw("confusions", [ConfusionMatrixPanel(), ConfusionPanels()])
        pictures = self._pictures("confusions", self._said(val="matrix") | {"1": self.say("confusion")})
        names, found = self.say.classes, [_percent(float(share)) for share in recall]
        shares = {"taken": int(mistakes[worst, taken]), "count": int(counts[worst].sum()), "other": names[taken]}
        lines = [
            self.say("worst", name=names[worst], found=found[worst], **shares),
            self.say("best", name=names[best], found=found[best]),
        ]
        for which, index in examples.items():
            if index is not None:
                figures = self._draw(which, [LimePanels(probes=Probes(indices=[index]))])
                pictures |= self._pictures(which, self._said(lime=f"lime {which}"))
                lines += self._spoken(which, figures)
        return _part(self.say("classes"), _table(pictures), lines)

    def _spoken(self, which: str, figures: Mapping[str, float]) -> list[str]:
        inside = figures.get("explanations/lime/in_mask")
        if inside is None:
            return []
        return [self.say(f"speaks {which}", inside=_percent(inside))]

    def _dreams(self) -> str:
        self._draw("dreams", [DeepDream(layer=DREAMT, probes=Probes(indices=self.examples), **DREAM)])
        lines = [
            self.say("risen", name=self.say.classes[int(self.study.labels[i])], layer=DREAMT, times=self._risen(i))
            for i in self.examples
        ]
        shown = self._shown("dreams", {f"deep_dream_{slug(DREAMT)}": self.say("dream")})
        return _part(self.say("dreams"), shown, lines)

    def _risen(self, i: int) -> float:
        """The norm of the dreamt layer's output for the dream, in units of that for the image at the dream's size."""
        features = partial(layer_output, self.study.network, self.study.network.get_submodule(DREAMT))
        image = self.study.images.images[i : i + 1].float() / 255
        dreamt = dream(features, image, **DREAM)
        with torch.no_grad():
            plain = features(F.interpolate(image, dreamt.shape[2:], mode="bilinear", align_corners=False))
            return float(features(dreamt).norm() / plain.norm())

    def _draw(self, part: str, callbacks: Sequence[pl.Callback]) -> dict[str, float]:
        folder = self.folder / DRAWN / part
        log = TensorBoardLogger(folder, "", "")  # it tells which part of a picture is its caption, and what that says
        return draw(self.study.network, self.study.images, callbacks, folder, loggers=[log])

    def _said(self, **keys: str) -> dict[str, str]:
        """Titles by the last words of tags."""
        return {word: self.say(key) for word, key in keys.items()}

    def _shown(self, part: str, titles: Mapping[str, str]) -> str:
        return _table(self._pictures(part, titles))

    def _pictures(self, part: str, titles: Mapping[str, str]) -> dict[str, Shown]:
        """The pictures of a part whose tags end in one of these words, by the names of their copies."""
        images, found = self.folder / "images", drawn(self.folder / DRAWN / part)
        if MATRIX in found:
            found[MATRIX] = matrix(self.study.table, self.say.classes)
        images.mkdir(exist_ok=True)
        return {
            saved(found[tag].image, tag, images, prefix=part): Shown(tag, title, self.say.told(found[tag].words))
            for tag in sorted(found, key=_in_order)
            if (title := titles.get(tag.split("/")[-1]))
        }


def _table(pictures: Mapping[str, Shown]) -> str:
    return table([*pictures.values()], [*pictures], "images")


def _part(question: str, shown: str, lines: Sequence[str]) -> str:
    return "\n\n".join([f"## {question}", shown, "\n".join(f"- {line}" for line in lines)])


def _in_order(tag: str) -> list[str]:
    """Numbers by their value: channel 8 comes before channel 16."""
    return [part.zfill(9) if part.isdigit() else part for part in tag.split("/")]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
