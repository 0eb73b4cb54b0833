"""Lightning callbacks that show, epoch by epoch, how the explanations of an image classifier evolve."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_viz.callbacks.activations import FilterActivations as FilterActivations
    from lightning_viz.callbacks.attribution import AttributionCallback as AttributionCallback
    from lightning_viz.callbacks.base import ExplanationCallback as ExplanationCallback
    from lightning_viz.callbacks.captum import CaptumAttribution as CaptumAttribution
    from lightning_viz.callbacks.confusion import ConfusionMatrixPanel as ConfusionMatrixPanel
    from lightning_viz.callbacks.confusion_panels import ConfusionPanels as ConfusionPanels
    from lightning_viz.callbacks.dream import DeepDream as DeepDream
    from lightning_viz.callbacks.films import Films as Films
    from lightning_viz.callbacks.filters import FilterAscent as FilterAscent
    from lightning_viz.callbacks.gradcam import GradCam as GradCam
    from lightning_viz.callbacks.integrated import IntegratedGradients as IntegratedGradients
    from lightning_viz.callbacks.lime import LimePanels as LimePanels
    from lightning_viz.callbacks.occlusion import Occlusion as Occlusion
    from lightning_viz.callbacks.saliency import SaliencyMaps as SaliencyMaps
    from lightning_viz.callbacks.wall import FilterWall as FilterWall
    from lightning_viz.harness.probes import Probes as Probes
    from lightning_viz.harness.replay import replay as replay

# Loaded on first use: whoever only reads a version, or views a log, need not wait for torch.
_HOME = {
    "AttributionCallback": "callbacks.attribution",
    "CaptumAttribution": "callbacks.captum",
    "ConfusionMatrixPanel": "callbacks.confusion",
    "ConfusionPanels": "callbacks.confusion_panels",
    "DeepDream": "callbacks.dream",
    "ExplanationCallback": "callbacks.base",
    "Films": "callbacks.films",
    "FilterActivations": "callbacks.activations",
    "FilterAscent": "callbacks.filters",
    "FilterWall": "callbacks.wall",
    "GradCam": "callbacks.gradcam",
    "IntegratedGradients": "callbacks.integrated",
    "LimePanels": "callbacks.lime",
    "Occlusion": "callbacks.occlusion",
    "Picture": "harness.pictures",
    "Probes": "harness.probes",
    "SaliencyMaps": "callbacks.saliency",
    "Scalar": "harness.pictures",
    "Scene": "harness.scene",
    "replay": "harness.replay",
}

__all__ = sorted(_HOME)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
