"""Contact sheets: one row per class."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lightning_viz.food11.drawn.menu import CLASSES
from lightning_viz.food11.drawn.scene import draw

LABEL_WIDTH = 112
GAP = 2


def contact_sheet(*, size: int = 128, seed: int = 0, per_class: int = 8, labels: bool = True) -> NDArray[np.uint8]:
    """The first pictures of a set, one row per class, with a gap of 2 pixels around each.

    Returns:
        uint8 (11 * (size + 2) + 2, per_class * (size + 2) + 2 (+ 112 with labels), 3).

    Raises:
        ValueError: If per_class is below 1, or size or seed are out of `draw`'s range.
    """
    if per_class < 1:
        raise ValueError(f"Expected per_class to be at least 1, received {per_class}")
    left, step = (LABEL_WIDTH if labels else 0) + GAP, size + GAP
    sheet = np.full((len(CLASSES) * step + GAP, left + per_class * step, 3), 255, np.uint8)
    for row in range(len(CLASSES)):
        for column in range(per_class):
            top, edge = GAP + row * step, left + column * step
            sheet[top : top + size, edge : edge + size] = draw(seed, column * len(CLASSES) + row, size).image
    return _with_labels(sheet, step) if labels else sheet


def _with_labels(sheet: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    image = Image.fromarray(sheet)
    pen = ImageDraw.Draw(image)
    for row, name in enumerate(CLASSES):
        pen.text((8, GAP + row * step + step // 2 - 6), name, fill=(0, 0, 0))
    return np.asarray(image)
