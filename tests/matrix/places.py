"""Networks that tell of places, and those of volumes and clips."""

from functools import partial

from balls import ByFrame, OfVolumes, clips, volumes
from projects import Segments, places

from .configuration import Configuration

ROWS = {
    "segmentation": Configuration(Segments, places, fast=True),
    "volumes": Configuration(OfVolumes, volumes, deep=True, fast=True),
    "clips, frame by frame": Configuration(partial(OfVolumes, ByFrame), clips, deep=True),
}
