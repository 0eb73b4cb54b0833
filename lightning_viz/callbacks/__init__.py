"""The callbacks: one picture, one class."""

from lightning_viz.callbacks.activations import FilterActivations
from lightning_viz.callbacks.attribution import AttributionCallback
from lightning_viz.callbacks.base import ExplanationCallback
from lightning_viz.callbacks.captum import CaptumAttribution
from lightning_viz.callbacks.confusion import ConfusionMatrixPanel
from lightning_viz.callbacks.confusion_panels import ConfusionPanels
from lightning_viz.callbacks.dream import DeepDream
from lightning_viz.callbacks.films import Films
from lightning_viz.callbacks.filters import FilterAscent
from lightning_viz.callbacks.gradcam import GradCam
from lightning_viz.callbacks.integrated import IntegratedGradients
from lightning_viz.callbacks.lime import LimePanels
from lightning_viz.callbacks.occlusion import Occlusion
from lightning_viz.callbacks.saliency import SaliencyMaps
from lightning_viz.callbacks.wall import FilterWall

__all__ = [
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
