"""`python -m benchmarks.gpu`: what one wants to know of a GPU, in minutes: methods, drawings, a whole epoch, memory."""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lightning_viz as viz
from benchmarks.__main__ import machine
from benchmarks.lime import Case
from benchmarks.measure import Line, side_by_side, table
from benchmarks.network import floors
from benchmarks.training import CALLBACKS
from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.explain.attribution.integrated import integrated_gradients
from lightning_viz.explain.attribution.smooth import smooth_gradient
from lightning_viz.harness.isolation.isolation import Isolation

EPOCH = 50_000
"""Training images of an epoch, as many as CIFAR-10 has."""
BATCH = 128
FEW = 16
"""Training images where only a drawing is timed."""


@dataclass(frozen=True)
class Setup:
    """How large everything is.

    Attributes:
        accelerator: `"gpu"` or `"cpu"`.
        sizes: Sides of the images.
        width: Channels of the first stage; 64 is ResNet-18.
        steps: Training steps of which the time of an epoch is extrapolated.
        repetitions: Measurements per duration.
        samples: Noisy or masked copies of an image.
        callbacks: Names of those that are drawn.
    """

    accelerator: str = "gpu"
    sizes: Sequence[int] = (32, 224)
    width: int = 64
    steps: int = 30
    repetitions: int = 5
    samples: int = 64
    callbacks: Sequence[str] = tuple(cls.__name__ for cls in CALLBACKS)

    @property
    def device(self) -> torch.device:
        """Where everything is."""
        return torch.device("cuda" if self.accelerator == "gpu" else "cpu")


class Block(nn.Module):
    """Two convolutions beside an identity (arXiv:1512.03385, 2015)."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
            nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out),
        )  # fmt: skip
        same = stride == 1 and channels == out
        beside = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        self.beside = nn.Identity() if same else beside

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> (N, out, H / stride, W / stride)."""
        return F.relu(self.body(x) + self.beside(x))


class ResNet18(pl.LightningModule):
    """ResNet-18 for ten classes; below 64 pixels without the first pooling, as is usual there."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        large = size >= 64
        stem = nn.Conv2d(3, width, 7, 2, 3, bias=False) if large else nn.Conv2d(3, width, 3, 1, 1, bias=False)
        parts = [stem, nn.BatchNorm2d(width), nn.ReLU(), *([nn.MaxPool2d(3, 2, 1)] if large else [])]
        channels = width
        for out in (width, 2 * width, 4 * width, 8 * width):
            parts += [Block(channels, out, 1 if out == width else 2), Block(out, out, 1)]
            channels = out
        self.cnn = nn.Sequential(*parts)
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of images (N, 3, size, size)."""
        scores: Tensor = self.fc(self.cnn(x).mean((2, 3)))
        return scores

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Cross-entropy."""
        return F.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Predicts; what the predictions are worth is no matter here."""
        self(batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD with momentum."""
        return torch.optim.SGD(self.parameters(), 0.01, momentum=0.9)


def methods(setup: Setup, size: int) -> Iterator[Line]:
    """Methods against as many forwards, or gradients, of the network alone."""
    torch.manual_seed(0)
    net = ResNet18(size, setup.width).to(setup.device).eval()
    images = torch.rand(32, 3, size, size, device=setup.device)
    labels, samples = torch.zeros(len(images), dtype=torch.long, device=setup.device), setup.samples
    few = images[: max(len(images) // samples, 1)]
    isolation, lime = Isolation(net), Case("ResNet-18", net, images[0], 0)
    with isolation() as explained:
        pass
    ours: dict[str, tuple[Callable[[], object], int, bool]] = {
        "input gradient, 32 images": (lambda: input_gradient(explained, images, labels), 1, True),
        f"SmoothGrad, {len(few)} images": (
            lambda: smooth_gradient(explained, few, labels[: len(few)], samples=samples), samples * len(few) // 32, True
        ),
        f"integrated gradients, {len(few)} images": (
            lambda: integrated_gradients(explained, few, labels[: len(few)], [torch.zeros_like(few)], steps=samples),
            samples * len(few) // 32, True,
        ),
        f"LIME, 1 image, {samples} samples": (lambda: lime.ours(samples), samples / 32, False),
    }  # fmt: skip
    for what, (call, batches, gradient) in ours.items():
        floor = {name: _ended(run) for name, run in floors(net, images, gradient=gradient).items()}
        seconds = side_by_side({"ours": _ended(call), **floor}, setup.repetitions)
        fastest = min(floor, key=lambda name: seconds[name])
        yield Line(f"{size} px: {what}", seconds["ours"], f"network alone, {fastest}", batches * seconds[fastest])


def _ended(call: Callable[[], object]) -> Callable[[], object]:
    """A call that lasts until the device has done what it was told."""

    def run() -> None:
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return run


class _Watch(pl.Callback):
    """Seconds and peak memory between two of its kind that stand around what is watched."""

    def __init__(self, begin: _Watch | None = None) -> None:
        self.begin = begin
        self.at = self.seconds = self.peak = 0.0

    def _mark(self, trainer: pl.Trainer) -> None:
        if self.begin is None:
            self.at, self.peak = time.perf_counter(), _peak(anew=True)
        elif trainer.current_epoch == 1:  # in the first one libraries and kernels are loaded
            self.seconds += time.perf_counter() - self.begin.at
            self.peak = max(self.peak, _peak() - self.begin.peak)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A moment at which some callbacks draw."""
        self._mark(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A moment at which the others do."""
        self._mark(trainer)


class _Epoch(pl.Callback):
    """Seconds of a training epoch's steps, the second one's."""

    seconds = peak = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins."""
        self.base = _peak(anew=True)
        self.at = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Ends, after the last batch."""
        if trainer.current_epoch == 1 and trainer.is_last_batch:
            _ended(lambda: None)()
            self.seconds, self.peak = time.perf_counter() - self.at, _peak() - self.base


def _peak(*, anew: bool = False) -> float:
    """The most that was reserved for tensors since it began anew, in MiB; 0 without a GPU."""
    if not torch.cuda.is_available():
        return 0.0
    torch.cuda.synchronize()
    if anew:
        torch.cuda.reset_peak_memory_stats()
    return torch.cuda.max_memory_allocated() / 2**20


def drawings(setup: Setup, size: int) -> Iterator[Line]:
    """Every callback at its defaults, against an epoch of so many images; and what `Snapshots` takes in their place."""
    epoch = _Epoch()
    _train(setup, size, [epoch], BATCH * setup.steps)
    whole, against = epoch.seconds * EPOCH / (BATCH * setup.steps), f"epoch of {EPOCH:,} images, extrapolated"
    total = 0.0
    drawn = {name: getattr(viz, name)(on_error="raise") for name in setup.callbacks}
    for name, callback in {**drawn, "Snapshots": viz.Snapshots()}.items():
        begin = _Watch()
        end = _Watch(begin)
        _train(setup, size, [begin, callback, end], FEW)
        total += end.seconds * (name in drawn)
        yield Line(f"{size} px: {name}", end.seconds, against, whole)
        if end.peak > 0 and epoch.peak > 0:
            yield Line(f"{size} px: {name}, peak memory", end.peak, "training", epoch.peak, unit="MiB")
    yield Line(f"{size} px: all callbacks", total, against, whole)


def _train(setup: Setup, size: int, callbacks: list[Any], count: int) -> None:
    """Trains for two epochs of so many images."""
    pl.seed_everything(0, verbose=False)
    data = TensorDataset(torch.rand(count, 3, size, size), torch.arange(count) % 10)
    few = TensorDataset(torch.rand(64, 3, size, size), torch.arange(64) % 10)
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=2, accelerator=setup.accelerator, devices=1, logger=TensorBoardLogger(folder),
            callbacks=callbacks, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, num_sanity_val_steps=0,
        )  # fmt: skip
        train, val = DataLoader(data, batch_size=BATCH, shuffle=True), DataLoader(few, batch_size=BATCH)
        trainer.fit(ResNet18(size, setup.width), train, val)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints, a table for each size.

    Args:
        arguments: Those of the command line by default.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--accelerator", choices=["gpu", "cpu"], default=Setup.accelerator)
    parser.add_argument("--sizes", type=int, nargs="+", default=Setup.sizes, help="sides of the images")
    parser.add_argument("--callbacks", nargs="+", choices=Setup.callbacks, default=Setup.callbacks)
    for name in ("width", "steps", "repetitions", "samples"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Setup, name))
    setup = Setup(**vars(parser.parse_args(arguments)))
    name = torch.cuda.get_device_name() if setup.device.type == "cuda" else "no GPU"
    print(f"{machine()}; {name}\nResNet-18, batches of {BATCH}\n", flush=True)
    for package in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(package).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders
        for size in setup.sizes:
            print(table([*methods(setup, size), *drawings(setup, size)]), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
