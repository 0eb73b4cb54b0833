"""Names of any length and script, as pictures, tags and files can bear them."""

from __future__ import annotations

from hashlib import sha1


def fitting(name: str, most: int) -> str:
    """A name of at most so many bytes; one that is cut ends in six signs that tell it from others that begin alike.

    Example:
        >>> fitting("soup", 10), fitting("スープとパン", 16)
        ('soup', 'スープ_ce458b')
    """
    encoded = name.encode(errors="replace")
    if len(encoded) <= most:
        return name
    mark = sha1(encoded, usedforsecurity=False).hexdigest()[:6]
    return f"{encoded[: most - 7].decode(errors='ignore').rstrip('_ .')}_{mark}"


def printable(name: str) -> str:
    """A name without what cannot be shown: control signs are spaces, halves of signs a question mark in a diamond.

    Example:
        >>> printable("green" + chr(9) + "tea" + chr(0xD800))
        'green tea\ufffd'
    """
    shown = ("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in name)
    return " ".join("".join(sign if sign.isprintable() or sign == "\u200d" else " " for sign in shown).split())
