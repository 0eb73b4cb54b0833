"""Many epochs with every picture leave nothing behind."""

import inspect
import tempfile
import threading
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytorch_lightning as pl
import torch
from found import OF_ATTENTION
from matplotlib.figure import Figure

import lightning_viz
from benchmarks import endurance
from lightning_viz.render import fonts

EXACT = ["tensors", "tensor_kib", "array_kib", "figures", "hooks", "descriptors", "threads", "files"]


class Forgetful(pl.Callback):
    """Clears what keeps the letters of captions, of which there are so many at most, but new ones for long."""

    def on_train_epoch_end(self, trainer, pl_module):
        for kept in (fonts._drawn, fonts._runs, fonts._length):
            kept.cache_clear()


def test_nothing_grows_with_the_epochs():
    callbacks = [*endurance.pictures(films=3, probes=1), Forgetful()]
    counts = [asdict(one) for one in endurance.train(6, range(2, 7), callbacks)]
    grown = {name: counts[-1][name] - counts[0][name] for name in EXACT}
    assert {name: grown[name] for name in EXACT if grown[name] > 0} == {}  # less, where tests before this one left some
    objects = [one["objects"] for one in counts]
    assert min(later - earlier for earlier, later in pairwise(objects)) < 10


class Leaky(pl.Callback):
    """Leaves one of everything behind after every epoch."""

    def __init__(self):
        self.kept, self.stop = [], threading.Event()

    def on_train_epoch_end(self, trainer, pl_module):
        threading.Thread(target=self.stop.wait, daemon=True).start()
        pl_module.cnn[0].register_forward_hook(lambda *_: None)
        self.kept += [Figure(), torch.zeros(2048), np.zeros(2048), tempfile.NamedTemporaryFile()]  # noqa: SIM115


def test_whatever_grows_is_seen():
    leaky = Leaky()
    early, late = (asdict(one) for one in endurance.train(3, [1, 3], [leaky]))
    grown = {name: late[name] - early[name] for name in early}
    leaky.stop.set()
    assert {name for name in EXACT if grown[name] < 2} == set()
    assert grown["tensor_kib"] == 16
    for file in leaky.kept[3::4]:
        file._closer.delete = False  # its folder is gone already
        file.close()


def test_every_public_callback_takes_part():
    public = [getattr(lightning_viz, name) for name in lightning_viz.__all__]
    pictures = {c for c in public if inspect.isclass(c) and issubclass(c, pl.Callback) and not inspect.isabstract(c)}
    assert {type(one) for one in endurance.pictures()} == pictures - {*OF_ATTENTION}
