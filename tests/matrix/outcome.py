"""What a run leaves behind, and how two runs differ."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from projects import events, fit
from torch._dynamo.utils import counters

from .configuration import Configuration


@dataclass(frozen=True)
class Outcome:
    """What a run leaves behind.

    Attributes:
        state: A digest of every weight and buffer.
        metrics: The last value of every metric, to the last bit.
        history: Steps and values of every scalar in the log.
        pictures: How many pictures the log holds.
        graphs: How many graphs were compiled.
    """

    state: dict[str, str]
    metrics: dict[str, str]
    history: dict[str, list[list[float]]]
    pictures: int
    graphs: int = 0

    def differences(self, other: "Outcome") -> list[str]:
        """Names of what is not the same in another run, which may have logged more."""
        found = [name for name in sorted({*self.state, *other.state}) if self.state.get(name) != other.state.get(name)]
        for own, others in ((self.metrics, other.metrics), (self.history, other.history)):
            found += [name for name, value in own.items() if others.get(name) != value and name not in found]
        return found + ["compiled graphs"] * (self.graphs != other.graphs)

    def save(self, path: Path) -> None:
        """Writes it to a file."""
        path.write_text(json.dumps(asdict(self)))


def load(path: Path) -> Outcome:
    """Reads it from a file."""
    return Outcome(**json.loads(path.read_text()))


class Uncopyable:
    """Refuses to be copied, so that the copy of a module would share it with its original."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Uncopyable":
        return self


def run(
    configuration: Configuration,
    folder: Path,
    callbacks: Callable[[], list[Any]],
    accelerator: str,
    *,
    guard: bool = False,
) -> Outcome:
    """Trains once, from a fixed seed.

    Args:
        configuration: How.
        folder: Where the log goes.
        callbacks: Makes the callbacks that are tried.
        accelerator: `"cpu"` or `"gpu"`.
        guard: Whether the module is one that cannot be copied.
    """
    torch.compiler.reset()
    counters.clear()
    arguments = {"accelerator": accelerator, "devices": 1, **configuration.trainer}
    if accelerator == "gpu":
        arguments = {"deterministic": "warn", **arguments}  # its kernels would differ from run to run by themselves

    def module() -> pl.LightningModule:
        made = configuration.module()
        if guard:
            made.uncopyable = Uncopyable()
        return made

    def trained(**more: Any) -> pl.Trainer:
        own = [*configuration.callbacks(), *callbacks()]
        return fit(folder, own, module=module, data=configuration.data, **{**arguments, **more})

    checkpoint = None
    if configuration.interrupted:
        checkpoint = folder / "interrupted.ckpt"
        trained(max_steps=configuration.interrupted).save_checkpoint(checkpoint)
    return _left(trained(ckpt_path=checkpoint), folder)


def _left(trainer: pl.Trainer, folder: Path) -> Outcome:
    metrics = {**trainer.callback_metrics, **trainer.logged_metrics}
    return Outcome(
        {name: _digest(value) for name, value in trainer.lightning_module.state_dict().items()},
        {name: float(value).hex() for name, value in metrics.items()},
        # Only its writer knows when the log is whole.
        *(_logged(folder) if trainer.is_global_zero else ({}, 0)),
        counters["stats"]["unique_graphs"],
    )


def _logged(folder: Path) -> tuple[dict[str, list[list[float]]], int]:
    log = events(folder)
    tags = log.Tags()
    scalars = {tag: [[e.step, e.value] for e in log.Scalars(tag)] for tag in tags["scalars"]}
    return scalars, sum(len(log.Images(tag)) for tag in tags["images"])


def _digest(tensor: torch.Tensor) -> str:
    part = tensor.to_local() if hasattr(tensor, "to_local") else tensor  # of a sharded one, this process's
    values = part.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()
