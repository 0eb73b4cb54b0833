"""What it takes to put a picture together, against Pillow when it is asked for the same in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.measure import Line, side_by_side
from benchmarks.network import Settings
from lightning_viz import Picture
from lightning_viz.food11.drawn import DrawnFood
from lightning_viz.render import panel, to_uint8
from lightning_viz.render.fonts import font, write
from lightning_viz.render.size import WIDTH, enlarge
from lightning_viz.render.text import LIGHT

CAPTION = ["true: egg", "predicted: bread 61 %"]
TIMES = 20
"""How often each is done for one measurement."""


def lines(settings: Settings) -> Iterator[Line]:
    """Enlarged, written, encoded."""
    image = to_uint8(DrawnFood(1, size=settings.size)[0][0].numpy())
    picture = panel(image, CAPTION)
    canvas = ImageDraw.Draw(Image.fromarray(picture.copy()))
    for what, ours, against, plain in (
        (f"{settings.size} px enlarged", lambda: enlarge(image), "at once", lambda: _at_once(image)),
        (
            "a line of a caption",
            lambda: write(canvas, (7, 7), CAPTION[1], LIGHT, 14),
            "drawn anew",
            lambda: canvas.text((7, 7), CAPTION[1], LIGHT, font(14)),
        ),
        ("encoded", lambda: Picture("", picture).encoded, "progressive", lambda: _progressive(picture)),
    ):
        took = side_by_side({"ours": _often(ours), "plain": _often(plain)}, settings.repetitions)
        yield Line(what, took["ours"] / TIMES, against, took["plain"] / TIMES)
    size = len(Picture("", picture).encoded) / 1024
    yield Line("encoded", size, "progressive", len(_progressive(picture)) / 1024, "KiB")


def _often(call: Callable[[], object]) -> Callable[[], object]:
    return lambda: [call() for _ in range(TIMES)]


def _at_once(image: Any) -> Any:
    factor = -(-WIDTH // max(image.shape))
    sharp = Image.fromarray(image.repeat(factor, axis=0).repeat(factor, axis=1))
    return np.asarray(sharp.resize((WIDTH, WIDTH), Image.Resampling.BOX))


def _progressive(picture: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "jpeg", quality=70, optimize=True, progressive=True)
    return buffer.getvalue()
