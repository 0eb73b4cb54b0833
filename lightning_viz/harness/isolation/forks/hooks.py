"""A batch on its way to the network, through hooks of the user's that move nothing of his."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.trainer.states import RunningStage
from torch import Tensor, nn

from lightning_viz.harness.isolation.copies.mirror import Mirror
from lightning_viz.harness.isolation.forks.elsewhere import held_generators
from lightning_viz.harness.isolation.things.reach import reachable

_LARGE = 2**22
"""Numbers in a tensor of a data module from which on it counts as data, which are not copied."""


def as_validation_batch(trainer: pl.Trainer, module: nn.Module, batch: Any) -> Any:
    """What the network would get of a batch in validation: on its device, after the transfer hooks.

    Args:
        trainer: The Trainer.
        module: The LightningModule that is explained, whose hooks count; those of a data module run on a copy of it.
        batch: As its loader gave it.
    """
    hooks = trainer._data_connector._datahook_selector
    owners = {
        name: hooks.get_instance(name) if hooks is not None else trainer.lightning_module
        for name in ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
    }
    stand_ins: dict[int, Any] = {id(trainer.lightning_module): module}
    with _as_validation(trainer), held_generators(getattr(trainer, "datamodule", None)):
        for name, owner in owners.items():
            if id(owner) not in stand_ins:
                stand_ins[id(owner)] = _copied(owner)
            where = (trainer.strategy.root_device,) if name == "transfer_batch_to_device" else ()
            batch = getattr(stand_ins[id(owner)], name)(batch, *where, 0)
    return batch


def _copied(datamodule: Any) -> Any:
    """A data module with the same data; the same one where it cannot be copied."""
    made, mirror = copy.copy(datamodule), Mirror()
    mirror.pair(datamodule, made)
    attributes = dict(vars(datamodule))
    for thing in reachable(attributes):
        if isinstance(thing, (Tensor, np.ndarray)) and np.prod(thing.shape) >= _LARGE:
            mirror.pair(thing, thing)
    try:
        vars(made).update(mirror.copied(attributes))
    except Exception:  # whatever a user's objects do when they are copied
        return datamodule
    return made


@contextmanager
def _as_validation(trainer: pl.Trainer) -> Iterator[None]:
    stage = trainer.state.stage
    try:
        trainer.state.stage = RunningStage.VALIDATING
        yield
    finally:
        trainer.state.stage = stage
