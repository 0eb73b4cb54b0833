"""One way to train a project."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
from projects import Project, loaders


def always() -> str:
    """For what runs on any machine."""
    return ""


@dataclass(frozen=True)
class Configuration:
    """One way to train; one row of the table.

    Attributes:
        module: Makes the LightningModule.
        data: Makes the arguments of `fit` that hold the loaders.
        trainer: Arguments of the Trainer.
        callbacks: Makes the callbacks that the project has of its own.
        interrupted: Stop after this many optimizer steps, and resume from a checkpoint.
        program: Run as a program of its own, as a launcher of several processes needs it.
        background: Whether the callbacks draw beside the training.
        attends: Whether the network is a transformer, and callbacks of attention are on too.
        deep: Whether the images are volumes or clips, of which not all callbacks make pictures.
        gpu: Whether it is for GPUs only.
        missing: Says what this machine lacks for it; nothing if it lacks nothing.
    """

    module: Callable[[], pl.LightningModule] = Project
    data: Callable[[], dict[str, Any]] = loaders
    trainer: Mapping[str, Any] = field(default_factory=dict)
    callbacks: Callable[[], list[pl.Callback]] = list
    interrupted: int = 0
    program: bool = False
    background: bool = False
    attends: bool = False
    deep: bool = False
    gpu: bool = False
    missing: Callable[[], str] = always
