"""A run's explanations inside a notebook."""

from __future__ import annotations

from html import escape
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lightning_viz.tensorboard.export import export


class Shown:
    """The exported page of a run, as notebooks display it.

    Args:
        page: All of it, HTML.
        height: Of its frame, in pixels.
    """

    def __init__(self, page: str, height: int) -> None:
        self._page, self._height = page, height

    def _repr_html_(self) -> str:
        # In the notebook itself, not in a file beside it: wherever the notebook is opened, there is the page.
        style = f"width: 100%; height: {self._height}px; border: 0"
        return f'<iframe title="Explanations" style="{style}" srcdoc="{escape(self._page)}"></iframe>'


def show(run: Any, *, height: int = 720) -> None:
    """Shows the Explanations tab of a run in a notebook, as it is now: with all epochs, without a server.

    The page becomes a part of the notebook, and makes it larger by its own size.

    Args:
        run: A Trainer, or the log folder of a run or of several.
        height: Of the frame, in pixels.

    Raises:
        ImportError: This is no notebook.
        ValueError: The Trainer logs to no folder.
        NotADirectoryError: There is no such folder.
        NothingToExportError: It holds no pictures.
    """
    try:
        display = import_module("IPython.display").display
    except ImportError:
        raise ImportError(
            "Expected a notebook, received a Python without IPython: the same page as a file comes from "
            "python -m lightning_viz.tensorboard.export RUN OUT."
        ) from None
    display(Shown(page_of(run), height))


def page_of(run: Any) -> str:
    """The exported page of a Trainer's run, or of a log folder.

    Raises:
        ValueError: The Trainer logs to no folder.
        NotADirectoryError: There is no such folder.
        NothingToExportError: It holds no pictures.
    """
    folder = run if isinstance(run, (str, Path)) else getattr(run, "log_dir", None)
    if folder is None:
        raise ValueError(f"Expected a Trainer with a log folder, or the folder of a run, received {run!r}.")
    with TemporaryDirectory() as place:
        file = Path(place, "run.html")
        export(folder, file)
        return file.read_text("utf-8")
