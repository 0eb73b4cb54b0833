"""Names of any script: drawn where they belong, and cut before what is said of them is."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from lightning_viz.render.fonts import isolated, length, plain
from lightning_viz.render.text import elide, fit_lines, strip, wrap

ROOT = Path(__file__).parents[2]
ARABIC = "بيض مقلي"
VERDICTS = [" ✓ 99 %", ", says Bread 62 %", ": 31 of 150"]


def ink(text):
    """Columns in which a line has letters."""
    return (strip([text], 340) > 90).all(axis=2)


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("name", ["a name that is far too long for any caption " * 3, "漢字" * 40, "بيض " * 40])
def test_names_are_cut_and_never_the_verdict(name, verdict):
    line = f"epoch 3 · {isolated(name)}{verdict}"
    (shown,) = fit_lines([line], 1, 330, 14)
    assert length(shown, 14) <= 330
    assert plain(shown).startswith("epoch 3 · ")
    assert plain(shown).endswith("…" + verdict)
    laid = fit_lines([line], 2, 330, 14)
    assert plain(" ".join(laid)).rstrip().endswith(verdict)
    assert all(length(part, 14) <= 330 for part in laid)


def test_of_two_names_the_longer_one_is_cut_first():
    line = f"{isolated('egg')} taken for {isolated('a very long name of a class')}: 4"
    shown = plain(elide(line, 180, 14))
    assert shown.startswith("egg taken for a ver")
    assert shown.endswith("…: 4")


def test_a_name_that_fits_is_drawn_as_without_its_marks():
    assert np.array_equal(ink(f"epoch 3 · {isolated('egg')} ✓"), ink("epoch 3 · egg ✓"))
    assert length(isolated("egg"), 14) == length("egg", 14)


def test_what_is_said_of_an_arabic_name_stays_behind_it():
    line, before = f"epoch 3 · {isolated(ARABIC)} ✓ 99 %", "epoch 3 · "
    rows = ink(line)
    head = round(length(before, 14))
    assert np.array_equal(rows[:, : head + 4], ink(before)[:, : head + 4])
    predicted = ink(" ✓ 99 %")
    end, own = np.flatnonzero(rows.any(axis=0))[-1], np.flatnonzero(predicted.any(axis=0))
    width = own[-1] - own[0]
    assert end == pytest.approx(7 + length(before + ARABIC, 14) + own[-1] - 7, abs=2)
    assert rows[:, end - width : end + 1].sum() == pytest.approx(predicted.sum(), rel=0.15)


def test_arabic_words_follow_each_other_from_right_to_left():
    first, both = (np.flatnonzero(ink(text).any(axis=0)) for text in ("بيض", ARABIC))
    assert both[-1] - first[-1] == pytest.approx(length(ARABIC, 14) - length("بيض", 14), abs=2)
    right = ink(ARABIC)[:, both[-1] - (first[-1] - first[0]) : both[-1] + 1]
    assert right.sum() == pytest.approx(ink("بيض").sum(), rel=0.1)


def test_a_name_in_a_script_without_case_is_no_longer_than_its_letters():
    assert elide(isolated("日本"), 300, 14) == isolated("日本")


def square_font(path, letter):
    """A font with one letter, a black square as wide as the letters are high."""
    pen = TTGlyphPen(None)
    for k, point in enumerate([(0, 0), (0, 1000), (1000, 1000), (1000, 0)]):
        (pen.lineTo if k else pen.moveTo)(point)
    pen.closePath()
    glyphs = {".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()}
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(list(glyphs))
    font.setupCharacterMap({ord(letter): "square"})
    font.setupGlyf(glyphs)
    font.setupHorizontalMetrics({".notdef": (500, 0), "square": (1000, 0)})
    font.setupHorizontalHeader(ascent=1000, descent=-200)
    font.setupNameTable({"familyName": "Noto Sans Squares", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=1000)
    font.setupPost()
    font.save(path)


DRAW = """
import warnings
import numpy as np
from lightning_viz.render.text import strip
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    picture = strip(["\\U000f0123 \\U000f0123"], 60)
    strip(["\\U000f0123 egg"], 60)
light = (picture > 230).all(axis=2)
print(int(light.sum()), len(told), *(str(one.message)[:40] for one in told))
"""


def drawn(home):
    """What a process prints whose system has the fonts of a home folder besides."""
    surroundings = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home), "PYTHONPATH": str(ROOT)}
    surroundings["MPLCONFIGDIR"] = str(home)
    command = [sys.executable, "-c", DRAW]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=surroundings).stdout.split(" ", 2)


def test_a_font_of_the_system_is_taken_where_it_has_the_letter(tmp_path):
    (tmp_path / "fonts").mkdir()
    square_font(tmp_path / "fonts" / "NotoSansSquares-Regular.ttf", "\U000f0123")
    light, told, *_ = drawn(tmp_path)
    assert int(light) >= 2 * 13 * 13  # two full squares of 14 px
    assert int(told) == 0


def test_where_no_font_has_it_that_is_told_once(tmp_path):
    light, told, message = drawn(tmp_path)
    assert int(light) < 100
    assert int(told) == 1
    assert message.startswith("No font of this system has all letters")


@pytest.mark.parametrize("word", ["x" * 250, "WAVii." * 30, "面包汤" * 40])
def test_a_word_that_is_too_long_is_broken_into_the_longest_pieces_that_fit(word):
    pieces = wrap(word, 100, 13)
    assert "".join(pieces) == word
    for piece, following in pairwise(pieces):
        assert length(piece, 13) <= 100 < length(piece + following[0], 13)
