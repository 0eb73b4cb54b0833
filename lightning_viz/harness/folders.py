"""Folders and files, here or on any file system that Lightning can log to (fsspec: `s3://`, `gs://`, `memory://`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Hashable
from contextlib import suppress
from glob import glob, has_magic
from io import BytesIO
from pathlib import Path
from typing import Any, Union

from lightning_viz.harness.remote import Remote

Place = Union[Path, Remote]  # noqa: UP007


def place(named: str | os.PathLike[str] | Remote) -> Place:
    """The place that a path or a URL names.

    Example:
        >>> place("runs/demo").name, str(place("s3://bucket/runs") / "demo")
        ('demo', 's3://bucket/runs/demo')
    """
    if isinstance(named, Remote):
        return named
    text = os.fspath(named)
    if text.startswith(("file:", "local:")):
        from fsspec.implementations.local import LocalFileSystem

        return Path(str(LocalFileSystem._strip_protocol(text)))
    return Remote(text) if "://" in text else Path(named)


def matches(pattern: str) -> list[Place]:
    """The places that a pattern means, in order; `**` goes below any number of folders."""
    if not isinstance(place(pattern), Remote):
        return sorted(map(Path, glob(str(place(pattern)), recursive=True)))
    before, separator, path = pattern.rpartition("://")
    parts = path.split("/")
    fixed = next((i for i, part in enumerate(parts) if has_magic(part)), len(parts))
    return [*Remote(before + separator + "/".join(parts[:fixed])).glob("/".join(parts[fixed:]))]


def version(file: Place) -> Hashable:
    """Something else when a file has changed.

    Raises:
        FileNotFoundError: It is not there.
    """
    if isinstance(file, Remote):
        return file.version()
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size


def readable(file: Place) -> Any:
    """What libraries read a file from that know nothing but paths and streams."""
    return BytesIO(file.read_bytes()) if isinstance(file, Remote) else file


def append(file: Place, text: str) -> None:
    """Adds to a text; a store, that cannot, gets all of it anew.

    Raises:
        OSError: It cannot be written to.
    """
    if isinstance(file, Remote):
        before = b""
        with suppress(FileNotFoundError):
            before = file.read_bytes()
        file.write_bytes(before + text.encode())
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as open_file:
        open_file.write(text)


def copied(source: Place, to: Place) -> None:
    """Copies a file, by a hard link where the file system has them.

    Raises:
        OSError: It cannot be read or written.
    """
    if isinstance(source, Remote) and isinstance(to, Remote):
        to.copy_from(source)
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, Remote) or isinstance(to, Remote):
        to.write_bytes(source.read_bytes())
        return
    try:
        os.link(source, to)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, to)
