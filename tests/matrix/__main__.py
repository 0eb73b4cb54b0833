"""Prints the table, a row as soon as it is known; exit code 1 if any is not as it must be."""

import argparse
import sys
import tempfile
from pathlib import Path

from .quietly import quietly
from .row import CONTROL, row
from .table import ROWS

WIDTHS = (max(map(len, [*ROWS, CONTROL])), 9, 8, 7)


def _line(*cells: str) -> None:
    print(f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))} |", flush=True)


def main() -> int:
    """Runs the rows that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*ROWS, CONTROL], help="these rows")
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--guard", action="store_true", help="with networks that cannot be copied")
    given = parser.parse_args()
    names = [name for name in ROWS if given.accelerator == "gpu" or not ROWS[name].gpu]
    quietly()
    _line("configuration", "training", "pictures", "seconds")
    _line(*("-" * width for width in WIDTHS))
    good = True
    for name in given.only or [*names, CONTROL]:
        with tempfile.TemporaryDirectory() as folder:
            found = row(name, Path(folder), given.accelerator, guard=given.guard)
        _line(name, found.verdict, str(found.pictures or ""), f"{found.seconds:.1f}")
        good &= found.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
