"""A bar that tells which callback is drawing, beside the Trainer's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar
from tqdm import tqdm


@contextmanager
def drawing(trainer: pl.Trainer, name: str) -> Iterator[Callable[[], None]]:
    """Shows `name` and a count of pictures while they are drawn, in the manner of the Trainer's own progress bar.

    Args:
        trainer: The Trainer; without an enabled progress bar, nothing is shown.
        name: What is drawing.

    Yields:
        A function to call after each picture.
    """
    bar = trainer.progress_bar_callback
    if bar is None or not _shows(bar) or _HIDDEN.get():
        yield lambda: None
    elif (rich := getattr(bar, "progress", None)) is not None:
        with _rich_task(rich, name) as advance:
            yield advance
    else:
        form = "{desc}: {n_fmt} done, {elapsed}"
        with tqdm(desc=f"drawing {name}", bar_format=form, position=1, leave=False, dynamic_ncols=True) as line:
            yield lambda: (line.update(), None)[1]


_HIDDEN: ContextVar[bool] = ContextVar("hidden", default=False)


@contextmanager
def hidden() -> Iterator[None]:
    """Inside, nothing is shown: another process has the terminal."""
    before = _HIDDEN.set(True)
    try:
        yield
    finally:
        _HIDDEN.reset(before)


def _shows(bar: ProgressBar) -> bool:
    return bool(getattr(bar, "is_enabled", not bool(getattr(bar, "is_disabled", False))))


@contextmanager
def _rich_task(progress: Any, name: str) -> Iterator[Callable[[], None]]:
    try:  # Rich's live display is the bar's private matter: where it changes, drawing goes on without a line
        # One line for all, hidden in between: Lightning finds its own tasks by position, so none may ever be removed.
        lines = [task.id for task in progress.tasks if task.fields.get("drawing")]
        line = lines[0] if lines else progress.add_task(name, total=float("inf"), visible=False, drawing=True)
        progress.reset(line, description=f"drawing {name}", total=float("inf"), visible=True)
    except Exception:
        yield lambda: None
        return

    def advance() -> None:
        progress.advance(line)
        progress.refresh()

    try:
        yield advance
    finally:
        progress.update(line, visible=False)
