"""The user's data are read where nothing of them is kept."""

import logging
import os
import random
import sys
import time

import numpy as np
import pytest
import torch
from projects import Project, Stripes, events, fit, trainer
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, default_collate, random_split

from lightning_viz import Probes, SaliencyMaps
from lightning_viz.harness.isolation.forks import elsewhere as module
from lightning_viz.harness.isolation.forks.elsewhere import elsewhere

FEW = Probes(count=2, mean=0.0, std=1.0)
shared = {"drawn": 0, "generator": np.random.default_rng(0)}


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    monkeypatch.setattr(module, "_TOLD", set())


def test_what_a_function_does_stays_in_its_process():
    kept = []

    def read():
        kept.append(os.getpid())
        torch.rand(1), random.random(), np.random.rand()
        return {"tensor": torch.arange(3), "process": os.getpid(), "array": np.ones(2)}

    before = torch.get_rng_state(), random.getstate(), repr(np.random.get_state())
    found = elsewhere(read)
    assert found["process"] != os.getpid()
    assert found["tensor"].tolist() == [0, 1, 2]
    assert kept == []
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), repr(np.random.get_state()))


class Unsendable:
    def __reduce__(self):
        raise TypeError("not by post")


def dies():
    if os.getpid() != parent:
        os._exit(3)
    return "here"


def hangs():
    if os.getpid() != parent:
        time.sleep(60)
    return "here"


def cannot_there():
    if os.getpid() != parent:
        raise RuntimeError("no second GPU")
    return "here"


parent = os.getpid()


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (lambda: Unsendable() and "here" if os.getpid() == parent else Unsendable(), "TypeError: not by post"),
        (dies, "a process ended without an answer"),
        (hangs, "a process did not answer in 0 s"),
        (cannot_there, "RuntimeError: no second GPU"),
    ],
)
def test_where_that_cannot_be_it_is_read_here_which_is_told_once(read, why, monkeypatch, caplog):
    monkeypatch.setattr(module, "PATIENCE", 0.3 if read is hangs else 60)
    monkeypatch.setattr(module, "_HUNG", [])
    with caplog.at_level(logging.INFO):
        assert [elsewhere(read), elsewhere(read)] == ["here", "here"]
    assert caplog.text.count(f"in the training's own process, since {why}") == 1


def test_where_processes_are_not_forked_generators_are_put_back(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    held = {"one": [np.random.default_rng(0)], "other": torch.Generator()}
    elsewhere(lambda: (held["one"][0].random(), torch.rand(1, generator=held["other"])), held)
    assert held["one"][0].random() == np.random.default_rng(0).random()
    assert torch.equal(held["other"].get_state(), torch.Generator().get_state())


def test_an_error_of_the_users_own_is_raised(caplog):
    def broken():
        raise KeyError("no such image")

    with pytest.raises(KeyError, match="no such image"):
        elsewhere(broken)
    assert "own process" not in caplog.text


class Caches(Stripes):
    """Augments once, and remembers."""

    def __getitem__(self, i):
        self.cache = vars(self).get("cache", {})
        image, label = super().__getitem__(i)
        return self.cache.setdefault(i, image + 0.1 * torch.randn_like(image)), label

    @property
    def state(self):
        return sorted(vars(self).get("cache", {}))


class Counts(Stripes):
    """Another image every time."""

    state = 0

    def __getitem__(self, i):
        self.state += 1
        image, label = super().__getitem__(i)
        return image * (1 + 0.01 * self.state), label


class Global(Stripes):
    """Draws from a generator of its module."""

    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        return image + float(shared["generator"].random()), label


class Masks(Stripes):
    """Knows masks, and counts who asks."""

    state = 0

    def mask(self, i):
        self.state += 1
        return self.images[i, 0] > 0.5


def counting(items):
    shared["drawn"] += 1
    images, labels = default_collate(items)
    return images + 0.001 * shared["drawn"], labels


KINDS = {"caches": (Caches, None), "counts": (Counts, None), "global": (Global, None), "collate": (Stripes, counting)}
KINDS |= {"masks": (Masks, None)}


@pytest.mark.parametrize("name", KINDS)
def test_a_data_set_that_changes_when_it_is_read_is_left_as_it_was(name, tmp_path):
    kind, collate = KINDS[name]

    def ended(callbacks):
        shared.update(drawn=0, generator=np.random.default_rng(0))
        dataset = kind(36, seed=1)

        def data():
            parts = random_split(dataset, [24, 12], generator=torch.Generator().manual_seed(0))
            names = ("train_dataloaders", "val_dataloaders")
            return {n: DataLoader(p, batch_size=6, collate_fn=collate) for n, p in zip(names, parts, strict=True)}

        run = fit(tmp_path, callbacks, data=data, num_sanity_val_steps=0, max_epochs=1)
        state = [shared["drawn"], shared["generator"].random(), getattr(dataset, "state", None)]
        return [v.tolist() for v in run.lightning_module.state_dict().values()], state

    assert ended([SaliencyMaps(probes=FEW, on_error="raise")]) == ended([])
    assert "explanations/saliency/in_mask" in events(tmp_path).Tags()["scalars"] or name != "masks"


class Transfers(LightningDataModule):
    """Counts in its hooks, and draws from a generator of its own."""

    def __init__(self):
        super().__init__()
        self.seen, self.generator, self.log_of = 0, torch.Generator().manual_seed(0), []

    def train_dataloader(self):
        return DataLoader(Stripes(24, seed=1), batch_size=8)

    def val_dataloader(self):
        return DataLoader(Stripes(12, seed=2), batch_size=8)

    def on_before_batch_transfer(self, batch, dataloader_idx):
        self.seen += 1
        self.log_of.append(self.seen)
        return batch

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return batch[0] + 0.01 * self.seen + 0.1 * torch.rand(1, generator=self.generator), batch[1]


class Augments(Project):
    """A transform on the device that keeps statistics of what it sees, as kornia's do."""

    def __init__(self):
        super().__init__()
        self.normal = torch.nn.BatchNorm2d(3, affine=False)
        self.seen = 0

    def on_after_batch_transfer(self, batch, dataloader_idx):
        self.seen += 1
        return self.normal(batch[0]) + 0.01 * self.seen, batch[1]


@pytest.mark.parametrize("make", [lambda: (Project(), Transfers()), lambda: (Augments(), None)])
def test_transfer_hooks_leave_no_trace_and_are_applied(make, tmp_path):
    def ended(callbacks):
        torch.manual_seed(3)
        net, data = make()
        loaders = {} if data else {"train_dataloaders": Transfers().train_dataloader(),
                                   "val_dataloaders": Transfers().val_dataloader()}  # fmt: skip
        run = trainer(tmp_path, callbacks, max_epochs=1)
        run.fit(net, datamodule=data, **loaders)
        state = [getattr(net, "seen", None), data and (data.seen, data.log_of, data.generator.get_state().tolist())]
        return [v.tolist() for v in net.state_dict().values()], state

    seen = []

    class Sees(SaliencyMaps):
        def prepare(self, scene):
            super().prepare(scene)
            seen.append(scene.probes.images)

    with_us = ended([Sees(probes=FEW, on_error="raise")])
    assert with_us == ended([])
    plain = torch.stack([Stripes(12, seed=2)[i][0] for i in range(12)])
    assert not any(torch.equal(image, one) for image in seen[0] for one in plain)


@pytest.mark.filterwarnings("ignore:Total length of `DataLoader` across ranks is zero")
def test_an_empty_validation_set_is_none(tmp_path):
    data = lambda: {"train_dataloaders": DataLoader(Stripes(24), batch_size=8),
                    "val_dataloaders": DataLoader(torch.utils.data.Subset(Stripes(3), []), batch_size=8)}  # fmt: skip
    with pytest.warns(UserWarning, match="probes come from the training data"):
        run = fit(tmp_path, [SaliencyMaps(probes=2, on_error="raise")], data=data, max_epochs=1)
    assert run.current_epoch == 1
    assert "probe_00_bread/saliency" in events(tmp_path).Tags()["images"]
