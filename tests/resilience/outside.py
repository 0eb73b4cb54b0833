"""Runs that must not share a process with the tests: `program.py SCENARIO LOG_FOLDER CHECKPOINT_FOLDER`."""

import os
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pytorch_lightning as pl
import torch
from projects import fit

from lightning_viz import ConfusionMatrixPanel, DeepDream, Films, SaliencyMaps

torch.set_num_threads(1)


class Interrupts(SaliencyMaps):
    """Presses Ctrl-C in the drawing of the second epoch."""

    def attribute(self, subject, images, targets):
        maps = super().attribute(subject, images, targets)
        if self.epochs == 2:  # the untrained network and the first epoch are drawn
            os.kill(os.getpid(), signal.SIGINT)
        self.epochs += 1
        return maps

    epochs = 0


class InterruptsTheTraining(pl.Callback):
    """Presses Ctrl-C in the second epoch."""

    def on_train_batch_start(self, trainer, *args):
        if trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)


class InterruptsItself(Films):
    """Is stopped by Ctrl-C in its turn."""

    def _make(self):
        super()._make()
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not stopped")


class Locks(pl.Callback):
    """Takes the right to write in the log folder away after the first epoch."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            for path in [self.folder, *self.folder.rglob("*")]:
                if path.is_dir():
                    path.chmod(0o555)


def main(scenario, folder, kept):
    checkpoint = pl.callbacks.ModelCheckpoint(kept, save_top_k=-1)
    common = {"enable_checkpointing": True}
    if scenario == "full":
        # A filler leaves less than the pictures would need, so that the limit is met on the way.
        (folder / "filler").write_bytes(bytes(3 * 2**20))
        panels = [SaliencyMaps(), DeepDream(iterations=1), ConfusionMatrixPanel()]
        fit(folder / "log", [*panels, checkpoint], **common)
        print("free at the end:", shutil.disk_usage(folder).free / 2**20, "MiB")
    elif scenario == "read_only":
        folder.mkdir()
        fit(
            folder,
            [SaliencyMaps(), DeepDream(iterations=1), Locks(folder), checkpoint],
            logger=False,
            default_root_dir=folder,
            max_epochs=3,
            **common,
        )
    elif scenario == "interrupted":
        fit(folder, [checkpoint, Interrupts()], **common)
    elif scenario == "films":
        fit(folder, [SaliencyMaps(), InterruptsTheTraining(), Films(), InterruptsItself()], **common)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
