"""The callbacks: one picture, one class."""

from lightning_viz.callbacks.attribution.attention import AttentionMaps
from lightning_viz.callbacks.attribution.base import AttributionCallback
from lightning_viz.callbacks.attribution.captum import CaptumAttribution
from lightning_viz.callbacks.attribution.gradcam import GradCam
from lightning_viz.callbacks.attribution.integrated import IntegratedGradients
from lightning_viz.callbacks.attribution.lime import LimePanels
from lightning_viz.callbacks.attribution.occlusion import Occlusion
from lightning_viz.callbacks.attribution.saliency import SaliencyMaps
from lightning_viz.callbacks.base.callback import ExplanationCallback
from lightning_viz.callbacks.features.activations import FilterActivations
from lightning_viz.callbacks.features.attention_wall import AttentionWall
from lightning_viz.callbacks.features.dream import DeepDream
from lightning_viz.callbacks.features.filters import FilterAscent
from lightning_viz.callbacks.features.wall import FilterWall
from lightning_viz.callbacks.films.films import Films
from lightning_viz.callbacks.validation.matrix import ConfusionMatrixPanel
from lightning_viz.callbacks.validation.top_confusions import ConfusionPanels

__all__ = [
    "AttentionMaps",
    "AttentionWall",
    "AttributionCallback",
    "CaptumAttribution",
    "ConfusionMatrixPanel",
    "ConfusionPanels",
    "DeepDream",
    "ExplanationCallback",
    "Films",
    "FilterActivations",
    "FilterAscent",
    "FilterWall",
    "GradCam",
    "IntegratedGradients",
    "LimePanels",
    "Occlusion",
    "SaliencyMaps",
]
