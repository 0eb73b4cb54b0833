"""`python -m gallery`: draws every kind of picture and writes docs/gallery.md."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from gallery import food, page, photographs
from gallery.contents import FOOD, PHOTOGRAPHS, Room
from gallery.drawing import PICTURES, draw
from lightning_viz.food11.drawn import DrawnFood

DOCS = Path(__file__).parents[1] / "docs"
IMAGES = "images/gallery"
INTRODUCTION = """# Gallery

Every kind of picture, as the callbacks draw it (`make gallery`; a few minutes on two cores): first two
photographs with a network that knows ImageNet, EfficientNet-Lite0, then the network of `make demo` on its drawn food.
The photographs come with scikit-image: a cup of espresso by Rachel Michetti and Chelsea the cat by Stefan van der Walt,
both CC0.
"""


def main() -> None:
    """Draws what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m gallery", description="Draws every kind of picture.")
    parser.add_argument("--checkpoint", type=Path, help="the demo's network; without it, it is trained")
    parser.add_argument("--out", type=Path, default=DOCS, help="where gallery.md and its images go")
    given = parser.parse_args()
    shutil.rmtree(given.out / IMAGES, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        parts = [_photographs(Path(folder) / "photographs", given.out)]
        checkpoint = given.checkpoint or food.train(Path(folder) / "demo")
        parts.append(_food(checkpoint, Path(folder) / "food", given.out))
    (given.out / "gallery.md").write_text("\n".join([INTRODUCTION, *parts]))


def _photographs(folder: Path, out: Path) -> str:
    photographs.reach()
    network, data = photographs.EfficientNetLite(), photographs.Photographs()
    draw(network, data, PHOTOGRAPHS.callbacks(), folder)
    return _rooms(folder / PICTURES, out, PHOTOGRAPHS)


def _food(checkpoint: Path, folder: Path, out: Path) -> str:
    network = food.load(checkpoint)
    data = DrawnFood(550, size=network.hparams["size"], seed=1)
    draw(network, data, FOOD.callbacks(), folder)
    return _rooms(folder / PICTURES, out, FOOD)


def _rooms(drawn: Path, out: Path, room: Room) -> str:
    lines = [f"## {room.title}\n"]
    for title, text, shown in room.walls:
        names = page.copied(drawn, shown, out / IMAGES, prefix=room.prefix)
        lines += [f"### {title}\n", f"{text}\n", page.table(shown, names, IMAGES) + "\n"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
