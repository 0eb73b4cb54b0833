"""Runs that must not share a process with the tests."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytorch_lightning as pl
from projects import Project, fit, loaders
from pytorch_lightning.callbacks import OnExceptionCheckpoint

from lightning_viz import ConfusionMatrixPanel, DeepDream, Films, SaliencyMaps
from lightning_viz.callbacks.films import films
from lightning_viz.harness.sinks import room

C = ctypes.CDLL(None, use_errno=True)


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

    def _make(self, patience=0.0):
        super()._make(patience)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not stopped")


class Away(pl.Callback):
    """Takes the log folder away while the others draw, and puts it back when they have drawn."""

    def __init__(self, one, other):
        self.one, self.other = one, other

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            self.one.rename(self.other)


class Stops(Project):
    """Is stopped from outside, as by a machine that is taken away."""

    def training_step(self, batch, batch_idx):
        if self.current_epoch == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().training_step(batch, batch_idx)


class Locks(pl.Callback):
    """Takes the right to write in the log folder away after the first epoch."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            for path in [self.folder, *self.folder.rglob("*")]:
                if path.is_dir():
                    path.chmod(0o555)


def with_own_file_systems():
    """What is mounted from now on ends with this process."""
    files, users = 0x20000, 0x10000000  # CLONE_NEWNS, CLONE_NEWUSER
    user, group = os.getuid(), os.getgid()
    if C.unshare(files if user == 0 else files | users):
        raise OSError(ctypes.get_errno(), "unshare")
    if user != 0:
        for file, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            Path("/proc/self", file).write_text(text)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def without_keys():
    """No folder is closed to root, who from now on is as anyone else in this."""
    header, rights = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()  # _LINUX_CAPABILITY_VERSION_3
    C.capget(header, rights)
    rights[0] &= ~0b110  # effective ones: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if C.capset(header, rights):
        raise OSError(ctypes.get_errno(), "capset")


def main(scenario, folder, kept):
    checkpoint = pl.callbacks.ModelCheckpoint(kept, save_top_k=-1)
    common = {"enable_checkpointing": True}
    if scenario == "full":
        with_own_file_systems()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(folder)], check=True)
        # A filler leaves less than the pictures would need, so that the limit is met on the way.
        (folder / "filler").write_bytes(bytes(15 * 2**18))
        panels = [SaliencyMaps(probes=2), DeepDream(iterations=1, probes=2), ConfusionMatrixPanel()]
        fit(folder / "log", [*panels, checkpoint], **common)
        print("free at the end:", shutil.disk_usage(folder).free / 2**20, "MiB")
    elif scenario == "read_only":
        folder.mkdir()
        without_keys()
        fit(
            folder,
            [SaliencyMaps(probes=2), DeepDream(iterations=1, probes=2), Locks(folder), checkpoint],
            logger=False,
            default_root_dir=folder,
            **common,
        )
    elif scenario == "interrupted":
        fit(folder, [checkpoint, Interrupts(probes=2)], **common)
    elif scenario == "away":
        log, away = folder / "log", folder / "away"
        callbacks = [Away(log, away), SaliencyMaps(probes=1), Films(), Away(away, log), checkpoint]
        fit(log, callbacks, max_epochs=3, **common)
    elif scenario == "limit":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        room.RESERVE = 100_000  # of a limit that is soon reached
        resource.setrlimit(resource.RLIMIT_FSIZE, (250_000,) * 2)
        fit(folder, [SaliencyMaps(probes=2), checkpoint], max_epochs=4, **common)
    elif scenario == "stopped":
        films.PATIENCE = 2.0
        data = {"train_dataloaders": loaders()["train_dataloaders"]}
        few = {"limit_train_batches": 1, "num_sanity_val_steps": 0, "max_epochs": 9}
        callbacks = [OnExceptionCheckpoint(kept), SaliencyMaps(probes=2), Films()]
        fit(folder, callbacks, module=Stops, data=lambda: data, **few, **common)
    elif scenario == "films":
        fit(folder, [SaliencyMaps(probes=1), InterruptsTheTraining(), Films(), InterruptsItself()], **common)
