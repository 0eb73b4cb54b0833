"""Into TensorBoard's event files, so that nothing of ours ends the thread that writes them."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


def event_file(experiment: Any) -> Path | None:
    """The file that TensorBoard's writer adds to; `None` where there is none on this machine."""
    writer = experiment._get_file_writer() if hasattr(experiment, "_get_file_writer") else None
    name = getattr(getattr(writer, "event_writer", None), "_file_name", None)
    return None if name is None or "://" in str(name) else Path(os.fsdecode(name))


def add_summary(experiment: Any, summary: Any, step: int) -> None:
    """Adds a `Summary` to the log of a `SummaryWriter`.

    Its own thread would keep the first error that it meets, and raise it from the user's next call. So the bytes are
    written here, behind those that wait for the thread, and what was written of them in vain is taken back.

    Args:
        experiment: A `torch.utils.tensorboard.SummaryWriter`; one without a file, as of other processes, takes nothing.
        summary: The `Summary`.
        step: The step.

    Raises:
        OSError: The file cannot be written to.
    """
    writer = experiment._get_file_writer()
    if writer is None:
        return
    file = event_file(experiment)
    queue: Any = getattr(writer.event_writer, "_async_writer", None)
    parts = ("_lock", "_byte_queue", "_writer", "_check_worker_status")
    if file is None or not all(hasattr(queue, part) for part in parts):
        writer.add_summary(summary, step)
        return
    from tensorboard.compat.proto.event_pb2 import Event

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


def _write(writer: Any, data: bytes) -> None:
    """Writes a record as TensorBoard does, whose checksums are computed in Python and take .12 s per MB."""
    file = getattr(writer, "_writer", None)
    if file is None:
        writer.write(data)
        return
    length = struct.pack("<Q", len(data))
    file.write(length + _checksum(length) + data + _checksum(data))


def _checksum(data: bytes) -> bytes:
    """CRC-32C, masked as in TensorFlow's records."""
    import google_crc32c

    found = google_crc32c.value(data)
    return struct.pack("<I", ((found >> 15 | found << 17) + 0xA282EAD8) & 0xFFFFFFFF)
