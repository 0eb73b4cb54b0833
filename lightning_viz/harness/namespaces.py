"""Lightning's two names: `pytorch_lightning` and `lightning.pytorch` hold different classes of the same code."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

import pytorch_lightning as pl


def _installed() -> tuple[type, ...]:
    classes: tuple[type, ...] = (pl.Callback,)
    if find_spec("lightning") is not None:
        with suppress(Exception):  # what nobody can import, nobody uses
            classes += (import_module("lightning.pytorch").Callback,)
    return classes


class Callback(*_installed()):  # type: ignore[misc]
    """A callback of every installed Lightning, so that it is one to each of their Trainers and LightningCLIs."""
