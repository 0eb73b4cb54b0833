"""`python -m gallery.front RUN`: README's first pictures, from the films of `make demo`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageSequence

IMAGES = Path(__file__).parents[1] / "docs" / "images"
EGG, LAST, GAP, QUALITY = "probe_02_egg", -1, 6, 70
EPOCHS = (0, 1, 3, 7, LAST)
"""Frames of a film, whose first one is of the untrained network."""

Frames = Sequence[Sequence[tuple[str, int]]]
"""Of a picture: in rows, each place's film and frame."""

PICTURES: dict[str, Frames] = {
    "film_egg.jpg": [
        [(f"{EGG}/film_{what}", k) for k in EPOCHS] for what in ("smoothgrad", "lime", "deep_dream_cnn_16")
    ],
    "saliency.jpg": [[(f"{EGG}/film_{what}", LAST) for what in ("input", "saliency", "smoothgrad")]],
    "activations.jpg": [[(f"{EGG}/film_activations_cnn_6", LAST), ("probe_06_soup/film_activations_cnn_6", LAST)]],
    "lime.jpg": [[(f"{probe}/film_lime", LAST) for probe in ("probe_00_bread", EGG, "probe_06_soup")]],
    "confusions.jpg": [
        [("confusions/val/film_1", LAST), ("confusions/val/film_2", LAST), ("confusions/val/film_changes", 3)]
    ],
}


def main() -> None:
    """Draws them all."""
    parser = argparse.ArgumentParser(prog="python -m gallery.front", description="Draws README's pictures of a run.")
    parser.add_argument("run", type=Path, help="of make demo, such as runs/demo/version_0")
    films = parser.parse_args().run / "films"
    for name, rows in PICTURES.items():
        _sheet([[_frame(films, *place) for place in row] for row in rows]).save(
            IMAGES / name, quality=QUALITY, optimize=True
        )
    Image.open(films / EGG / "filmstrip.jpg").save(IMAGES / "filmstrip.jpg", quality=QUALITY, optimize=True)


def _frame(films: Path, film: str, k: int) -> Image.Image:
    return [frame.convert("RGB") for frame in ImageSequence.Iterator(Image.open(films / f"{film}.webp"))][k]


def _sheet(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    heights = [max(image.height for image in row) + GAP for row in rows]
    width = max(sum(image.width + GAP for image in row) for row in rows)
    sheet = Image.new("RGB", (width - GAP, sum(heights) - GAP), "white")
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            sheet.paste(image, (sum(left.width + GAP for left in row[:j]), sum(heights[:i])))
    return sheet


if __name__ == "__main__":
    main()
