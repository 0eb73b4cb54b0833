"""A file or a folder on any file system that Lightning can log to.

Not `universal_pathlib` (0.3.10 was tried): its `exists` says no where a network is away, its errors are of each file
system's own kind and its writes are not whole, so that only names would come from it, and all that reaches a file
system would stay here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import PurePosixPath
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "memory"}
"""Protocols of stores in which a file is there as a whole or not at all, and folders are but parts of names."""


def _told(call: Callable[P, T]) -> Callable[P, T]:
    """Tells of what a file system raises, each its own, as an `OSError`."""

    @wraps(call)
    def told(*arguments: P.args, **keywords: P.kwargs) -> T:
        try:
            return call(*arguments, **keywords)
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{arguments[0]}: {type(error).__name__}: {error}") from error

    return told


class Remote:
    """A file or a folder that is elsewhere, with as much of `pathlib.Path` as is needed of it.

    Whatever fails raises an `OSError`.

    Args:
        url: Such as `s3://bucket/runs`.
    """

    def __init__(self, url: str) -> None:
        protocol, separator, path = url.rpartition("://")
        self._before, self._path = protocol + separator, PurePosixPath(path)

    def __str__(self) -> str:
        return f"{self._before}{self._path}"

    def __repr__(self) -> str:
        return f"Remote({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: Remote) -> bool:
        return str(self) < str(other)

    def __truediv__(self, name: str | os.PathLike[str]) -> Remote:
        return self._at(self._path / name)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self._path.name

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return self._path.suffix

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path."""
        return self._path.parts

    @property
    def parent(self) -> Remote:
        """The folder that it lies in."""
        return self._at(self._path.parent)

    @property
    def parents(self) -> list[Remote]:
        """The folders that it lies in, the nearest first."""
        return [self._at(parent) for parent in self._path.parents]

    def with_name(self, name: str) -> Remote:
        """The same place with another last part."""
        return self._at(self._path.with_name(name))

    def resolve(self) -> Remote:
        """The same place without `..`; there are no links."""
        return self._at(PurePosixPath(os.path.normpath(self._path)))

    def is_beside(self, other: object) -> bool:
        """Whether another place is on the same file system."""
        return isinstance(other, Remote) and self._before == other._before

    @_told
    def exists(self) -> bool:
        """Whether there is something now, whatever was found before."""
        system, path = self._fresh()
        return bool(system.exists(path))

    @_told
    def is_dir(self) -> bool:
        """Whether it is a folder, which on a store means that something lies below it."""
        system, path = self._fresh()
        return bool(system.isdir(path))

    @_told
    def is_file(self) -> bool:
        """Whether it is a file."""
        system, path = self._fresh()
        return bool(system.isfile(path))

    @_told
    def size(self) -> int:
        """Bytes of the file."""
        system, path = self._fresh()
        return int(system.size(path))

    @_told
    def version(self) -> str:
        """Something else when the file has changed."""
        system, path = self._fresh()
        return str(system.ukey(path))

    @_told
    def mkdir(self, *, parents: bool = True, exist_ok: bool = True) -> None:
        """Makes the folder, where the file system has any."""
        if not self._is_store:
            system, path = self._at_home()
            system.makedirs(path, exist_ok=exist_ok)

    @_told
    def rmdir(self) -> None:
        """Removes the folder if it is empty, where the file system has any."""
        if not self._is_store:
            system, path = self._at_home()
            system.rmdir(path)

    @_told
    def unlink(self, *, missing_ok: bool = False) -> None:
        """Removes the file."""
        system, path = self._fresh()
        with suppress(*[FileNotFoundError] if missing_ok else []):
            system.rm_file(path)

    @_told
    def read_bytes(self) -> bytes:
        """All that it holds, as it is now."""
        system, path = self._fresh()
        return bytes(system.cat_file(path))

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All that it holds, as text."""
        return self.read_bytes().decode(encoding, errors)

    @_told
    def write_bytes(self, content: bytes) -> None:
        """Writes the file as a whole: on a store at once, elsewhere under another name until it is complete."""
        system, path = self._at_home()
        if self._is_store:
            system.pipe_file(path, content)
            return
        system.makedirs(system._parent(path), exist_ok=True)
        half = f"{path}.part"
        try:
            system.pipe_file(half, content)
            system.mv(half, path)
        except BaseException:
            with suppress(Exception):
                system.rm_file(half)
            raise

    def touch(self) -> None:
        """Makes an empty file of it."""
        self.write_bytes(b"")

    def rglob(self, pattern: str) -> list[Remote]:
        """All files of a name in it and in folders below."""
        return self.glob(f"**/{pattern}")

    @_told
    def glob(self, pattern: str) -> list[Remote]:
        """All that a pattern means below it."""
        system, path = self._fresh()
        root = path.rstrip("/")
        return sorted(self / found[len(root) :].lstrip("/") for found in system.glob(f"{root}/{pattern}"))

    @_told
    def copy_from(self, other: Remote) -> None:
        """Becomes a copy of another file; on the same file system without coming over here."""
        (system, path), (theirs, source) = self._at_home(), other._at_home()
        if system is theirs:
            system.cp_file(source, path)
        else:
            self.write_bytes(other.read_bytes())

    @property
    def _is_store(self) -> bool:
        return self._before.removesuffix("://").rpartition("::")[2] in WHOLE

    def _at(self, path: PurePosixPath) -> Remote:
        return Remote(f"{self._before}{path}")

    def _at_home(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(str(self))
        return system, str(path)

    def _fresh(self) -> tuple[Any, str]:
        """The file system, which looks anew for what others may have written."""
        system, path = self._at_home()
        system.invalidate_cache()
        return system, path
