"""Pictures: arrays in, uint8 images (H, W, 3) out. Never sees a model."""

from lightning_viz.render.charts.confusion import confusion_picture, recall, worst_confusions
from lightning_viz.render.color import (
    diverging,
    hatch,
    minmax,
    overlay,
    sequential,
    symmetric,
    to_uint8,
)
from lightning_viz.render.maps.colorbar import colorbar
from lightning_viz.render.maps.lime import superpixel_picture
from lightning_viz.render.panel import grid, notice, panel
from lightning_viz.render.size import WIDTH, enlarge

__all__ = [
    "WIDTH", "colorbar", "confusion_picture", "diverging", "enlarge", "grid", "hatch", "minmax", "notice", "overlay",
    "panel", "recall", "sequential", "superpixel_picture", "symmetric", "to_uint8", "worst_confusions",
]  # fmt: skip
