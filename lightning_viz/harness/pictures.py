"""What a drawing yields: pictures and figures."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
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

    @property
    def suffix(self) -> str:
        """That of its file: `png` if it is flat, else `jpg`."""
        return "png" if self.flat else "jpg"


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
