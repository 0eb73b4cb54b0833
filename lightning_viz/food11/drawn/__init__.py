"""Drawn food: a small data set made by code, with ground-truth masks of the evidence.

`DrawnFood` is the torch data set, `draw` makes one picture, and `python -m lightning_viz.food11.drawn`
a contact sheet to look at.
"""

from lightning_viz.food11.drawn.dataset import DrawnFood
from lightning_viz.food11.drawn.menu import CLASSES
from lightning_viz.food11.drawn.scene import Drawing, draw
from lightning_viz.food11.drawn.sheet import contact_sheet

__all__ = ["CLASSES", "Drawing", "DrawnFood", "contact_sheet", "draw"]
