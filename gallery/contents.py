"""What the gallery shows: callbacks as a user would write them, and which of their pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytorch_lightning as pl

from gallery.page import Shown
from gallery.photographs import HIGH, LOW, MIDDLE
from lightning_viz import (
    ConfusionMatrixPanel,
    DeepDream,
    FilterActivations,
    FilterAscent,
    FilterWall,
    GradCam,
    IntegratedGradients,
    LimePanels,
    Occlusion,
    Probes,
    SaliencyMaps,
)


@dataclass(frozen=True)
class Room:
    """The pictures of one network.

    Attributes:
        title: Of its part of the page.
        prefix: Of the names of its files.
        callbacks: Makes what draws them.
        walls: Title, text and pictures, one after another.
    """

    title: str
    prefix: str
    callbacks: Callable[[], Sequence[pl.Callback]]
    walls: Sequence[tuple[str, str, Sequence[Shown]]]


def _maps(probes: Probes) -> list[pl.Callback]:
    """Where the network looks, by every method."""
    common = {"probes": probes, "on_error": "raise"}
    return [
        SaliencyMaps(**common),
        SaliencyMaps(method="smoothgrad", **common),
        SaliencyMaps(method="vargrad", **common),
        IntegratedGradients(baseline=["black", "white"], **common),
        GradCam(**common),
        GradCam(method="gradcam++", **common),
        GradCam(against="rival", **common),
        Occlusion(**common),
        LimePanels(**common),
    ]


def _of_photographs() -> list[pl.Callback]:
    common = {"probes": Probes(indices=[0, 1]), "on_error": "raise"}
    return [
        *_maps(common["probes"]),
        DeepDream(canvas=512, **common),
        DeepDream(canvas=512, guide=0, **common),
        DeepDream(canvas=512, guide=1, **common),
        *(FilterAscent(layer=layer, channels=3, objective="neuron", **common) for layer in (LOW, MIDDLE, HIGH)),
        FilterAscent(classes=[1, 130, 946, 967, 980, 985], steps=256, **common),
        FilterWall(layer=MIDDLE, channels=64, **common),
    ]


def _of_food() -> list[pl.Callback]:
    common = {"probes": Probes(count=11), "on_error": "raise"}
    return [
        *_maps(common["probes"]),
        DeepDream(canvas=192, **common),
        DeepDream(canvas=192, guide=6, **common),
        FilterActivations(layer="cnn.6", **common),
        FilterAscent(layer="cnn.2", channels=3, **common),
        FilterAscent(layer="cnn.10", channels=3, **common),
        FilterAscent(classes=["Egg", "Fried food", "Soup"], **common),
        FilterWall(layer="cnn.10", **common),
        ConfusionMatrixPanel(on_error="raise"),
    ]


PHOTOGRAPHS = Room("Photographs", "photographs", _of_photographs, [])
FOOD = Room("Drawn food", "food", _of_food, [])
