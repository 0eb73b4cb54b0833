"""Text in pictures: in fonts that have its letters, wrapped and shortened to fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from lightning_viz.render.fonts import CLOSE, OPEN, length, write
from lightning_viz.render.size import Picture

DARK, LIGHT = (24, 24, 28), (240, 240, 240)
"""Background and ink of every strip of text."""
_FEWEST = 3
"""Letters of a name that are always left."""


def channels_shown(channels: int) -> str:
    """What a caption says of an image with another number of channels than an eye has; see `color.to_uint8`.

    >>> channels_shown(3), channels_shown(2), channels_shown(13)
    ('', ', mean of 2 channels', ', channels 0-2 of 13')
    """
    if channels in (1, 3):
        return ""
    return ", mean of 2 channels" if channels == 2 else f", channels 0-2 of {channels}"


def line_height(size: int) -> int:
    """Pixels from one line to the next."""
    return round(size * 1.35)


def elide(text: str, width: int, size: int) -> str:
    """Shortens one line until it fits, with an ellipsis in place of what is left out.

    Where names are marked by `isolated`, the longest of them are cut first: the rest stays.

    >>> elide("bread", 300, 13), elide("a long caption", 60, 13)
    ('bread', 'a long…')
    >>> from lightning_viz.render.fonts import isolated, plain
    >>> plain(elide(isolated("a long name") + " ✓ 87 %", 100, 13))
    'a lon… ✓ 87 %'
    """
    text = " ".join(text.split())
    text = _with_shorter_names(text, lambda one: _fits(one, width, size))
    if _fits(text, width, size):
        return text
    keep = _most(0, len(text), lambda letters: _fits(text[:letters] + "…", width, size))
    return text[:keep].rstrip() + "…"


def wrap(text: str, width: int, size: int) -> list[str]:
    """Breaks a text into lines that fit, at spaces where it can."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _fits(longer, width, size):
            lines[-1] = longer
        else:
            lines[-1:] = [*filter(None, lines[-1:]), *_pieces(word, width, size)]
    return lines


def fit_lines(texts: list[str], lines: int, width: int, size: int) -> list[str]:
    """Lays texts out in a fixed number of lines: each on its own, wrapped while lines are to spare, else shortened.

    Raises:
        ValueError: If there are more texts than lines.

    >>> fit_lines(["one two", "three"], 3, 40, 13)
    ['one', 'two', 'three']
    """
    if len(texts) > lines:
        raise ValueError(f"Expected at most lines={lines} caption lines, received {len(texts)}.")
    spare, laid = lines - len(texts), list[str]()
    for text in texts:
        room = 1 + spare
        text = _with_shorter_names(text, lambda one, room=room: len(wrap(one, width, size)) <= room)  # type: ignore[misc]
        parts = wrap(text, width, size)
        shown = min(len(parts), 1 + spare)
        laid += [*parts[: shown - 1], elide(" ".join(parts[shown - 1 :]), width, size)]
        spare -= shown - 1
    return laid + [""] * (lines - len(laid))


def strip(lines: list[str], width: int, *, size: int = 14, centre: bool = False) -> Picture:
    """Light text on a dark strip, one line per entry. Its height depends on the number of lines alone.

    Args:
        lines: Texts that fit the width, from `fit_lines`.
        width: Pixels.
        size: Of the letters, in pixels.
        centre: Centred instead of on the left.

    Returns:
        uint8 (H, width, 3).
    """
    step = line_height(size)
    canvas = Image.new("RGB", (width, step * len(lines) + margin(size)), DARK)
    draw = ImageDraw.Draw(canvas)
    for row, line in enumerate(lines):
        x = (width - length(line, size)) / 2 if centre else margin(size)
        write(draw, (round(x), margin(size) // 2 + row * step), line, LIGHT, size)
    return np.asarray(canvas)


def margin(size: int) -> int:
    """Space left and right of the text, in pixels."""
    return size // 2


def _fits(text: str, width: int, size: int) -> bool:
    return length(text, size) <= width


def _with_shorter_names(text: str, fits: Callable[[str], bool]) -> str:
    """The text with its marked names cut to as many letters as fit, the longest first, but to no fewer than three."""
    names = [part.partition(CLOSE)[0] for part in text.split(OPEN)[1:] if CLOSE in part]
    longest = max(map(len, names), default=0)
    if longest <= _FEWEST or fits(text):
        return text
    keep = _most(_FEWEST, longest, lambda letters: fits(_with_names(text, names, letters)))
    return _with_names(text, names, keep)


def _with_names(text: str, names: Sequence[str], letters: int) -> str:
    for name in names:
        if len(name) > letters:
            text = text.replace(f"{OPEN}{name}{CLOSE}", f"{OPEN}{name[:letters].rstrip('… ')}…{CLOSE}", 1)
    return text


def _pieces(word: str, width: int, size: int) -> list[str]:
    """A word in pieces that fit, of a letter at least."""
    pieces, rest = list[str](), word
    while not _fits(rest, width, size) and len(rest) > 1:
        keep = _most(1, len(rest), lambda letters, rest=rest: _fits(rest[:letters], width, size))  # type: ignore[misc]
        pieces, rest = [*pieces, rest[:keep]], rest[keep:]
    return [*pieces, rest]


def _most(fewest: int, too_many: int, fits: Callable[[int], bool]) -> int:
    """The largest number that fits, below one that does not: measuring every length would take seconds for a traceback.

    Steps double, then halve, so that little is measured of a long text of which little fits.
    """
    keep, step = fewest, 8
    while keep + step < too_many and fits(keep + step):
        keep, step = keep + step, 2 * step
    too_many = min(keep + step, too_many)
    while too_many - keep > 1:
        middle = (keep + too_many) // 2
        keep, too_many = (middle, too_many) if fits(middle) else (keep, middle)
    return keep
