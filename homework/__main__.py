"""`python -m homework`: trains the food classifier, asks it the homework's four questions and writes homework.md."""

from __future__ import annotations

import argparse
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl

from gallery.food import train
from homework.answers import DRAWN, Answers
from homework.network import study
from homework.texts import LANGUAGES, Wording
from lightning_viz.render.fonts import missing


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, draws and writes.

    Args:
        arguments: Those of the command line by default; what is not known here goes to `train.py fit`.
    """
    parser = argparse.ArgumentParser(
        prog="python -m homework",
        description="Answers the homework's four questions. Further arguments go to `train.py fit`.",
    )
    parser.add_argument("--data.root", dest="root", metavar="FOLDER", help="Food-11; without it, food is drawn")
    parser.add_argument("--data.seed", dest="seed", type=int, default=0, help="which food is drawn")
    parser.add_argument("--out", type=Path, default=Path("runs/homework"), help="where homework.md and its images go")
    parser.add_argument("--checkpoint", type=Path, help="a trained network; without it, the demo's is trained")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="English, or Chinese as in the course")
    given, options = parser.parse_known_args(arguments)
    if given.root is not None:
        options += ["--data.root", str(Path(given.root).resolve())]
    options += ["--data.seed", str(given.seed)]
    if given.checkpoint is not None and not given.checkpoint.is_file():
        parser.error(f"expected a file for --checkpoint, found none at {given.checkpoint}")
    say = Wording(given.language)
    if without := missing("".join(say.classes)):
        parser.error(
            f"expected a font that has the letters of the classes, found none with {without}: install one, for "
            "example Noto Sans CJK (on Debian: apt-get install fonts-noto-cjk)"
        )
    # Nothing else: what is there may be the user's, the checkpoint among it.
    shutil.rmtree(given.out / DRAWN, ignore_errors=True)
    given.out.mkdir(parents=True, exist_ok=True)
    checkpoint = given.checkpoint or train(given.out / "training", options)
    pl.seed_everything(0, verbose=False)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    page = given.out / "homework.md"
    page.write_text(Answers(study(checkpoint, given.root, given.seed), given.out, say).page(), encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
