"""What belongs to the user is done in a process of its own, so that nothing of it moves in the training's."""

from __future__ import annotations

import io
import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection
from queue import Queue, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import torch
from pytorch_lightning.utilities import rank_zero_info

from lightning_viz.harness.isolation.forks.apart import NO_FORK, settle_in_fork
from lightning_viz.harness.isolation.things.kinds import GENERATORS
from lightning_viz.harness.isolation.things.reach import TooMuchError, reachable
from lightning_viz.harness.isolation.things.tensors import generator_back

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that a process may take. One that takes longer hangs, as a fork of a process with threads can."""
_THREADS = (Executor, Thread, Queue, SimpleQueue)
"""What a fork lacks: whoever waits for one there waits for ever."""
_FEW = 20_000
"""Objects among which such are looked for."""


def elsewhere(read: Callable[[], T], *touched: object) -> T:
    """What a function returns, called in a forked process.

    Caches, counters, generators, open files, connections and shared memory stay as they are here. Where a process
    cannot be forked, or what is read cannot be sent back, it is read here, which is told once; then generators of
    random numbers are put back, and nothing else.

    Args:
        read: Takes nothing, uses no GPU.
        touched: What it may move, where it has to be called here.

    Raises:
        Exception: What `read` raises.
    """
    try:
        _check_threads(*touched)
        return forked(read, PATIENCE)
    except NotThereError as error:
        why = str(error)
    with held_generators(*touched):
        result = read()  # which may well fail here as it did there
    _report(why)
    return result


def only_elsewhere(read: Callable[[], T], *touched: object) -> T | None:
    """What a function returns, called in a forked process; None where there can be none, or it fails.

    Args:
        read: Takes nothing, uses no GPU.
        touched: What it may move, which must not work with threads.
    """
    try:
        _check_threads(*touched)
        return forked(read, PATIENCE)
    except NotThereError:
        return None


@contextmanager
def held_generators(*roots: object) -> Iterator[None]:
    """Restores every generator (torch, numpy, python) that can be reached from these objects.

    Args:
        roots: Data sets, functions, attributes of modules.
    """
    back = [generator_back(thing) for thing in _reached(*roots) if isinstance(thing, GENERATORS)]
    try:
        yield
    finally:
        for put in back:
            put()


def _reached(*roots: object) -> Iterator[Any]:
    with suppress(TooMuchError):  # of a data set with millions of entries the first ones must do
        yield from reachable(*roots, data=True)


def _check_threads(*roots: object) -> None:
    first = islice(_reached(*roots), _FEW)
    used = next((type(thing).__name__ for thing in first if isinstance(thing, _THREADS)), None)
    if used is not None:
        raise NotThereError(f"they work with threads ({used}), which a process of its own would not have")


class NotThereError(Exception):
    """Nothing came back."""


_HUNG: list[str] = []


def forked(read: Callable[[], T], patience: float) -> T:
    """What a function returns, called in a forked process.

    Args:
        read: Takes nothing, uses no GPU.
        patience: Seconds that it may take. After one that took longer there are no further processes.

    Raises:
        NotThereError: Processes cannot be forked, the function failed, or what it returns cannot be sent.
    """
    if _HUNG:
        raise NotThereError(_HUNG[0])
    if NO_FORK is not None:
        raise NotThereError(NO_FORK)
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_answer, args=(theirs, read), daemon=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 warns of any fork beside threads; workers of loaders fork too
            process.start()
    except (AssertionError, OSError) as error:  # a daemon may have no children; too many processes, no memory
        raise NotThereError(f"no process could be started ({error})") from error
    theirs.close()
    try:
        if not ours.poll(patience):
            _HUNG.append(f"a process did not answer in {patience:.0f} s")
            raise NotThereError(_HUNG[0])
        found, failure = torch.load(io.BytesIO(ours.recv_bytes()), weights_only=False)
    except EOFError:
        raise NotThereError("a process ended without an answer") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if failure is not None:
        raise NotThereError(failure)
    result: T = found
    return result


def _answer(pipe: Connection, read: Callable[[], Any]) -> None:
    buffer = io.BytesIO()
    try:
        settle_in_fork(keep=[pipe.fileno()])
        torch.save((read(), None), buffer)
    except BaseException as error:
        buffer = io.BytesIO()
        torch.save((None, f"{type(error).__name__}: {error}"), buffer)
    pipe.send_bytes(buffer.getvalue())


_TOLD: set[str] = set()


def _report(why: str) -> None:
    if why not in _TOLD:
        _TOLD.add(why)
        rank_zero_info(
            f"The probes are read in the training's own process, since {why}. What the data set or its transforms "
            "count or cache is then a little further on than without them."
        )
