"""`python -m lightning_viz.tensorboard.findings RUN`: prints what a run taught."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lightning_viz.tensorboard.findings.report import findings


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints.

    Args:
        arguments: Those of the command line by default.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lightning_viz.tensorboard.findings",
        description="Says what a run taught, in sentences with their numbers, from its log alone.",
        epilog="For example: python -m lightning_viz.tensorboard.findings runs/demo/version_0",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--json", action="store_true", help="for programs: kind, text, numbers, pictures and step")
    given = parser.parse_args(arguments)
    try:
        found = findings(given.run)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(found.json() if given.json else found.text())


if __name__ == "__main__":
    main()
