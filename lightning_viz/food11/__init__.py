"""Food-11, the homework: data in every layout, drawn food with ground-truth evidence, and a classifier."""

from lightning_viz.food11.classifier import FoodClassifier
from lightning_viz.food11.data import FoodData
from lightning_viz.food11.farewell import HowToLook
from lightning_viz.food11.images import FoodImages
from lightning_viz.food11.layouts import find_layout
from lightning_viz.food11.predictions import PredictionsCsv
from lightning_viz.food11.splits import CLASS_NAMES
from lightning_viz.food11.transformer import FoodTransformer

__all__ = [
    "CLASS_NAMES",
    "FoodClassifier",
    "FoodData",
    "FoodImages",
    "FoodTransformer",
    "HowToLook",
    "PredictionsCsv",
    "find_layout",
]
