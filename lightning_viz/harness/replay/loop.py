"""What a Trainer runs instead of its epochs: checkpoints that stand in for the training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from itertools import chain
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from lightning_viz.harness.folders import Place
from lightning_viz.harness.namespaces import Callback
from lightning_viz.harness.replay.checkpoints import Moment, in_order, moment_of, read, reason
from lightning_viz.harness.replay.following import Following, tell_deleted
from lightning_viz.harness.run.processes import attempt
from lightning_viz.harness.run.run import run_of


class Checkpoints:
    """Stands in for the `run` of a Trainer's fit loop.

    Args:
        trainer: The Trainer.
        source: Files, in any order, or those that are still to come.
        weights_only: How they are read.
    """

    def __init__(self, trainer: pl.Trainer, source: Sequence[Place] | Following, *, weights_only: bool) -> None:
        self._trainer = trainer
        self._source = source
        self._weights_only = weights_only

    def __call__(self) -> None:
        """Has every checkpoint drawn.

        Raises:
            ValueError: None of them can be used.
        """
        trainer = self._trainer
        _load_data(trainer)
        bar = trainer.progress_bar_callback
        taking_part = [c for c in _callbacks(trainer) if isinstance(c, Callback) or c is bar]
        with swapped(trainer, "callbacks", taking_part), _weights_kept(trainer):
            moments = self._moments()
            run_of(trainer).batches_pass = False
            first = next(moments, None)
            if first is not None and first.global_step == 0 and self._loaded(first):
                first = None
            _call(trainer, "on_train_start")
            _show_stream(trainer)
            for moment in chain([first] if first is not None else [], moments):
                if self._loaded(moment):
                    _draw(trainer, moment)
            _call(trainer, "on_train_end")

    def _moments(self) -> Iterator[Moment]:
        """Those that can be used. The first process decides for all, so that none waits for another in vain."""
        processes = run_of(self._trainer).processes
        if isinstance(self._source, Following):
            found = self._source(self._tried)
            while (moment := processes.agree(lambda: next(found, None) if processes.rank == 0 else None)) is not None:
                rank_zero_info(f"Replaying {moment.when}")
                yield moment
            return
        paths = self._source
        usable = processes.agree(lambda: self._usable(paths))
        untrained = int(usable[0].global_step == 0)
        for number, moment in enumerate(usable, start=1 - untrained):
            if number:
                rank_zero_info(f"Replaying {number} of {len(usable) - untrained}: {moment.when}")
            yield moment

    def _loaded(self, moment: Moment) -> bool:
        """Whether the model has the weights of a moment now; not where its file has been deleted meanwhile."""
        _, error = attempt(lambda: self._load(moment.path))
        gone = isinstance(self._source, Following) and not moment.path.exists()
        if any(run_of(self._trainer).processes.exchange(gone and error is not None)):
            tell_deleted(moment.path)
            return False
        if error is not None:
            raise error
        return True

    def _tried(self, path: Place) -> dict[str, Any]:
        """What a file holds, if the model can be given its weights."""
        with _weights_kept(self._trainer):
            return self._load(path)

    def _usable(self, paths: Sequence[Place]) -> list[Moment]:
        moments, refused = list[Moment](), list[str]()
        for path in paths:
            try:
                moments.append(moment_of(path, self._tried(path)))
            except Exception as error:
                refused.append(f"{path}: {reason(error)}")
        if not moments:
            raise ValueError(
                f"Expected checkpoints of {type(self._trainer.lightning_module).__name__}, built with the arguments of "
                "the run that saved them, received none that can be used:\n" + "\n".join(refused)
            )
        for text in refused:
            rank_zero_warn(f"A checkpoint is left out. {text}")
        ordered = in_order(moments)
        if others := [str(moment.path) for moment in moments if moment not in ordered]:
            rank_zero_info(f"Left out, since there are others of the same steps: {', '.join(others)}")
        return ordered

    def _load(self, path: Place) -> dict[str, Any]:
        checkpoint = read(path, weights_only=self._weights_only)
        module = self._trainer.lightning_module
        module.on_load_checkpoint(checkpoint)
        self._trainer.strategy.load_model_state_dict(checkpoint, strict=module.strict_loading)
        return checkpoint


def is_replay(trainer: pl.Trainer) -> bool:
    """Whether checkpoints stand in for the training."""
    return isinstance(trainer.fit_loop.run, Checkpoints)


def stand_at(trainer: pl.Trainer, *, epoch: int, global_step: int, step: int) -> None:
    """Sets the progress of a Trainer to where it is after the last batch of an epoch.

    Args:
        trainer: The Trainer.
        epoch: The epoch.
        global_step: Optimizer steps so far.
        step: At which scalars are logged now.
    """
    loop, current = trainer.fit_loop.epoch_loop, trainer.fit_loop.epoch_progress.current
    current.ready, current.completed = epoch + 1, epoch
    vars(current).update(started=epoch + 1, processed=epoch)
    loop.automatic_optimization.optim_progress.optimizer.step.total.completed = global_step
    loop.manual_optimization.optim_step_progress.total.completed = global_step
    loop._batches_that_stepped = step


def _load_data(trainer: pl.Trainer) -> None:
    trainer.fit_loop.setup_data()
    if trainer.enable_validation:
        trainer.validating = True
        trainer.fit_loop.epoch_loop.val_loop.setup_data()
        trainer.training = True


def _show_stream(trainer: pl.Trainer) -> None:
    """Lets training batches pass for as long as probes are looked for in them."""
    run, module, batches = run_of(trainer), trainer.lightning_module, trainer.fit_loop._combined_loader
    if batches is None or not run.looks_for_more("train"):
        return
    for batch, index, _ in batches:
        converted = module._on_before_batch_transfer(trainer.precision_plugin.convert_input(batch))
        _call(trainer, "on_train_batch_start", trainer.strategy.batch_to_device(converted), index)
        if not run.looks_for_more("train"):
            return


def _draw(trainer: pl.Trainer, moment: Moment) -> None:
    """Calls what the Trainer calls after a step, in a validation and after an epoch."""
    loop = trainer.fit_loop.epoch_loop
    stand_at(trainer, epoch=moment.epoch, global_step=moment.global_step, step=moment.step)
    _call(trainer, "on_train_batch_end", None, None, 0)
    if loop._should_check_val_epoch():
        trainer.validating = True
        loop.val_loop.run()
        trainer.training = True
    loop._batches_that_stepped += 1
    _call(trainer, "on_train_epoch_end")
    trainer.fit_loop.epoch_progress.current.completed += 1


def _callbacks(trainer: pl.Trainer) -> list[Any]:
    return list(trainer.callbacks)  # type: ignore[attr-defined]


def _call(trainer: pl.Trainer, hook: str, *arguments: Any) -> None:
    for callback in _callbacks(trainer):
        if isinstance(callback, Callback):
            getattr(callback, hook)(trainer, trainer.lightning_module, *arguments)


@contextmanager
def swapped(owner: Any, name: str, *value: Any) -> Iterator[None]:
    """Lets an attribute have another value meanwhile, or a copy of its own."""
    own, before = name in vars(owner), getattr(owner, name)
    setattr(owner, name, value[0] if value else deepcopy(before))
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)


@contextmanager
def _weights_kept(trainer: pl.Trainer) -> Iterator[None]:
    """Puts the weights back afterwards, from a copy on the CPU."""
    state = trainer.lightning_module.state_dict()
    for name, value in state.items():
        state[name] = value.detach().cpu().clone() if isinstance(value, Tensor) else deepcopy(value)
    try:
        yield
    finally:
        trainer.strategy.load_model_state_dict({"state_dict": state}, strict=True)
