"""The weights of a run, kept for whoever draws them elsewhere."""

from __future__ import annotations

import io
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Optional

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn

from lightning_viz.harness.arguments import whole
from lightning_viz.harness.folders import Place, place
from lightning_viz.harness.namespaces import Callback
from lightning_viz.harness.remote import Remote
from lightning_viz.harness.replay.following import OVER
from lightning_viz.harness.replay.loop import is_replay


class Snapshots(Callback):
    """Saves the weights for another process that draws them while the training goes on: `replay(..., follow=True)`.

    The only callback that the training needs then. Saved are `<log folder>/snapshots/epoch=3-step=24.ckpt`, checkpoints
    of weights and progress without optimizers, the untrained network's too: copied at once, and written by a thread,
    under another name until they are whole. When the run has ended, a file `over` tells whoever waits for more.

    Args:
        every_n_epochs: Save at the end of every n-th epoch.
        keep: How many of the last ones are kept; None keeps all.

    Raises:
        ValueError: Either is below 1.
    """

    def __init__(self, *, every_n_epochs: int = 1, keep: Optional[int] = None) -> None:  # noqa: UP045
        super().__init__()
        self.every_n_epochs = whole("every_n_epochs", every_n_epochs)
        self.keep = whole("keep", keep, none=True)
        self._folder: Place | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._written: list[Place] = []
        self._writing: Future[str | None] | None = None
        self._warned = False

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to the run."""
        return {**vars(self), "_thread": None, "_writing": None}

    # Lightning's hooks

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins, with the untrained network."""
        folder = trainer.log_dir or trainer.default_root_dir  # asks all processes
        self._folder, self._written, self._writing, self._warned = None, [], None, False
        if trainer.fast_dev_run or is_replay(trainer):  # type: ignore[attr-defined]
            return
        self._folder = place(folder) / "snapshots"
        if trainer.is_global_zero:
            with suppress(*[OSError] if isinstance(self._folder, Remote) else []):  # the first snapshot meets it too
                self._folder.mkdir(parents=True, exist_ok=True)
                (self._folder / OVER).unlink(missing_ok=True)
            self._thread = ThreadPoolExecutor(1)
        if trainer.global_step == 0:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves."""
        if (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._save(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Says that there will be no more."""
        self._end()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Says that there will be no more."""
        self._end()

    def _save(self, trainer: pl.Trainer) -> None:
        if self._folder is None:
            return
        saved = trainer._checkpoint_connector.dump_checkpoint(weights_only=True)  # by all processes
        if self._thread is None:
            return
        self._await()  # one at a time, lest they pile up where the disk is slow
        state = {name: _copied(value) for name, value in saved["state_dict"].items()}
        path = self._folder / f"epoch={trainer.current_epoch}-step={trainer.global_step}.ckpt"
        if trainer.global_step == 0:
            path = path.with_name("untrained.ckpt")
        self._writing = self._thread.submit(self._write, {**saved, "state_dict": state}, path)

    def _await(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None and (failure := writing.result()) is not None:
            if not self._warned:
                rank_zero_warn(f"Snapshots could not write {failure}. Training goes on, without telling of later ones.")
            self._warned = True

    def _write(self, checkpoint: dict[str, Any], path: Place) -> str | None:
        """Writes a file, in a thread; what hinders it, if anything does."""
        try:
            _save(checkpoint, path)
            self._written.append(path)
            while self.keep is not None and len(self._written) > self.keep:
                self._written.pop(0).unlink(missing_ok=True)
        except (OSError, RuntimeError) as error:  # a full disk, which `torch.save` reports as either
            return f"{path}: {error}"
        return None

    def _end(self) -> None:
        if self._thread is not None and self._folder is not None:
            self._await()
            self._thread.shutdown()
            with suppress(OSError):
                (self._folder / OVER).touch()
        self._thread = None


def _save(checkpoint: dict[str, Any], path: Place) -> None:
    """Writes a file that is there as a whole or not at all."""
    if isinstance(path, Remote):
        content = io.BytesIO()
        torch.save(checkpoint, content)
        path.write_bytes(content.getvalue())
        return
    half = path.with_suffix(".part")
    try:
        torch.save(checkpoint, half)
        os.replace(half, path)
    except (OSError, RuntimeError):
        half.unlink(missing_ok=True)
        raise


def _copied(value: Any) -> Any:
    """A tensor as it is now, on the CPU."""
    return value.detach().to("cpu", copy=True) if isinstance(value, torch.Tensor) else value
