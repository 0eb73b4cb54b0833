"""Into TensorBoard's event files, so that nothing of ours ends the thread that writes them."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from lightning_viz.harness.remote import Remote


def experiment_of(logger: Any) -> Any:
    """What a logger hands its user to write to; `None` where it has no such thing, as one of a user's own."""
    return getattr(logger, "experiment", None)


def event_file(experiment: Any) -> Path | None:
    """The file that TensorBoard's writer adds to; `None` where there is none on this machine."""
    writer = experiment._get_file_writer() if hasattr(experiment, "_get_file_writer") else None
    name = _name(writer)
    return None if name is None or "://" in name else Path(name)


def add_summary(experiment: Any, summary: Any, step: int) -> None:
    """Adds a `Summary` to the log of a `SummaryWriter`.

    Its own thread would keep the first error that it meets, and raise it from the user's next call. So the bytes are
    written here, behind those that wait for the thread, and what was written of them in vain is taken back. Where the
    log is elsewhere, they wait for `send`, since each addition there may cost as much as the whole file.

    Args:
        experiment: A `torch.utils.tensorboard.SummaryWriter`; one without a file, as of other processes, takes nothing.
        summary: The `Summary`.
        step: The step.

    Raises:
        OSError: The file cannot be written to.
    """
    from tensorboard.compat.proto.event_pb2 import Event

    writer = experiment._get_file_writer()
    if writer is None:
        return
    file = event_file(experiment)
    if waits(experiment):
        found = Event(wall_time=time.time(), step=int(step), summary=summary).SerializeToString()
        _WAITING.setdefault(experiment, []).append(_record(found))
        return
    if type(writer).add_event.__module__ != _TORCHS:  # somebody listens there: ClearML, MLflow
        writer.add_summary(summary, step)
        return
    queue: Any = getattr(writer.event_writer, "_async_writer", None)
    parts = ("_lock", "_byte_queue", "_writer", "_check_worker_status")
    if file is None or not all(hasattr(queue, part) for part in parts):
        writer.add_summary(summary, step)
        return
    event = Event(wall_time=time.time(), step=int(step), summary=summary).SerializeToString()
    with queue._lock:  # nobody adds to the queue meanwhile
        queue._check_worker_status()
        queue._byte_queue.join()
        before = file.stat().st_size
        try:
            _write(queue._writer, event)
            queue._writer.flush()
        except OSError:
            with suppress(OSError):
                os.truncate(file, before)
            raise


_TORCHS = "torch.utils.tensorboard.writer"
_WAITING: WeakKeyDictionary[Any, list[bytes]] = WeakKeyDictionary()
_MOST_WAITING = 2**26
"""Bytes that wait for a file system which is away."""


def waits(experiment: Any) -> bool:
    """Whether what a logger writes to is a log of TensorBoard that is elsewhere."""
    writer = experiment._get_file_writer() if hasattr(experiment, "_get_file_writer") else None
    return "://" in (_name(writer) or "")


def send(experiment: Any) -> None:
    """Writes what waits for the log of a `SummaryWriter` that is elsewhere; what it does not take waits on.

    Raises:
        OSError: The file system has replaced the log by what was to be added, as gcsfs does.
        Exception: Of the file system.
    """
    waiting = _WAITING.get(experiment) if waits(experiment) else None
    if not waiting:
        return
    writer = experiment._get_file_writer()
    queue, name, added = writer.event_writer._async_writer, _name(writer) or "", sum(map(len, waiting))
    with queue._lock:
        queue._check_worker_status()
        queue._byte_queue.join()
        before = _size(name) or 0
        try:
            queue._writer._writer.write(b"".join(waiting))
        except Exception:
            while sum(map(len, waiting)) > _MOST_WAITING:
                waiting.pop(0)
            raise
        waiting.clear()
        queue._writer.flush()
        after = _size(name)
    if after is not None and after < before + added:
        raise OSError(
            f"Expected a file system that adds to files for TensorBoard's log {name}, received one that replaces them, "
            "so that only its last part is kept: let the logger write to a folder here and copy it, or take CSVLogger."
        )


def _size(name: str) -> int | None:
    """Bytes of a file that is elsewhere; `None` where none is found, or TensorBoard alone has a way to it."""
    with suppress(OSError):
        return Remote(name).size()
    return None


def _name(writer: Any) -> str | None:
    name = getattr(getattr(writer, "event_writer", None), "_file_name", None)
    return None if name is None else os.fsdecode(name)


def _write(writer: Any, data: bytes) -> None:
    """Writes a record as TensorBoard does, whose checksums are computed in Python and take .12 s per MB."""
    file = getattr(writer, "_writer", None)
    if file is None:
        writer.write(data)
        return
    file.write(_record(data))


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    """CRC-32C, masked as in TensorFlow's records."""
    import google_crc32c

    found = google_crc32c.value(data)
    return struct.pack("<I", ((found >> 15 | found << 17) + 0xA282EAD8) & 0xFFFFFFFF)
