"""Training runs on two processes, each run a fork of its own; what its processes find they write into its folder."""

import json
import os
import signal
import socket
import time
from datetime import timedelta
from pathlib import Path

import pytorch_lightning as pl
import torch
from found import quick
from projects import Project, Segments, Stripes, fit, loaders, places, trainer
from pytorch_lightning.strategies import ModelParallelStrategy
from torch.distributed.fsdp import fully_shard
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

import lightning_viz
from lightning_viz import (
    ConfusionMatrixPanel,
    ConfusionPanels,
    DeepDream,
    Films,
    FilterActivations,
    FilterAscent,
    LimePanels,
    Probes,
    SaliencyMaps,
)
from lightning_viz.harness.run import processes as ranks
from lightning_viz.harness.sinks.results import ClassTable, Counts, Map, Places


class Still(Project):
    """Nothing of it changes, so that runs on one and on two processes end with the same network."""

    def on_train_epoch_start(self):
        self.net[1].eval()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Labels(Still):
    """Every image has several labels."""

    def training_step(self, batch, batch_idx):
        return F.binary_cross_entropy_with_logits(self(batch[0]), batch[1].float())

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", F.binary_cross_entropy_with_logits(self(batch[0]), batch[1].float()))


class Values(Still):
    """Every image has a value."""

    def __init__(self):
        super().__init__(classes=1)

    def training_step(self, batch, batch_idx):
        return F.mse_loss(self(batch[0])[:, 0], batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", F.mse_loss(self(batch[0])[:, 0], batch[1]))


class Sharded(Project):
    """Its parameters are spread over the processes."""

    def configure_model(self):
        for layer in (self.net[0], self.net[4], self.net[9]):
            fully_shard(layer, mesh=self.device_mesh["data_parallel"])
        fully_shard(self.net, mesh=self.device_mesh["data_parallel"])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)  # on parts of parameters, Adam takes longer than all else


class HalfStill(Sharded):
    """Learns on the second process's share of the parameters alone, and in the second epoch nothing."""

    def on_before_optimizer_step(self, optimizer):
        for parameter in self.parameters():
            if parameter.grad is not None:
                part = parameter.grad.to_local()
                part.mul_(self.global_rank if self.current_epoch == 1 else 0)


class Diary(pl.Callback):
    """Writes down what each process has drawn, and the weights at the end."""

    def __init__(self, folder, watched=()):
        self.folder = folder
        self.watched = watched

    def on_fit_end(self, trainer, pl_module):
        drawn = [tag for callback in self.watched for tag in callback.tags]
        (self.folder / f"drawn_{trainer.global_rank}.json").write_text(json.dumps(drawn))
        found = [callback.buffers for callback in self.watched]
        (self.folder / f"buffers_{trainer.global_rank}.json").write_text(json.dumps(found))
        own = [buffer.tolist() for buffer in pl_module.net.buffers()]
        (self.folder / f"own_buffers_{trainer.global_rank}.json").write_text(json.dumps(own))
        state = {k: v.full_tensor() if hasattr(v, "full_tensor") else v for k, v in pl_module.state_dict().items()}
        torch.save(state, self.folder / f"weights_{trainer.global_rank}.pt")


class Saving(pl.Callback):
    """Leaves a checkpoint behind."""

    def __init__(self, folder):
        self.folder = folder

    def on_fit_end(self, trainer, pl_module):
        trainer.save_checkpoint(self.folder / "run.ckpt")


def noting(cls):
    """The class, which remembers the tags that it draws."""

    def draw(self, scene):
        self.tags, self.buffers = [], [buffer.tolist() for buffer in scene.subject.net.buffers()]
        for result in cls.draw(self, scene):
            if not isinstance(result, (Map, Counts, ClassTable, Places)):  # go with their pictures
                self.tags.append(result.tag)
            yield result

    return type(f"Noting{cls.__name__}", (cls,), {"draw": draw, "tags": ()})


def all_callbacks(probes=4, saliency=SaliencyMaps, channels=4):
    """With four of everything, two for each of two processes."""
    drawn = (
        saliency, LimePanels, FilterAscent, FilterActivations, DeepDream, ConfusionMatrixPanel, ConfusionPanels,
    )  # fmt: skip
    climbed = {FilterAscent: {"channels": channels}}
    return [quick(noting(cls), probes=probes, **climbed.get(cls, {})) for cls in drawn]


def callbacks_that_ask():
    """Those of them whose pictures depend on what the labels mean."""
    return [c for c in all_callbacks(probes=2) if not isinstance(c, (FilterAscent, FilterActivations, DeepDream))]


SHARED = (LimePanels, FilterAscent, ConfusionMatrixPanel, ConfusionPanels)
"""By the probes, by the channels, by the images of a validation and by its confusions: one for each way to share."""


class FailsOnTheSecond(SaliencyMaps):
    """Draws something first."""

    def draw(self, scene):
        for result in super().draw(scene):
            yield result
            if torch.distributed.get_rank() == 1:
                raise RuntimeError("only here")


class FailsBeforeTheFirstBatch(SaliencyMaps):
    def prepare(self, scene):
        if torch.distributed.get_rank() == 1:
            raise ValueError("only here")


class FailsInTheForward(SaliencyMaps):
    """Between the forwards that all processes of a sharded network must make together."""

    def attribute(self, subject, images, targets):
        if torch.distributed.get_rank() == 1:
            raise RuntimeError("only here")
        return super().attribute(subject, images, targets)


class SlowOnTheSecond(SaliencyMaps):
    def draw(self, scene):
        if torch.distributed.get_rank() == 1:
            time.sleep(1)
        yield from super().draw(scene)


class Tables(ConfusionMatrixPanel):
    """Writes down what was counted, in the folder where it runs."""

    def draw(self, scene):
        if self._tallies:
            found = {name: [t.table.tolist(), dict(t.left_out)] for name, t in self._tallies.items()}
            Path("tables.json").write_text(json.dumps(found))
        yield from super().draw(scene)


def unreadable_on_the_second(batch):
    if torch.distributed.is_initialized() and torch.distributed.get_rank() == 1 and len(batch[1]) < 8:
        raise RuntimeError("only here")
    return batch


class Stream(IterableDataset):
    """Every process sees other images."""

    classes = Stripes.classes

    def __iter__(self):
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        items = Stripes(24, seed=10 + rank)
        return iter([items[i] for i in range(24)])


class Told(Stripes):
    """Its images with other labels, by their classes."""

    def __init__(self, labels, **options):
        super().__init__(24, **options)
        self.of_class, self.targets = labels, None

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], self.of_class[i % 3] if self.of_class.ndim > 1 else self.of_class[i % 3] + i / 10


def told(labels):
    return lambda: {
        name: DataLoader(Told(torch.tensor(labels), seed=seed), batch_size=8)
        for seed, name in enumerate(("train_dataloaders", "val_dataloaders"))
    }


def uneven(count=33):
    return {
        "train_dataloaders": DataLoader(Stripes(32, seed=1), batch_size=8),
        "val_dataloaders": DataLoader(Stripes(count, seed=2), batch_size=8),
    }


def streams():
    return {name: DataLoader(Stream(), batch_size=8) for name in ("train_dataloaders", "val_dataloaders")}


def sharded(folder, module=Sharded):
    ranks.PATIENCE = timedelta(seconds=5)
    strategy = ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1, process_group_backend="gloo")
    return {"module": module, "strategy": strategy}


# What runs: the callbacks, and what else the Trainer and the project need.
SCENARIOS = {
    "none": lambda folder: ([], {}),
    "all": lambda folder: ([*all_callbacks(saliency=SlowOnTheSecond), Films()], {}),
    "still": lambda folder: ([*all_callbacks(channels=2), Saving(folder)], {"module": Still}),
    "labels": lambda folder: (
        callbacks_that_ask(),
        {"module": Labels, "data": told([[1, 0, 1], [1, 1, 0], [0, 1, 0]])},
    ),
    "values": lambda folder: (callbacks_that_ask(), {"module": Values, "data": told([0.5, 2.5, -1.0])}),
    "no_validation": lambda folder: (
        [noting(SaliencyMaps)(probes=2, on_error="raise", every_n_steps=3)],
        {"limit_val_batches": 0, "num_sanity_val_steps": 0},
    ),
    "stream": lambda folder: (
        [quick(noting(cls), probes=4) for cls in (SaliencyMaps, ConfusionPanels)],
        {"data": streams},
    ),
    "replay": lambda folder: ([quick(cls, probes=2) for cls in SHARED], {"module": Still}),
    "fails": lambda folder: ([FailsOnTheSecond(probes=4), quick(LimePanels)], {}),
    "fails_raise": lambda folder: ([FailsOnTheSecond(probes=2, on_error="raise")], {}),
    "prepare": lambda folder: ([FailsBeforeTheFirstBatch(probes=2)], {}),
    "matrix": lambda folder: ([Tables(on_error="raise")], {"data": uneven, "module": Still}),
    "places": lambda folder: (
        [Tables(on_error="raise"), quick(LimePanels), quick(ConfusionPanels)],
        {"data": places, "module": Segments},
    ),
    "unreadable": lambda folder: (
        [
            Tables(probes=Probes(unpack=unreadable_on_the_second)),
            ConfusionPanels(probes=Probes(unpack=unreadable_on_the_second)),
            SaliencyMaps(probes=2),
        ],
        {"data": lambda: uneven(37)},
    ),
    "sharded": lambda folder: ([], sharded(folder)),
    "sharded_all": lambda folder: (all_callbacks(probes=1, channels=1), sharded(folder)),
    "sharded_ascent": lambda folder: (
        [FilterAscent(layer="net.0", channels=2, steps=6, warm_steps=2, on_error="raise")],
        {**sharded(folder, HalfStill), "max_epochs": 3},
    ),
    "sharded_fails": lambda folder: ([FailsInTheForward(probes=2)], sharded(folder)),
}


def main(scenario, folder, strategy, devices):
    """One run; of one that is sharded, this process starts the second one, and ends it."""
    second = fork_second() if scenario.startswith("sharded") else 0
    try:
        if scenario == "nodes":
            on_two_nodes(folder)
        else:
            train(scenario, folder, strategy, devices)
    finally:
        if second:
            end(second)


def train(scenario, folder, strategy, devices):
    callbacks, options = SCENARIOS[scenario](folder)
    diary = Diary(folder, [c for c in callbacks if hasattr(c, "tags")])
    nodes = int(os.environ.get("GROUP_WORLD_SIZE", 1))  # which torchrun tells
    defaults = {"max_epochs": 1, "strategy": strategy, "devices": devices, "num_nodes": nodes}
    (replayed if scenario == "replay" else fit)(folder, [*callbacks, diary], **{**defaults, **options})


def fork_second():
    """Makes two processes of this one, in the environment in which the strategy would have started them.

    Returns:
        The second one; nothing in itself.
    """
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "LOCAL_RANK": "0"}
    second = os.fork()
    if not second:
        os.environ["LOCAL_RANK"] = "1"
    return second


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def on_two_nodes(folder):
    """Two nodes of one process each, with log folders of their own, started as torchrun does on two machines."""
    port = free_port()
    second = os.fork()
    rank = 0 if second else 1
    config = LaunchConfig(
        min_nodes=2, max_nodes=2, nproc_per_node=1, rdzv_backend="static", rdzv_endpoint=f"127.0.0.1:{port}",
        rdzv_configs={"rank": rank, "timeout": 60}, run_id="nodes", start_method="fork",
    )  # fmt: skip
    own = folder / str(rank)
    own.mkdir()
    elastic_launch(config, train)("still", own, "ddp", 1)
    if second:
        assert os.waitpid(second, 0)[1] == 0


def end(process, patience=10.0):
    """Lets a process write what it still has to write; one that waits for another which has failed is ended."""
    until = time.monotonic() + patience
    while os.waitpid(process, os.WNOHANG)[0] == 0:
        if time.monotonic() > until:
            os.kill(process, signal.SIGTERM)
            return
        time.sleep(0.05)


def replayed(folder, callbacks, *, module, **arguments):
    """What two checkpoints tell of a run that nobody watched, and a file that is none."""
    for step in (4, 8):
        pl.seed_everything(step)
        torch.save(
            {"state_dict": module().state_dict(), "epoch": step // 4 - 1, "global_step": step}, folder / f"{step}.ckpt"
        )
    (folder / "none.ckpt").write_text("none")
    lightning_viz.replay(trainer(folder, callbacks, **arguments), module(), folder, **loaders())
