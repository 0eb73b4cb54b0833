"""Who draws what when there are several processes, and how it comes together without anyone waiting in vain."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import pytorch_lightning as pl
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.tensor import DTensor

T = TypeVar("T")

PATIENCE = timedelta(minutes=5)
"""How far apart processes in lockstep may be: one that is not there by then has failed alone."""


class OtherProcessError(RuntimeError):
    """Something failed on another process; the text is its traceback."""


@dataclass(frozen=True)
class Share:
    """The part of a drawing that one process does.

    Attributes:
        rank: The number of the process.
        ranks: How many share the drawing; 1 where each does all of it.
        lockstep: Whether all draw the same together, since the parameters are spread over them.
        exchange: In lockstep, takes what this process has, and returns what every one has.
    """

    rank: int = 0
    ranks: int = 1
    lockstep: bool = False
    exchange: Callable[[int], list[int]] = lambda own: [own]

    def of(self, items: Sequence[T]) -> list[T]:
        """Every n-th item, beginning with the process's own number.

        Example:
            >>> Share(1, 3).of(range(8))
            [1, 4, 7]
        """
        return list(items[self.rank :: self.ranks])

    def latest(self, own: int) -> int:
        """The largest number of all processes in lockstep, of which each may know only its own; the same on each.

        Example:
            >>> Share().latest(3)
            3
        """
        return max(self.exchange(own))


class Processes:
    """The processes of a run. All of them make the same calls in the same order, also after an error.

    Replicas share a drawing. Where the parameters are spread over the processes, a forward needs all of them: they draw
    everything in lockstep, and the pictures of the first one count.

    Args:
        trainer: The Trainer.
        module: The network it trains.
    """

    def __init__(self, trainer: pl.Trainer, module: nn.Module) -> None:
        self.rank, self.count = trainer.global_rank, trainer.world_size
        together = self.count > 1 and dist.is_available() and dist.is_initialized()
        lockstep = together and not _replicated(trainer.strategy, module)
        replicas = together and not lockstep
        self.share = Share(self.rank, self.count) if replicas else Share(lockstep=lockstep, exchange=self.exchange)
        self.contributes = self.rank == 0 or not lockstep
        # A group of our own, on the CPU: nothing of ours stands between the messages of the training. In lockstep, a
        # process that fails alone ends the run: without it the others can make no forward, and would wait for ever.
        patience = PATIENCE if lockstep else None
        self._group = dist.new_group(backend="gloo", timeout=patience) if together else None

    def close(self) -> None:
        """Ends the exchange. Left to the end of the process, it could find the others gone, which aborts it."""
        if self._group is not None:
            dist.destroy_process_group(self._group)
        self._group = None

    def agree(self, make: Callable[[], T]) -> T:
        """What the first process makes, for all of them.

        Args:
            make: Called on all processes.

        Raises:
            Exception: What `make` raised here, or `OtherProcessError` where it failed elsewhere.
        """
        made, error = attempt(make)
        parts = self.exchange((made if self.rank == 0 else None, as_text(error)))
        if error is not None:
            raise error
        elsewhere = next((text for _, text in parts if text is not None), None)
        if elsewhere is not None:
            raise OtherProcessError(elsewhere)
        return parts[0][0]  # type: ignore[return-value]

    def gather(self, own: T) -> list[T]:
        """What every process has, in the order of the processes, on the first one; nothing on the others."""
        if self._group is None:
            return [own] if self.rank == 0 else []
        parts: list[Any] | None = [None] * self.count if self.rank == 0 else None
        dist.gather_object(own, parts, dst=0, group=self._group)
        return parts or []

    def first(self, text: str | None) -> str | None:
        """What the first process has, on all of them."""
        return self.exchange(text)[0]

    def buffers(self, module: nn.Module) -> list[Tensor]:
        """The buffers of the first process, on the CPU; none where there is nothing to share.

        Replicas have equal parameters, but each its own running statistics: one picture is to show one network.
        """
        if self.share.ranks == 1:
            return []
        values: list[Any] = [[b.detach().cpu() for b in module.buffers()] if self.rank == 0 else None]
        dist.broadcast_object_list(values, src=0, group=self._group)
        return list(values[0])

    def exchange(self, own: T) -> list[T]:
        """What every process has, in the order of the processes, on all of them."""
        if self._group is None:
            return [own]
        parts: list[Any] = [None] * self.count
        dist.all_gather_object(parts, own, group=self._group)
        return parts


def attempt(make: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """The result, or the error."""
    try:
        return make(), None
    except Exception as error:
        return None, error


def reason(error: Exception) -> str:
    """Why something failed, the same text whatever process and callback it failed in."""
    if isinstance(error, OtherProcessError):
        return str(error).strip().rsplit("\n", 1)[-1]
    if isinstance(error, OSError) and error.strerror:  # its text names the file, and every picture has another one
        return f"{type(error).__name__}: {error.strerror}"
    return f"{type(error).__name__}: {error}"


def as_text(error: Exception | None) -> str | None:
    """An error as text, which travels where not every exception can."""
    return None if error is None else "".join(traceback.format_exception(error))


def _replicated(strategy: object, module: nn.Module) -> bool:
    names = {cls.__name__ for cls in type(strategy).__mro__}  # both namespaces of Lightning have these classes
    data_parallel = "DDPStrategy" in names and "DeepSpeedStrategy" not in names
    return data_parallel and not any(isinstance(p, DTensor) for p in module.parameters())
