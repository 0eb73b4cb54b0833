"""What a forked process still has in common with the one that it came from, and how it gets its own."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import re
import stat
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import torch

_LARGEST = 2**28
"""Bytes of shared memory without a file that are copied; larger ones are a cache of data rather than a counter."""
_SHARED = re.compile(
    rb"^(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) rw-s (?P<offset>[0-9a-f]+) \S+ \d+ *(?P<path>.*)$", re.MULTILINE
)
_FIXED = 0x10  # MAP_FIXED, which the module `mmap` does not name


# System libraries of macOS do not survive a fork, and any other start runs a script without a main guard again.
NO_FORK = None if sys.platform.startswith("linux") else f"on {sys.platform} processes are not forked"
"""Why there are no forks on this system; None where there are."""


def settle_in_fork(keep: Collection[int]) -> None:
    """Makes a forked process one that computes by itself; the first thing that it does.

    Args:
        keep: As `come_apart` has it.
    """
    gc.freeze()  # whoever looks for garbage among what the parent has copies all of it
    torch.set_num_threads(1)  # the threads of the parent are not there, and waiting for them would take for ever
    come_apart(keep)


def come_apart(keep: Collection[int]) -> None:
    """Lets a forked process on Linux have positions in files, connections and shared memory of its own.

    A file is opened once more, where it stands. A connection or a pipe leads nowhere from now on, so that nothing of
    what the two ends tell each other gets lost. Memory that processes share is copied when it is written to.

    Args:
        keep: Descriptors that stay what they are, beside those of input and output.
    """
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor not in keep:
            with suppress(OSError):  # the one of the listing itself is closed again
                _own_descriptor(descriptor)
    for found in _SHARED.finditer(Path("/proc/self/maps").read_bytes()):
        start, end, offset = (int(found[name], 16) for name in ("start", "end", "offset"))
        with suppress(OSError):
            _own_memory(start, end - start, os.fsdecode(found["path"]), offset)


def _own_descriptor(descriptor: int) -> None:
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        import fcntl  # not on every system

        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        own = os.open(f"/proc/self/fd/{descriptor}", flags)
        os.lseek(own, os.lseek(descriptor, 0, os.SEEK_CUR), os.SEEK_SET)
    elif stat.S_ISSOCK(kind) or stat.S_ISFIFO(kind):
        own = os.open(os.devnull, os.O_RDWR)
    else:
        return
    os.dup2(own, descriptor, inheritable=os.get_inheritable(descriptor))
    os.close(own)


def _own_memory(start: int, size: int, path: str, offset: int) -> None:
    rights, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _FIXED
    named = path.startswith("/") and not path.endswith(" (deleted)")
    if path.startswith("/dev/") and not path.startswith(("/dev/shm/", "/dev/zero")):
        return  # a device
    c = ctypes.CDLL(None, use_errno=True)
    c.mmap.restype = ctypes.c_void_p
    c.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    if named:
        file = os.open(path, os.O_RDONLY)
        c.mmap(start, size, rights, flags, file, offset)
        os.close(file)
    elif size <= _LARGEST:
        content = ctypes.string_at(start, size)
        c.mmap(start, size, rights, flags | mmap.MAP_ANONYMOUS, -1, 0)
        ctypes.memmove(start, content, size)
