"""The page's colours are those of the pictures."""

import re
from pathlib import Path

import numpy as np
import pytest

from lightning_viz.render.color import AGAINST, FOR, diverging, sequential
from lightning_viz.tensorboard import front

SOURCE = Path(front.FOLDER, "colours.js").read_text()


@pytest.mark.parametrize(("name", "colours", "low"), [("SEQUENTIAL", sequential, 0), ("DIVERGING", diverging, -1)])
def test_the_pages_colour_maps_are_those_of_the_pictures(name, colours, low):
    (code,) = re.findall(rf"{name} = table\(([^)]+)\)", SOURCE)
    own = np.frombuffer(bytes.fromhex("".join(re.findall("[0-9a-f]+", code))), np.uint8).reshape(-1, 3)
    assert np.array_equal(own, colours(np.linspace(low, 1, 256)[None])[0])


@pytest.mark.parametrize(("name", "colour"), [("FOR", FOR), ("AGAINST", AGAINST)])
def test_what_lies_over_images_has_their_colours(name, colour):
    (code,) = re.findall(rf"{name} = \[([^]]+)\]", SOURCE)
    assert tuple(map(int, code.split(","))) == colour
