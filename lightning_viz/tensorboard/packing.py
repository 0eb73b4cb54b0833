"""Many pictures in one answer, each with its kind."""

from __future__ import annotations

import json
from collections.abc import Sequence

OTHER = "application/octet-stream"


def mime(blob: bytes) -> str:
    """The MIME type of a picture by its first bytes; what is no picture that we log gets none that a browser would run.

    Example:
        >>> mime(b"GIF89a...")
        'image/gif'
    """
    if blob.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if blob.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if blob.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if blob[:4] == b"RIFF" and blob[8:12] == b"WEBP" else OTHER


def pack(blobs: Sequence[bytes | None]) -> bytes:
    r"""A JSON line of lengths (-1: not there) and MIME types, then the bytes, one after the other.

    Example:
        >>> pack([b"abc", None])
        b'[[3, "application/octet-stream"], [-1, ""]]\nabc'
    """
    head = [[-1, ""] if blob is None else [len(blob), mime(blob)] for blob in blobs]
    return json.dumps(head).encode() + b"\n" + b"".join(blob for blob in blobs if blob is not None)
