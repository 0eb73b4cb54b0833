"""Tuning the learning rate and the batch size finds the same with callbacks on, and they draw afterwards."""

import gc

import pytest
import pytorch_lightning as pl
import torch
from found import quick
from projects import Project, Stripes, events, trainer
from pytorch_lightning.callbacks import BatchSizeFinder, LearningRateFinder
from pytorch_lightning.tuner import Tuner
from torch.utils.data import DataLoader

from lightning_viz import ConfusionMatrixPanel, FilterAscent, SaliencyMaps


class Tunable(Project):
    """Learns at a rate and in batches that can be tuned; batches above 16 do not fit into its memory."""

    def __init__(self):
        super().__init__()
        self.lr, self.batch_size = 0.01, 4

    def training_step(self, batch, batch_idx):
        if len(batch[0]) > 16:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return super().training_step(batch, batch_idx)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def train_dataloader(self):
        return DataLoader(Stripes(48, seed=1), batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(Stripes(24, seed=2), batch_size=8)


RATE = {"num_training": 14, "min_lr": 1e-4}
SIZE = {"mode": "binsearch", "steps_per_trial": 1}


@pytest.fixture
def quick_collection():
    """Lightning collects garbage after every trial, which takes a second where all the tests are loaded."""
    gc.freeze()
    yield
    gc.unfreeze()


def by_tuner(run, module):
    tuner = Tuner(run)
    tuner.lr_find(module, **RATE)
    tuner.scale_batch_size(module, **SIZE)
    run.fit(module)


def by_fit(run, module):
    run.fit(module)


FINDERS = [lambda: LearningRateFinder(num_training_steps=14, min_lr=1e-4), lambda: BatchSizeFinder(**SIZE)]


@pytest.mark.parametrize(("tune", "finders"), [(by_tuner, []), (by_fit, FINDERS)], ids=["Tuner", "finders"])
@pytest.mark.usefixtures("quick_collection")
@pytest.mark.filterwarnings("ignore:.*lr_find.* which is not")
def test_tuning_finds_the_same_and_they_draw_afterwards(tune, finders, tmp_path):
    found = []
    for ours in (list(map(quick, [SaliencyMaps, FilterAscent, ConfusionMatrixPanel])), []):
        pl.seed_everything(7, verbose=False)
        folder = tmp_path / str(len(found))
        every = [*(make() for make in finders), *ours]
        run, module = trainer(folder, every, default_root_dir=folder), Tunable()
        tune(run, module)
        weights = {name: value.tolist() for name, value in module.state_dict().items()}
        found.append((module.lr, module.batch_size, weights))
    assert found[0] == found[1]
    assert found[0][0] != 0.01
    assert 8 < found[0][1] <= 16
    batches = -(-48 // found[0][1])
    steps = [e.step for e in events(tmp_path / "0").Images("probe_00_bread/saliency")]
    assert steps == [-1, batches - 1, 2 * batches - 1]
