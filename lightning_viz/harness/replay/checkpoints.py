"""Checkpoints of a run: which files, and at which moment of the run each was saved."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lightning_viz.harness.folders import Place, matches, place, readable


@dataclass(frozen=True)
class Moment:
    """When a checkpoint was saved.

    Attributes:
        path: The file.
        epoch: The epoch that was trained, or had just been.
        global_step: Optimizer steps so far, as the Trainer counts them.
        step: The step at which Lightning logged the scalars of that moment.
    """

    path: Place
    epoch: int
    global_step: int
    step: int

    @property
    def when(self) -> str:
        """The file and its moment, in words."""
        return f"{self.path.name}, epoch {self.epoch}, step {self.step}" if self.global_step else self.path.name


def find(checkpoints: str | Path | Sequence[str | Path]) -> list[Place]:
    """The files that are meant.

    Args:
        checkpoints: A file, a pattern such as `"FOLDER/*.ckpt"`, a folder (all `*.ckpt` in it and below), or several.

    Raises:
        ValueError: There are none.
    """
    specs = [checkpoints] if isinstance(checkpoints, (str, Path)) else list(checkpoints)
    found = [_files(spec) if str(spec) else [] for spec in specs]
    missing = [str(spec) for spec, files in zip(specs, found, strict=True) if not files]
    if missing or not found:
        raise ValueError(
            f"Expected checkpoints, found no file for {' and '.join(map(repr, missing)) or repr(checkpoints)} in "
            f"{Path.cwd()}: pass checkpoints= as a pattern such as 'runs/version_0/checkpoints/*.ckpt', a folder or "
            "paths."
        )
    return list({path.resolve(): path for files in found for path in files}.values())


def _files(spec: str | Path) -> list[Place]:
    named = place(spec)
    if named.is_dir():
        return sorted(named.rglob("*.ckpt"), key=str)
    return [named] if named.exists() else matches(str(spec))


def read(path: Place, *, weights_only: bool) -> dict[str, Any]:
    """Reads a checkpoint to the CPU.

    Args:
        path: The file.
        weights_only: Whether nothing but tensors and plain values may be in it, so that reading it runs no code.

    Raises:
        ValueError: It cannot be read, or is no checkpoint of Lightning.
    """
    try:
        checkpoint = torch.load(readable(path), map_location="cpu", weights_only=weights_only)
    except Exception as error:
        raise ValueError(_unread(error)) from error
    needed = ("state_dict", "epoch", "global_step")
    missing = [name for name in needed if not isinstance(checkpoint, Mapping) or name not in checkpoint]
    if missing:
        raise ValueError(f"it is no checkpoint of Lightning, which has {' and '.join(map(repr, missing))}")
    return dict(checkpoint)


def moment_of(path: Place, checkpoint: Mapping[str, Any]) -> Moment:
    """When a checkpoint was saved, by the progress of the loops in it; without, by its `epoch` and `global_step`."""
    epoch, global_step = int(checkpoint["epoch"]), int(checkpoint["global_step"])
    try:
        loop = checkpoint["loops"]["fit_loop"]
        progress, step = loop["epoch_progress"]["current"], int(loop["epoch_loop.state_dict"]["_batches_that_stepped"])
    except KeyError:
        return Moment(path, epoch, global_step, max(global_step - 1, 0))
    # `checkpoint["epoch"]` counts on as soon as an epoch has ended, and so does the step between two epochs.
    between = progress["processed"] == progress["started"]
    return Moment(path, progress["started"] - 1, global_step, max(step - int(between), 0))


def in_order(moments: Sequence[Moment]) -> list[Moment]:
    """One checkpoint per step, in the order of the steps; of several, such as `last.ckpt`, the first by name."""
    ordered = sorted(moments, key=lambda moment: (moment.global_step, str(moment.path)))
    return list({moment.global_step: moment for moment in reversed(ordered)}.values())[::-1]


def reason(error: Exception) -> str:
    """In one line, why a checkpoint cannot be used."""
    return textwrap.shorten(str(error), 300)


def _unread(error: Exception) -> str:
    if "Unsupported global" in str(error):
        return (
            "it holds more than tensors and plain values, which may run any code when it is read: pass "
            "weights_only=False if you trust where it comes from"
        )
    return f"it cannot be read, and may be cut short or no checkpoint at all ({type(error).__name__}: {error})"
