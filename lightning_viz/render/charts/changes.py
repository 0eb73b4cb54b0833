"""A list of what changed, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from lightning_viz.render.color import AGAINST, FOR
from lightning_viz.render.fonts import length, write
from lightning_viz.render.size import WIDTH, Picture
from lightning_viz.render.text import DARK, LIGHT, elide, fit_lines, line_height, margin, strip

SIZE = 13
MORE, LESS, GREY = FOR, AGAINST, (150, 150, 155)
"""More mistakes are orange, fewer are blue."""

TAKEN = " taken for "


class Row(NamedTuple):
    """One line of the list.

    Attributes:
        true: The name of a class.
        predicted: The name of what it is taken for.
        numbers: How often, for example `31 → 27`.
        sign: Of the change.
    """

    true: str
    predicted: str
    numbers: str
    sign: int


def changes_picture(
    head: Sequence[str], rows: Sequence[Row], *, lines: int, most: int, width: int = WIDTH, between: str = TAKEN
) -> Picture:
    """Some sentences over a list of confusions, their numbers on the right.

    Args:
        head: The sentences; each begins a line, and is wrapped while there are lines to spare.
        rows: Up to `most` rows.
        lines: Of the sentences.
        most: Rows there is room for: the height depends on nothing but this and `lines`.
        width: Pixels.
        between: What stands between the two classes of a row.

    Returns:
        uint8 (H, width, 3).

    >>> changes_picture(["first"], [Row("egg", "bread", "3", 0)], lines=1, most=4).shape
    (116, 350, 3)
    """
    top = strip(fit_lines(list(head), lines, width - 2 * margin(SIZE), SIZE), width, size=SIZE)
    step, edge = line_height(SIZE) + 2, margin(SIZE)
    canvas = Image.new("RGB", (width, step * most + 2 * edge), DARK)
    draw = ImageDraw.Draw(canvas)
    widest = max((length(row.numbers, SIZE) for row in rows), default=0.0)
    for k, row in enumerate(rows):
        y = edge + k * step
        pair = pair_name(row.true, row.predicted, int(width - widest - 4 * edge), between=between)
        write(draw, (edge, y), pair, LIGHT, SIZE)
        colour = MORE if row.sign > 0 else LESS if row.sign < 0 else LIGHT
        write(draw, (width - edge - length(row.numbers, SIZE), y), row.numbers, colour, SIZE)
    draw.line((edge, 1, width - edge, 1), GREY)
    return np.concatenate([top, np.asarray(canvas)])


def pair_name(true: str, predicted: str, width: int, size: int = SIZE, *, between: str = TAKEN) -> str:
    """What is taken for what in one line: both names are shortened alike where they do not fit.

    >>> pair_name("egg", "bread", 200), pair_name("noodles and pasta", "vegetables and fruit", 180)
    ('egg taken for bread', 'noodle… taken for veget…')
    """
    room = width - length(between, size)
    one, other = length(true, size), length(predicted, size)
    if one + other > room:
        one, other = (max(room / 2, room - other), max(room / 2, room - one))
    return elide(true, ceil(one), size) + between + elide(predicted, ceil(other), size)
