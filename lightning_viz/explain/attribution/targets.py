"""Which class to explain: the label, the prediction, or one class by index or name."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

Target = str | int
"""`"label"`, `"predicted"`, a class index, or a class name."""

RIVAL = "rival"
"""As what to hold a class against: the strongest other one."""

_WORDS = ("label", "predicted")


def check_target(target: Target, class_names: Sequence[str]) -> None:
    """Raises early, before any image is seen, if `target` names no class.

    Args:
        target: `"label"`, `"predicted"`, a class index or a class name. Digits that are no name are an index.
        class_names: The name of every class.

    Raises:
        TypeError: If `target` is neither text nor a whole number.
        ValueError: If there is no such class.

    >>> check_target("soup", ["bread", "soup"])
    """
    if target not in _WORDS:
        class_index(target, class_names)


def check_against(against: Target, target: Target, class_names: Sequence[str]) -> None:
    """Raises early, before any image is seen, if `against` names no class, or the very class that `target` names.

    Args:
        against: `"rival"`, or what a target may be.
        target: What it is held against.
        class_names: The name of every class.

    Raises:
        TypeError: If `against` is neither text nor a whole number.
        ValueError: If there is no such class, or it is the target itself.

    >>> check_against("rival", "label", ["bread", "soup"])
    """
    if against == RIVAL:
        return
    check_target(against, class_names)
    words = {against, target} & set(_WORDS)
    if against == target or (not words and class_index(against, class_names) == class_index(target, class_names)):
        raise ValueError(f"Expected two classes, received target={target!r} against={against!r}: try against='rival'.")


def class_index(target: Target, class_names: Sequence[str]) -> int:
    """The class that a target names, by itself or by its index.

    Args:
        target: A class index or a class name. Digits that are no name are an index.
        class_names: The name of every class.

    Raises:
        TypeError: If `target` is neither text nor a whole number.
        ValueError: If there is no such class.

    >>> class_index("soup", ["bread", "soup"]), class_index("0", ["bread", "soup"])
    (1, 0)
    """
    if isinstance(target, bool) or not isinstance(target, (str, int)):
        raise TypeError(f"Expected target= as text or a class index, received {type(target).__name__} {target!r}.")
    names = list(class_names)
    if target in names:
        return names.index(str(target))
    if isinstance(target, str) and not target.isdecimal():
        raise ValueError(f"Expected target= as a class, received {target!r}. {_hint(target, names)}")
    if not 0 <= int(target) < len(names):
        raise ValueError(f"Expected target= as a class from 0 to {len(names) - 1}, received {target!r}.")
    return int(target)


def _hint(target: str, names: list[str]) -> str:
    known = {word.lower(): word for word in [*_WORDS, *names]}
    close = [known[word] for word in get_close_matches(target.lower(), known, n=3, cutoff=0.5)]
    if close:
        return f"Did you mean {', '.join(map(repr, close))}?"
    shown = ", ".join(map(repr, names[:20])) + (" ..." if len(names) > 20 else "")
    return f"Expected 'label', 'predicted', a class index or one of {shown}."
