"""Letters of any script: runs of one font and one direction, and where the system keeps the fonts."""

from __future__ import annotations

import math
import unicodedata
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import matplotlib
from matplotlib.font_manager import findSystemFonts
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont, features

OPEN, CLOSE = "\u2068", "\u2069"
"""First strong isolate, pop directional isolate: what stands between keeps its direction to itself (UAX 9, 2013)."""

DEJAVU = str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
"""DejaVu Sans, which comes with matplotlib."""

_MARKS = dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e"))
_SLANTED = ("bold", "italic", "oblique", "condensed", "light", "thin", "black", "mono", "serif")


class Run(NamedTuple):
    """Letters of one font, all in one direction."""

    text: str
    path: str
    rtl: bool


def isolated(name: str) -> str:
    """A name that may be of any script, so that it turns nothing around beside it, and is what is cut first.

    >>> ascii(isolated("egg")) == ascii(OPEN + "egg" + CLOSE)
    True
    """
    return f"{OPEN}{name.translate(_MARKS)}{CLOSE}"


def plain(text: str) -> str:
    """A text without the marks that tell its directions, as it is drawn."""
    return text.translate(_MARKS)


def missing(text: str) -> str:
    """The letters of a text that no font here has, each once: boxes would stand for them.

    >>> missing("egg")
    ''
    """
    paths = [DEJAVU, *_system_fonts()]
    wanted = sorted({letter for letter in plain(text) if not letter.isspace()})
    return "".join(letter for letter in wanted if not any(ord(letter) in _letters(path) for path in paths))


@cache
def font(size: int, path: str = DEJAVU) -> ImageFont.FreeTypeFont:
    """A font in `size` pixels, DejaVu Sans by default."""
    return ImageFont.truetype(path, size)


def length(text: str, size: int) -> float:
    """Pixels that a line is wide."""
    return sum(_length(run, size) for run in _runs(plain(text)))


def write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, ink: tuple[int, ...], size: int) -> None:
    """Writes one line from left to right, with what is written from right to left in its place.

    Args:
        draw: On what.
        at: The upper left corner.
        text: One line.
        ink: Its colour.
        size: Of the letters, in pixels.
    """
    x, base = at[0], at[1] + font(size).getmetrics()[0]
    for run in _runs(plain(text)):
        letters, left, top = _drawn(run, size, x % 1, base % 1)
        draw.bitmap((math.floor(x) + left, math.floor(base) + top), letters, ink)
        x += _length(run, size)


@lru_cache(maxsize=1024)
def _drawn(run: Run, size: int, right: float, down: float) -> tuple[Image.Image, int, int]:
    """Letters as a mask, and where its upper left corner lies; most are written again in every picture and epoch.

    Args:
        run: The letters.
        size: In pixels.
        right: Where they begin, in parts of a pixel.
        down: Where their base line lies, likewise: fonts differ in how high they are above it.
    """
    text, letters, direction = _order(run), font(size, run.path), _direction(run)
    box = letters.getbbox(text, anchor="ls", direction=direction)
    left, top = (math.floor(edge) - 1 for edge in box[:2])
    mask = Image.new("L", (math.ceil(box[2]) + 2 - left, math.ceil(box[3]) + 2 - top))
    ImageDraw.Draw(mask).text((right - left, down - top), text, 255, letters, anchor="ls", direction=direction)
    return mask, left, top


@lru_cache(maxsize=512)
def _runs(text: str) -> tuple[Run, ...]:
    return tuple(
        Run("".join(letters), path, rtl)
        for rtl, part in _directions(text)
        for path, letters in groupby(part, key=_Keeper())
    )


class _Keeper:
    """The font of each letter in turn: that of the one before where it will do, so that words stay whole."""

    def __init__(self) -> None:
        self._path = DEJAVU

    def __call__(self, letter: str) -> str:
        if not letter.isspace() and not unicodedata.combining(letter):
            known = ord(letter) in _letters(DEJAVU)
            self._path = DEJAVU if known else _font_with(letter) or DEJAVU
        return self._path


def _directions(text: str) -> Iterator[tuple[bool, str]]:
    """Stretches of one direction; what has none, such as a space, goes from right to left where both its sides do."""
    where = [unicodedata.bidirectional(letter) in ("R", "AL") for letter in text]
    strong = [i for i, letter in enumerate(text) if unicodedata.bidirectional(letter) in ("L", "R", "AL", "EN", "AN")]
    for i, following in pairwise(strong):
        if where[i] and where[following]:
            where[i:following] = [True] * (following - i)
    for i, letter in enumerate(text):
        where[i] = where[i] or (i > 0 and where[i - 1] and unicodedata.combining(letter) > 0)
    for rtl, group in groupby(zip(where, text, strict=True), key=lambda pair: pair[0]):
        yield rtl, "".join(letter for _, letter in group)


@lru_cache(maxsize=4096)
def _length(run: Run, size: int) -> float:
    return font(size, run.path).getlength(_order(run), direction=_direction(run))


def _direction(run: Run) -> Literal["rtl", "ltr"] | None:
    return ("rtl" if run.rtl else "ltr") if _shapes() else None


def _order(run: Run) -> str:
    # Without Raqm, Pillow sets one letter after the other, from the left.
    return run.text if _shapes() or not run.rtl else run.text[::-1]


@cache
def _shapes() -> bool:
    return bool(features.check("raqm"))


@cache
def _font_with(letter: str) -> str | None:
    """A font of the system that has a letter, plain ones of Noto and DejaVu first; tells once where there is none."""
    for path in _system_fonts():
        if ord(letter) in _letters(path):
            return path
    _report(unicodedata.name(letter, "UNKNOWN").split()[0])
    return None


@cache
def _report(script: str) -> None:
    warnings.warn(
        f"No font of this system has all letters of a name ({script}): boxes stand for them in the pictures. Install "
        "a font that has them, for example Noto Sans (on Debian: fonts-noto-core, for Chinese, Japanese and Korean "
        "fonts-noto-cjk).",
        stacklevel=2,
    )


@cache
def _system_fonts() -> list[str]:
    def rank(path: str) -> tuple[bool, int, str]:
        name = Path(path).stem.lower()
        return not name.startswith(("noto", "dejavu")), sum(word in name for word in _SLANTED), name

    return sorted(findSystemFonts(), key=rank)


@cache
def _letters(path: str) -> frozenset[int]:
    try:
        font(12, path)  # one of bitmaps of a single size, as of emoji, cannot be drawn
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
