"""Make a contact sheet: `python -m lightning_viz.food11.drawn --sheet out.png`."""

import argparse
from collections.abc import Sequence

from PIL import Image

from lightning_viz.food11.drawn.sheet import contact_sheet


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lightning_viz.food11.drawn",
        description="Draw a contact sheet of the drawn food set: one row per class.",
    )
    parser.add_argument("--sheet", required=True, metavar="FILE", help="the picture to write, for example out.png")
    parser.add_argument("--size", type=int, default=128, help="pixels per side of each picture (default: 128)")
    parser.add_argument("--seed", type=int, default=0, help="which set to draw (default: 0)")
    parser.add_argument("--per-class", type=int, default=8, help="pictures per class (default: 8)")
    parser.add_argument("--no-labels", action="store_true", help="leave the class names out, to guess them")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the sheet the command line asks for; arguments default to the command line's."""
    parser = _parser()
    args = parser.parse_args(arguments)
    try:
        sheet = contact_sheet(size=args.size, seed=args.seed, per_class=args.per_class, labels=not args.no_labels)
        Image.fromarray(sheet).save(args.sheet)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
