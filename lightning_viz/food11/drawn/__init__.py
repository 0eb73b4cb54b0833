"""Drawn food: a small data set made by code, with ground-truth masks of the evidence.

`DrawnFood` is the torch data set, `draw` makes one picture; `DrawnTables` and `draw_table` have several dishes each.
`python -m lightning_viz.food11.drawn` makes a contact sheet to look at.
"""

from lightning_viz.food11.drawn.dataset import DrawnFood, DrawnTables
from lightning_viz.food11.drawn.laid import LaidTable, draw_table
from lightning_viz.food11.drawn.menu import CLASSES
from lightning_viz.food11.drawn.scene import Drawing, draw
from lightning_viz.food11.drawn.sheet import contact_sheet

__all__ = ["CLASSES", "Drawing", "DrawnFood", "DrawnTables", "LaidTable", "contact_sheet", "draw", "draw_table"]
