"""`python -m lightning_viz.tensorboard.export RUN OUT`: the Explanations tab of a run as one HTML file."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from lightning_viz.tensorboard.log import Log
from lightning_viz.tensorboard.opening import is_folder, opened
from lightning_viz.tensorboard.page import page
from lightning_viz.tensorboard.part import EVERYTHING, Part


class NothingToExportError(Exception):
    """A folder that holds nothing to show."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the file, and says where it is and how large.

    Args:
        arguments: Those of the command line by default.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lightning_viz.tensorboard.export",
        description="Writes the Explanations tab as one HTML file, with every epoch's pictures: it opens in a browser "
        "without TensorBoard and without a network.",
        epilog="For example: python -m lightning_viz.tensorboard.export lightning_logs/version_0 run.html --probes 3 "
        "--epochs -1 0 4 9",
    )
    parser.add_argument("run", metavar="RUN", help="the folder of a run, or one with several; also s3:// and the like")
    parser.add_argument("out", metavar="OUT", type=Path, help="the file to write; one that is there is replaced")
    parser.add_argument(
        "--captions",
        action="store_true",
        help="also with the pictures of maps, as they were logged",
    )
    for name, kind, what in (
        ("probes", str, "by their numbers or their tags"),
        ("methods", str, "such as saliency lime"),
        ("epochs", int, "where -1 is the untrained network"),
    ):
        parser.add_argument(f"--{name}", nargs="+", default=[], type=kind, metavar="X", help=f"only these, {what}")
    given = parser.parse_args(arguments)
    part = Part(tuple(given.probes), tuple(given.methods), tuple(given.epochs))
    try:
        shown = export(given.run, given.out, captions=given.captions, part=part)
    except (OSError, ValueError, NothingToExportError) as error:
        parser.error(str(error))
    runs = "1 run" if len(shown) == 1 else f"{len(shown)} runs"
    print(f"{given.out}: {runs}, {given.out.stat().st_size / 1e6:.1f} MB")


def export(folder: str | PathLike[str], out: Path, *, captions: bool = False, part: Part = EVERYTHING) -> list[str]:
    """Writes the runs below a folder as one HTML file.

    Args:
        folder: A run's own folder, or one with several.
        out: The file. It is replaced only when the new one is complete.
        captions: Also with the pictures of what the page paints itself, as they were logged with captions.
        part: What of the runs: some probes, methods and epochs.

    Returns:
        The names of the runs, as the file shows them.

    Raises:
        NotADirectoryError: There is no such folder.
        IsADirectoryError: The file is one.
        NothingToExportError: It holds no event files, or none with pictures.
        ValueError: No run has such a part.
        OSError: The file cannot be written.
    """
    if not is_folder(folder):
        raise NotADirectoryError(f"Expected a folder with the event files of a run, found none at {folder}")
    if out.is_dir():
        raise IsADirectoryError(f"Expected a file to write to, got the folder {out}")
    unfinished = out.with_name(f"{out.name}.part")
    try:
        with unfinished.open("wb") as file, opened(folder) as log:
            runs = log.runs()
            if not runs:
                raise NothingToExportError(_nothing(folder, log))
            shown = names(folder, list(runs))
            file.writelines(page(log, runs, shown, captions=captions, part=part))
        os.replace(unfinished, out)
    finally:
        unfinished.unlink(missing_ok=True)
    return list(shown.values())


def names(folder: str | PathLike[str], runs: Sequence[str]) -> dict[str, str]:
    """The name under which each run is shown: the folder itself, "." to TensorBoard, by its own name."""
    own = Path(folder).resolve().name
    return {run: own if run == "." and own not in runs else run for run in runs}


def _nothing(folder: str | PathLike[str], log: Log) -> str:
    if not log.names():
        return f"Expected event files of TensorBoard in {folder} or below it, found none"
    return f"Expected pictures in the event files of {folder}, found none: train with the callbacks of lightning_viz"


if __name__ == "__main__":
    main()
