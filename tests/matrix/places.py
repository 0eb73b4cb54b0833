"""Networks that tell of places and of things in them, and those of volumes and clips."""

from functools import partial

from balls import ByFrame, OfVolumes, clips, volumes
from projects import Finds, Segments, places, things

from .configuration import Configuration

ROWS = {
    "detection": Configuration(Finds, things),
    "segmentation": Configuration(Segments, places),
    "volumes": Configuration(OfVolumes, volumes, deep=True),
    "clips, frame by frame": Configuration(partial(OfVolumes, ByFrame), clips, deep=True),
}
