"""Networks that tell of places."""

from projects import Segments, places

from .configuration import Configuration

ROWS = {"segmentation": Configuration(Segments, places, fast=True)}
