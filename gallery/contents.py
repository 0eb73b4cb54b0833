"""What the gallery shows: callbacks as a user would write them, and which of their pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytorch_lightning as pl

from gallery.page import Shown
from gallery.photographs import HIGH, LOW, MIDDLE
from lightning_viz import (
    CaptumAttribution,
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
        CaptumAttribution("captum.attr.FeatureAblation", **common),
        DeepDream(canvas=512, **common),
        DeepDream(canvas=512, guide=0, **common),
        DeepDream(canvas=512, guide=1, **common),
        *(FilterWall(layer=layer, channels=64, **common) for layer in (LOW, MIDDLE, HIGH)),
        FilterAscent(layer=HIGH, channels=[0, 224, 448], **common),
        FilterAscent(classes=[1, 130, 946, 967, 980, 985], steps=256, **common),
    ]


def _of_food() -> list[pl.Callback]:
    common = {"probes": Probes(count=11), "on_error": "raise"}
    dreams = {"layer": "cnn.16", "canvas": 192, "step": 1.5 / 255, **common}
    return [
        *_maps(common["probes"]),
        DeepDream(**dreams),
        DeepDream(guide=6, **dreams),
        FilterActivations(layer="cnn.6", **common),
        FilterWall(layer="cnn.2", **common),
        FilterWall(layer="cnn.10", **common),
        FilterAscent(classes=["Egg", "Fried food", "Soup"], **common),
        ConfusionMatrixPanel(on_error="raise"),
    ]


_FEW = ("input", "vargrad", "gradcam", "lime")


def _shown(probe: str, layer: str, dreams: dict[str, str], *, few: bool = False) -> list[Shown]:
    """What there is of one probe, or but a few of it."""
    kinds = {
        "input": "the image",
        "saliency": "saliency",
        "smoothgrad": "SmoothGrad",
        "vargrad": "VarGrad",
        "integrated_gradients_black_white": "integrated gradients, from black and from white",
        f"gradcam_{layer}": "Grad-CAM",
        f"gradcam_pp_{layer}": "Grad-CAM++",
        f"gradcam_{layer}_against_rival": "Grad-CAM, against the strongest rival",
        "occlusion": "occlusion",
        "lime": "LIME",
        **dreams,
    }
    chosen = [kind for kind in kinds if not few or kind in dreams or (kind.startswith(_FEW) and "_pp_" not in kind)]
    return [Shown(f"{probe}/{kind}", kinds[kind]) for kind in chosen]


def _filters(names: dict[str, str]) -> list[Shown]:
    return [Shown(f"filters/{name}", title) for name, title in names.items()]


_HEAD = "net__conv_head"
_CLASSES = {"goldfish_carassius_auratus": "goldfish", "espresso": "espresso"}
_CLASSES |= {name: name for name in ("flamingo", "cardoon", "daisy", "volcano")}
_WALLS = {LOW: "low", MIDDLE: "middle", HIGH: "high"}

PHOTOGRAPHS = Room(
    "Photographs",
    "photographs",
    _of_photographs,
    [
        (
            "A cup of espresso",
            "Most methods find the coffee and the rim around it; LIME's rival is the cup. In the dream, dogs grow in "
            "the saucer; towards the cat, fur and eyes do.",
            _shown(
                "probe_01_espresso",
                _HEAD,
                {
                    "captum_featureablation": "captum's feature ablation",
                    "deep_dream": "deep dream",
                    "deep_dream_towards_egyptian_cat": "dream towards the cat",
                },
            ),
        ),
        (
            "A cat",
            "Egyptian cat or tiger cat? Against its rival, Grad-CAM finds the eyes. Towards the coffee, the cat turns "
            "into dishes.",
            _shown(
                "probe_00_egyptian_cat",
                _HEAD,
                {"deep_dream": "deep dream", "deep_dream_towards_espresso": "dream towards the coffee"},
                few=True,
            ),
        ),
        (
            "Filters",
            "64 channels each of a low, a middle and a high layer: colours and edges, then textures, then parts of "
            "animals and things.",
            _filters({f"net_{layer.replace('.', '_')}/wall": title for layer, title in _WALLS.items()})
            + _filters({f"net_{HIGH.replace('.', '_')}/{k}": f"channel {k} of the high layer" for k in (0, 224, 448)}),
        ),
        (
            "Classes",
            "What most raises the score of a class.",
            _filters({f"class/{tag}": name for tag, name in _CLASSES.items()}),
        ),
    ],
)

FOOD = Room(
    "Drawn food",
    "food",
    _of_food,
    [
        (
            "An egg",
            "The yolk is what makes it an egg. In the dream it gets a crust; towards the noodles it becomes sauce.",
            _shown(
                "probe_03_egg",
                "cnn_16",
                {"deep_dream_cnn_16": "deep dream", "deep_dream_cnn_16_towards_noodles_pasta": "dream towards noodles"},
                few=True,
            ),
        ),
        (
            "Filters, classes, confusions",
            "What filters answer to in the egg, what they and three classes want, and what is taken for what.",
            [
                Shown("probe_03_egg/activations_cnn_6", "what filters answer to"),
                *_filters({"cnn_2/wall": "the first layer", "cnn_10/wall": "the third layer"}),
                *_filters({"class/egg": "egg", "class/fried_food": "fried food", "class/soup": "soup"}),
                Shown("confusion/val", "confusion matrix"),
            ],
        ),
    ],
)
