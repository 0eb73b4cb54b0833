"""What the callbacks keep in Lightning's checkpoints: one entry, with a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_warn

from lightning_viz.harness.run.run import run_of

T = TypeVar("T")

KEY, VERSION = "lightning_viz", 1
_OLDER = {
    "maps": "lightning_viz_kept",
    "ascents": "lightning_viz_ascents",
    "confusions": "lightning_viz_confusions",
    "best": "lightning_viz_record",
    "frames": "lightning_viz.frames",
}
"""Where these parts were before there was one entry."""


def entry(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The entry of a checkpoint that is about to be saved, by parts; all callbacks of a run share it.

    Example:
        >>> entry({})
        {'version': 1}
    """
    found: dict[str, Any] = checkpoint.setdefault(KEY, {"version": VERSION})
    return found


def taken(trainer: pl.Trainer, checkpoint: Mapping[str, Any], part: str, read: Callable[[Any], T]) -> T | None:
    """A part of a checkpoint's entry, of this version or the one before.

    Args:
        trainer: Which is about to go on from the checkpoint.
        checkpoint: As it was loaded; it may come from anywhere.
        part: Its name.
        read: Checks what was found and returns it as it is wanted; whatever it raises means that it cannot be used.

    Returns:
        None where there is none, or none that can be used, of which the user is told once.
    """
    try:
        if KEY not in checkpoint:
            return read(checkpoint[_OLDER[part]]) if _OLDER[part] in checkpoint else None
        found = _checked(checkpoint[KEY])
        return read(found[part]) if part in found else None
    except Exception as error:
        text = unusable(str(error) if isinstance(error, ValueError) else f"{part!r} has another shape")
        if run_of(trainer).claims.first_time(text):
            rank_zero_warn(text)
        return None


def unusable(reason: str) -> str:
    """What the user is told of what cannot be used."""
    return (
        f"What the checkpoint keeps for lightning_viz cannot be used: {reason}. So its pictures and figures begin "
        "anew; training goes on from the checkpoint as it should."
    )


def _checked(found: Any) -> Mapping[str, Any]:
    if not isinstance(found, Mapping) or not isinstance(found.get("version"), int):
        raise ValueError("it has another shape")
    if found["version"] != VERSION:
        raise ValueError(f"it is of version {found['version']}, and this package reads version {VERSION}")
    return found
