"""What is drawn beside the training: in forked processes, one after the other."""

from __future__ import annotations

import ctypes
import io
import os
import pickle
import select
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch
from pytorch_lightning.utilities import rank_zero_warn

from lightning_viz.harness.isolation.forks.apart import NO_FORK, settle_in_fork

ROOM = 3
"""Processes at a time: one that draws, and those of an epoch that wait for it: its validation and its end."""
_PATIENCE = 60.0
"""Seconds in which a process that is waited for must have computed something. One that has not hangs."""
_NICE = 10
"""By how much a process yields to the training where there are not enough cores for both."""
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, which the module `signal` does not name


class Task(Protocol):
    """What one callback has drawn of one moment."""

    @property
    def key(self) -> str:
        """Which of the callbacks it is."""

    def do(self) -> Any:
        """Draws; called in another process, on the network as it was when that was forked.

        Returns:
            What came of it, which can be pickled.
        """

    def take(self, outcome: Any) -> None:
        """Goes on from what came of an earlier moment."""

    def begun(self) -> None:
        """Called here, when the process was forked."""

    def done(self, outcome: Any, why: str | None) -> None:
        """Called here with what came of it, or with why there is nothing."""


class Background:
    """The processes that draw for one run.

    Each is a fork, so it has the network, the probes and the callbacks as they were; it computes in one thread, and
    ends with the training's process. Tasks are gathered until `launch`, which forks one process for all of them.
    """

    def __init__(self) -> None:
        self._gathered: list[Task] = []
        self._jobs: list[_Job] = []

    @property
    def full(self) -> bool:
        """Whether no more may wait."""
        return len(self._jobs) >= ROOM

    @property
    def gathers(self) -> bool:
        """Whether there are tasks of this moment already."""
        return bool(self._gathered)

    def add(self, task: Task) -> None:
        """One more task of this moment."""
        self._gathered.append(task)

    def launch(self) -> None:
        """Forks a process for the tasks that were gathered; nothing where there are none."""
        tasks, self._gathered = self._gathered, []
        if not tasks:
            return
        try:
            self._jobs.append(_Job(tasks, self._jobs))
        except OSError as error:  # no memory, or too many processes
            for task in tasks:
                task.done(None, f"no process could be started: {error}")
            return
        for task in tasks:
            task.begun()

    def collect(self, *, wait: bool = False) -> None:
        """Hands out what has been drawn.

        Args:
            wait: Whether to wait for the process that draws now; without that, this takes microseconds.
        """
        while self._jobs and self._jobs[0].has_ended(wait=wait):
            job, wait = self._jobs.pop(0), False
            job.hand_out()

    def finish(self) -> None:
        """Waits for all of them."""
        self.launch()
        while self._jobs:
            self.collect(wait=True)

    def end(self) -> None:
        """Stops all of them; what they have drawn is lost."""
        self._gathered = []
        while self._jobs:
            self._jobs.pop().kill()


class _Job:
    """One process.

    Args:
        tasks: What it does.
        earlier: The processes whose ends it waits for, to go on from what came of them.

    Raises:
        OSError: It could not be started.
    """

    def __init__(self, tasks: Sequence[Task], earlier: Sequence[_Job]) -> None:
        self._tasks = tasks
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  # until it was read
        self._alive, alive = os.pipe()  # closed by whoever ends, however that happens
        parent = os.getpid()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 warns of any fork beside threads; workers of loaders fork too
            self._pid = os.fork()
        if self._pid == 0:
            try:
                _become_worker(parent, [alive, *(d for job in [self, *earlier] for d in job.descriptors)])
                self._work(earlier)
            finally:
                os._exit(0)
        os.close(alive)

    @property
    def descriptors(self) -> list[int]:
        """The file of what came of it, and what ends with it."""
        return [self._file.fileno(), self._alive]

    def has_ended(self, *, wait: bool = False) -> bool:
        """Whether it has ended; one that hangs is ended."""
        if not wait:
            return bool(select.select([self._alive], [], [], 0)[0])
        computed, since = _seconds_computed(self._pid), time.monotonic()
        while not select.select([self._alive], [], [], 1)[0]:
            if (now := _seconds_computed(self._pid)) != computed:
                computed, since = now, time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                self.kill(close=False)
        return True

    def outcomes(self) -> tuple[list[Any], str | None]:
        """What came of each task, or nothing and why."""
        size = os.fstat(self._file.fileno()).st_size
        try:
            found, why = pickle.loads(os.pread(self._file.fileno(), size, 0))
        except Exception:  # what is cut short fails in many ways
            return [], "the process that drew has died"
        return found, why

    def take(self, tasks: Sequence[Task]) -> None:
        """Has tasks go on from what came of this process."""
        for mine, outcome in zip(self._tasks, self.outcomes()[0], strict=False):
            for task in tasks:
                if task.key == mine.key:
                    task.take(outcome)

    def hand_out(self) -> None:
        """Tells every task what came of it."""
        found, why = self.outcomes()
        self.kill()
        for i, task in enumerate(self._tasks):
            task.done(found[i] if i < len(found) else None, why)

    def kill(self, *, close: bool = True) -> None:
        """Ends it, if it has not ended, and lets go of it."""
        with suppress(OSError):  # it is gone, or somebody else has waited for it
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        if close:
            os.close(self._alive)
            self._file.close()

    def _work(self, earlier: Sequence[_Job]) -> None:
        try:
            for job in earlier:
                select.select([job._alive], [], [])
                job.take(self._tasks)
            content = _packed(([task.do() for task in self._tasks], None))
        except BaseException:
            content = _packed(([], traceback.format_exc()))
        self._file.write(content)
        self._file.flush()


class _Pickler(pickle.Pickler):
    """Packs tensors as arrays, which takes a tenth of the time."""

    def reducer_override(self, thing: Any) -> Any:
        """How to make a thing again."""
        plain = type(thing) is torch.Tensor and thing.layout is torch.strided and thing.device.type == "cpu"
        if not plain or thing.requires_grad:
            return NotImplemented
        try:
            return torch.from_numpy, (thing.numpy(),)
        except (TypeError, RuntimeError):  # a dtype that numpy has not
            return NotImplemented


def _packed(thing: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(thing)
    return buffer.getvalue()


def _become_worker(parent: int, keep: Sequence[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which is for the training; it ends this process where it ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.nice(_NICE)
    settle_in_fork(keep)


def _seconds_computed(pid: int) -> str:
    """What grows while a process computes; the same for ever where it is gone."""
    with suppress(OSError, IndexError):
        return " ".join(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15])
    return ""


def why_not(devices: Sequence[torch.device]) -> str | None:
    """Why nothing can be drawn in a forked process; None where it can.

    Args:
        devices: Those of the network's tensors.
    """
    if NO_FORK is not None:
        return NO_FORK
    used: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    if used or any(device.type != "cpu" for device in devices):
        return "a process that uses a GPU cannot be forked"
    return None


def warn_again(found: Sequence[Warning]) -> None:
    """Gives the warnings of another process here."""
    for one in found:
        rank_zero_warn(str(one), category=type(one))
