"""A row of the table: a configuration without any callback against the same with all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .callbacks import everything, unisolated
from .outcome import Outcome, run
from .program import run_program
from .table import ROWS

CONTROL = "negative control: plain, without isolation"


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: Of the configuration.
        verdict: `same`, `DIFFERENT` with what differs, or why there is nothing to compare.
        pictures: How many were drawn.
        seconds: How long it took.
        good: Whether it came out as it must.
    """

    name: str
    verdict: str
    pictures: int = 0
    seconds: float = 0.0
    good: bool = True


def row(name: str, folder: Path, accelerator: str, *, guard: bool = False) -> Row:
    """Runs one row.

    Args:
        name: Of the row.
        folder: An empty one, for the logs.
        accelerator: `"cpu"` or `"gpu"`.
        guard: Whether the network cannot be copied, and so is explained in its place.
    """
    begin = time.perf_counter()
    missing = "" if name == CONTROL else ROWS[name].missing()
    if missing:
        return Row(name, f"did not run: {missing}")
    try:
        differing, pictures = _compared(name, folder, accelerator, guard)
    except Exception as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        return Row(name, f"FAILED: {told}", seconds=time.perf_counter() - begin, good=False)
    verdict = f"DIFFERENT: {_some(differing)}" if differing else "same"
    good = bool(differing) if name == CONTROL else not differing and pictures > 0
    return Row(name, verdict, pictures, time.perf_counter() - begin, good)


def _compared(name: str, folder: Path, accelerator: str, guard: bool) -> tuple[list[str], int]:
    """What differs, and how many pictures were drawn."""
    train = _trained(name, accelerator, guard)
    without, drawn = train(folder / "without", False), train(folder / "with", True)
    pairs = zip(without, drawn, strict=True)
    differing = [what for one, other in pairs for what in one.differences(other)]
    if (
        differing
        and name != CONTROL
        and any(one.differences(again) for one, again in zip(without, train(folder / "again", False), strict=True))
    ):
        differing.insert(0, "(it differs by itself)")
    return differing, max(outcome.pictures for outcome in drawn)


def _trained(name: str, accelerator: str, guard: bool) -> Callable[[Path, bool], list[Outcome]]:
    configuration = ROWS["plain" if name == CONTROL else name]
    every = partial(
        everything, attends=configuration.attends, deep=configuration.deep, background=configuration.background
    )
    tried: Callable[[], list[Any]] = unisolated if name == CONTROL else every

    def train(folder: Path, drawing: bool) -> list[Outcome]:
        if configuration.program:
            return run_program(name, folder, drawing=drawing, accelerator=accelerator, guard=guard)
        return [run(configuration, folder, tried if drawing else list, accelerator, guard=guard)]

    return train


def _some(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
