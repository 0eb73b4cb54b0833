"""`python -m gallery`: draws every kind of picture and writes docs/gallery.md."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from gallery import compared, food, page, photographs
from gallery.contents import FOOD, PHOTOGRAPHS, Room
from gallery.drawing import PICTURES, draw
from lightning_viz.food11.drawn import DrawnFood

DOCS = Path(__file__).parents[1] / "docs"
IMAGES = "images/gallery"
INTRODUCTION = """# Gallery

Every kind of picture, as the callbacks draw it (`make gallery`; some minutes on two cores): first two
photographs with a network that knows ImageNet, EfficientNet-Lite0, then the network of `make demo` on its drawn food,
and a transformer beside it.
The photographs come with scikit-image: a cup of espresso by Rachel Michetti and Chelsea the cat by Stefan van der Walt,
both CC0.
"""


def main() -> None:
    """Draws what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m gallery", description="Draws every kind of picture.")
    parser.add_argument("--checkpoint", type=Path, help="the demo's network; without it, it is trained")
    parser.add_argument("--transformer", type=Path, help="that of configs/food_vit.yaml, likewise")
    parser.add_argument("--out", type=Path, default=DOCS, help="where gallery.md and its images go")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=[*PARTS], help="draw these parts, keep the others")
    given = parser.parse_args()
    file = given.out / "gallery.md"
    parts = page.parts(file.read_text()) if file.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            for old in (given.out / IMAGES).glob(f"{name}_*"):
                old.unlink()
            parts |= page.parts(PARTS[name](given, Path(folder)))
    file.write_text("\n".join([INTRODUCTION, *parts.values()]))


def _photographs(given: argparse.Namespace, folder: Path) -> str:
    photographs.reach()
    network, data = photographs.EfficientNetLite(), photographs.Photographs()
    draw(network, data, PHOTOGRAPHS.callbacks(), folder / "photographs")
    return _rooms(folder / "photographs" / PICTURES, given.out, PHOTOGRAPHS)


def _food(given: argparse.Namespace, folder: Path) -> str:
    network = food.load(_demo(given, folder))
    data = DrawnFood(550, size=network.hparams["size"], seed=1)
    draw(network, data, FOOD.callbacks(), folder / "food")
    return _rooms(folder / "food" / PICTURES, given.out, FOOD)


def _transformer(given: argparse.Namespace, folder: Path) -> str:
    trained = given.transformer or food.train(folder / "transformer", config=food.TRANSFORMER)
    networks = {compared.CNN: food.load(_demo(given, folder)), compared.TRANSFORMER: food.load(trained)}
    return compared.part(networks, folder / "compared", given.out, IMAGES)


def _demo(given: argparse.Namespace, folder: Path) -> Path:
    """The checkpoint of the demo's network, which is trained once."""
    given.checkpoint = given.checkpoint or food.train(folder / "demo")
    return Path(given.checkpoint)


def _rooms(drawn: Path, out: Path, room: Room) -> str:
    lines = [f"## {room.title}\n"]
    for title, text, shown in room.walls:
        names = page.copied(drawn, shown, out / IMAGES, prefix=room.prefix)
        lines += [f"### {title}\n", f"{text}\n", page.table(shown, names, IMAGES) + "\n"]
    return "\n".join(lines)


PARTS: dict[str, Callable[[argparse.Namespace, Path], str]] = {
    "photographs": _photographs,
    "food": _food,
    "transformer": _transformer,
}
"""The parts of the page, in their order, by what the names of their pictures begin with."""


if __name__ == "__main__":
    main()
