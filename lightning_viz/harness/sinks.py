"""Where pictures and figures go: the only place that touches loggers."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
from PIL import Image

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """One picture of one epoch.

    Attributes:
        tag: Its name in the logger, `/` separates groups.
        image: Uint8 (H, W, 3).
        flat: Whether it is drawn rather than photographic, and so kept without loss.
    """

    tag: str
    image: Pixels
    flat: bool = False


@dataclass(frozen=True)
class Scalar:
    """One figure of one epoch, under its name in the logger."""

    tag: str
    value: float


def encode(picture: Picture) -> bytes:
    """A picture as the bytes of a PNG file if it is flat, else of a JPEG file."""
    buffer = BytesIO()
    image = Image.fromarray(picture.image)
    if picture.flat:
        image.save(buffer, "png")
    else:
        image.save(buffer, "jpeg", quality=90, subsampling=0)
    return buffer.getvalue()


class Sinks:
    """All loggers of a Trainer that take images, behind one call.

    Args:
        trainer: The Trainer.

    Raises:
        ValueError: It has no logger that takes images.
    """

    def __init__(self, trainer: pl.Trainer) -> None:
        loggers: list[Any] = trainer.loggers
        self._loggers = [logger for logger in loggers if hasattr(logger.experiment, "add_image")]
        # On other ranks than 0, and under fast_dev_run, a logger's experiment takes anything and keeps nothing.
        if not self._loggers:
            names = ", ".join(type(logger).__name__ for logger in trainer.loggers) or "none"
            raise ValueError(
                f"Expected a logger that takes images, received {names}: "
                "pass Trainer(logger=TensorBoardLogger(save_dir=...))."
            )

    def write(self, result: Picture | Scalar, step: int) -> None:
        """Writes a picture or a figure to every logger at this step."""
        for logger in self._loggers:
            if isinstance(result, Scalar):
                logger.log_metrics({result.tag: result.value}, step=step)
            else:
                _add_image(logger.experiment, result, step)

    def describe(self, layout: dict[str, dict[str, list[Any]]]) -> None:
        """Lays out scalars as charts of several curves, where a logger can (TensorBoard's Custom Scalars)."""
        for logger in self._loggers:
            if hasattr(logger.experiment, "add_custom_scalars"):
                logger.experiment.add_custom_scalars(layout)


def _add_image(experiment: Any, picture: Picture, step: int) -> None:
    writer = getattr(experiment, "_get_file_writer", None)
    if writer is None:
        experiment.add_image(picture.tag, picture.image, step, dataformats="HWC")
        return
    # `add_image` knows PNG only: for photographs 30 times slower and several times larger than JPEG.
    from tensorboard.compat.proto.summary_pb2 import Summary

    height, width = picture.image.shape[:2]
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=encode(picture))
    file_writer = writer()
    if file_writer is not None:
        file_writer.add_summary(Summary(value=[Summary.Value(tag=picture.tag, image=image)]), step)
