"""Lightning callbacks that show, epoch by epoch, how the explanations of an image classifier evolve."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_viz.callbacks.attribution.attention import AttentionMaps as AttentionMaps
    from lightning_viz.callbacks.attribution.base import AttributionCallback as AttributionCallback
    from lightning_viz.callbacks.attribution.captum import CaptumAttribution as CaptumAttribution
    from lightning_viz.callbacks.attribution.gradcam import GradCam as GradCam
    from lightning_viz.callbacks.attribution.integrated import IntegratedGradients as IntegratedGradients
    from lightning_viz.callbacks.attribution.lime import LimePanels as LimePanels
    from lightning_viz.callbacks.attribution.occlusion import Occlusion as Occlusion
    from lightning_viz.callbacks.attribution.saliency import SaliencyMaps as SaliencyMaps
    from lightning_viz.callbacks.base.callback import ExplanationCallback as ExplanationCallback
    from lightning_viz.callbacks.features.activations import FilterActivations as FilterActivations
    from lightning_viz.callbacks.features.attention_wall import AttentionWall as AttentionWall
    from lightning_viz.callbacks.features.dream import DeepDream as DeepDream
    from lightning_viz.callbacks.features.filters import FilterAscent as FilterAscent
    from lightning_viz.callbacks.features.wall import FilterWall as FilterWall
    from lightning_viz.callbacks.films.films import Films as Films
    from lightning_viz.callbacks.validation.matrix import ConfusionMatrixPanel as ConfusionMatrixPanel
    from lightning_viz.callbacks.validation.top_confusions import ConfusionPanels as ConfusionPanels
    from lightning_viz.harness.probes.spec import Probes as Probes
    from lightning_viz.harness.replay.replay import replay as replay
    from lightning_viz.harness.replay.snapshots import Snapshots as Snapshots
    from lightning_viz.harness.run.scene import Scene as Scene
    from lightning_viz.harness.sinks.results import Picture as Picture
    from lightning_viz.harness.sinks.results import Scalar as Scalar
    from lightning_viz.showing import show as show
    from lightning_viz.tensorboard.findings.report import findings as findings

# Loaded on first use: whoever only reads a version, or views a log, need not wait for torch.
_HOME = {
    "AttentionMaps": "callbacks.attribution.attention",
    "AttentionWall": "callbacks.features.attention_wall",
    "AttributionCallback": "callbacks.attribution.base",
    "CaptumAttribution": "callbacks.attribution.captum",
    "ConfusionMatrixPanel": "callbacks.validation.matrix",
    "ConfusionPanels": "callbacks.validation.top_confusions",
    "DeepDream": "callbacks.features.dream",
    "ExplanationCallback": "callbacks.base.callback",
    "Films": "callbacks.films.films",
    "FilterActivations": "callbacks.features.activations",
    "FilterAscent": "callbacks.features.filters",
    "FilterWall": "callbacks.features.wall",
    "GradCam": "callbacks.attribution.gradcam",
    "IntegratedGradients": "callbacks.attribution.integrated",
    "LimePanels": "callbacks.attribution.lime",
    "Occlusion": "callbacks.attribution.occlusion",
    "Picture": "harness.sinks.results",
    "Probes": "harness.probes.spec",
    "SaliencyMaps": "callbacks.attribution.saliency",
    "Scalar": "harness.sinks.results",
    "Scene": "harness.run.scene",
    "Snapshots": "harness.replay.snapshots",
    "findings": "tensorboard.findings.report",
    "replay": "harness.replay.replay",
    "show": "showing",
}

__all__ = sorted(_HOME)
__version__ = "0.2.0"


if not TYPE_CHECKING:  # for which an unknown name is an error

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
