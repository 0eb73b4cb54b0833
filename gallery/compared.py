"""A convolutional network and a transformer side by side: where each looks, and how often that is the evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytorch_lightning as pl

from gallery import page
from gallery.drawing import PICTURES, draw
from gallery.page import Shown
from lightning_viz import AttentionMaps, AttentionWall, GradCam, Probes, SaliencyMaps
from lightning_viz.food11 import FoodClassifier
from lightning_viz.food11.drawn import DrawnFood

TITLE = "A convolutional network and a transformer"
TEXT = (
    "The network of `make demo`, and the small vision transformer of `configs/food_vit.yaml`, on the same drawn food. "
    "Relevance tells what of the attention speaks for the class, rollout where information flows, for any class."
)
PROBES = ("probe_01_dairy_product", "probe_03_egg", "probe_09_soup")
CNN, TRANSFORMER = "cnn", "transformer"
MAPS = {
    CNN: {"smoothgrad": "SmoothGrad", "gradcam_cnn_16": "Grad-CAM"},
    TRANSFORMER: {
        "smoothgrad": "SmoothGrad",
        "gradcam_transformer_blocks_3_norm1": "Grad-CAM at the last block",
        "attention_relevance": "attention relevance",
        "attention_rollout": "attention rollout",
        "attention_heads": "attention of the last layer's heads",
        "attention_legrad": "LeGrad",
    },
}
BESIDE = ((CNN, "gradcam_cnn_16"), (TRANSFORMER, "attention_relevance"), (TRANSFORMER, "attention_rollout"))
HEADS = [
    Shown("probe_03_egg/attention_heads", "the last layer's heads"),
    Shown("attention/wall", "all heads, a row a layer"),
]
GRADED = 165
"""How many images the table is of."""


def part(networks: Mapping[str, FoodClassifier], folder: Path, out: Path, images: str) -> str:
    """Draws both networks, and writes their part of the page.

    Args:
        networks: Both, trained.
        folder: Where to draw.
        out: Of the page.
        images: Of its pictures, in `out`.
    """
    data = DrawnFood(550, size=networks[CNN].hparams["size"], seed=1)
    for name, network in networks.items():
        draw(network, data, _CALLBACKS[name](Probes(count=11)), folder / name)
    shown, names = _beside(folder, out / images)
    heads = page.copied(folder / TRANSFORMER / PICTURES, HEADS, out / images, prefix=TRANSFORMER)
    walls = [
        *("### Where each looks\n", page.table(shown, names, images) + "\n"),
        *("### What the transformer attends to\n", page.table(HEADS, heads, images) + "\n"),
        *("### How often that is the evidence\n", _graded(networks, data, folder) + "\n"),
    ]
    return "\n".join([f"## {TITLE}\n", TEXT + "\n", *walls])


def _beside(folder: Path, images: Path) -> tuple[list[Shown], list[str]]:
    shown, names = [], []
    for probe in PROBES:
        for network, method in BESIDE:
            one = Shown(f"{probe}/{method}", f"{network}: {MAPS[network][method]}")
            shown.append(one)
            names += page.copied(folder / network / PICTURES, [one], images, prefix=f"{TRANSFORMER}_beside_{network}")
    return shown, names


def _graded(networks: Mapping[str, FoodClassifier], data: DrawnFood, folder: Path) -> str:
    """A table of how often the maximum of a map lies in the evidence, and how much of the map."""
    some = list(range(GRADED))
    chance = sum(float(data.mask(i).float().mean()) for i in some) / GRADED
    lines = ["| network | map | maximum in the evidence | share of the map in it |", "| --- | --- | --- | --- |"]
    for name, network in networks.items():
        figures = draw(network, data, _CALLBACKS[name](Probes(indices=some)), folder / "graded" / name)
        for method, title in MAPS[name].items():
            told = [f"{100 * figures[f'explanations/{method}/{what}']:.0f} %" for what in ("pointing", "in_mask")]
            lines.append(f"| {name} | {title} | {' | '.join(told)} |")
    lines.append(f"| | chance: share of the image | {100 * chance:.0f} % | {100 * chance:.0f} % |")
    return "\n".join([f"Of {GRADED} images of the validation:\n", *lines])


def _of_cnn(probes: Probes) -> list[pl.Callback]:
    return [
        SaliencyMaps(method="smoothgrad", probes=probes, on_error="raise"),
        GradCam(probes=probes, on_error="raise"),
    ]


def _of_transformer(probes: Probes) -> list[pl.Callback]:
    common = {"probes": probes, "on_error": "raise"}
    return [
        SaliencyMaps(method="smoothgrad", **common),
        GradCam(layer="blocks.3.norm1", **common),
        *(AttentionMaps(method=method, **common) for method in ("relevance", "rollout", "heads", "legrad")),
        AttentionWall(**common),
    ]


_CALLBACKS: dict[str, Callable[[Probes], Sequence[pl.Callback]]] = {CNN: _of_cnn, TRANSFORMER: _of_transformer}
