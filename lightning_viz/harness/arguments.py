"""Arguments, checked where they are written: what was expected, and what was received."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from numbers import Integral, Real
from typing import Any, Optional, TypeGuard, TypeVar

Whole = TypeVar("Whole", int, Optional[int])  # noqa: UP045  # at run time, for Python 3.10
Number = TypeVar("Number", float, Optional[float])  # noqa: UP045
Flat = TypeVar("Flat")

LARGEST_SEED = 2**32 - 1
"""Of Lightning's `seed_everything`, and of numpy."""


def whole(
    name: str, value: Whole, *, least: int = 1, most: int | None = None, none: bool = False, unit: str = ""
) -> Whole:
    """A whole number, which a bool is not.

    Args:
        name: Of the argument, for the error.
        value: What was given.
        least: The smallest that will do.
        most: The largest.
        none: Whether `None` will do.
        unit: Of what, for the error.

    Returns:
        The number, as an int.

    Raises:
        ValueError: It is none, or out of range.

    >>> whole("steps", 3)
    3
    >>> whole("steps", 2.5)
    Traceback (most recent call last):
    ValueError: Expected steps= as a whole number of at least 1, received 2.5.
    """
    if value is None and none:
        return value
    if not is_whole(value) or value < least or (most is not None and value > most):  # type: ignore[operator]
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise refusal(name, f"a whole number {wanted}{unit}", value, none=none)
    return int(value)  # type: ignore[arg-type]


def number(name: str, value: Number, *, least: float | None = None, above: float = 0.0, none: bool = False) -> Number:
    """A finite number, which a bool is not.

    Args:
        name: Of the argument, for the error.
        value: What was given.
        least: The smallest that will do.
        above: What it must be above, where there is no smallest.
        none: Whether `None` will do.

    Returns:
        The number.

    Raises:
        ValueError: It is none, or out of range.
    """
    if value is None and none:
        return value
    if not is_number(value) or (value <= above if least is None else value < least):  # type: ignore[operator]
        wanted = f" above {above:g}" if least is None else f" of at least {least:g}"
        raise refusal(name, f"a number{wanted if isfinite(above) else ''}", value, none=none)
    return value


def wholes(name: str, value: Any, *, least: int = 1, each: int = 1, count: int | None = None) -> int | list[int]:
    """A whole number, or a list of them.

    Args:
        name: Of the argument, for the error.
        value: What was given.
        least: The smallest that will do as a single number.
        each: The smallest that will do in a list.
        count: How many a list must have.

    Raises:
        ValueError: It is neither, or out of range.
    """
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict)):
        numbers = list(value)
        if numbers and len(numbers) == (count or len(numbers)) and all(is_whole(n) and n >= each for n in numbers):
            return [int(n) for n in numbers]
    elif is_whole(value) and value >= least:
        return int(value)
    listed = f"{count or 'a list'} of them" if each == least else f"{count or 'a list'} of them from {each} on"
    raise refusal(name, f"a whole number of at least {least}, or {listed}", value)


def one_of(name: str, value: Flat, known: Iterable[str]) -> Flat:
    """One of a few words.

    Raises:
        ValueError: It is none of them.
    """
    words = list(known)
    if value not in words:
        raise refusal(name, f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}", value)
    return value


def flag(name: str, value: bool) -> bool:
    """True or False.

    Raises:
        ValueError: It is neither.
    """
    if not isinstance(value, bool):
        raise refusal(name, "True or False", value)
    return value


def text(name: str, value: Flat, example: str) -> Flat:
    """A text that is not empty, or `None`.

    Raises:
        ValueError: It is neither.
    """
    if value is not None and not (isinstance(value, str) and value):
        raise refusal(name, f"a text such as {example!r}", value, none=True)
    return value


def options(name: str, value: Any, example: dict[str, Any]) -> dict[str, Any]:
    """A dict by name; an empty one for `None`.

    Raises:
        ValueError: It is none.
    """
    if value is not None and not (isinstance(value, dict) and all(isinstance(key, str) for key in value)):
        raise refusal(name, f"a dict by name such as {example}", value, none=True)
    return dict(value or {})


def is_whole(value: object) -> bool:
    """Whether it is a whole number.

    >>> is_whole(3), is_whole(True), is_whole(3.0)
    (True, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether it is a finite number.

    >>> is_number(0.5), is_number(True), is_number(float("nan"))
    (True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list or the like, which neither a text nor a dict is."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def refusal(name: str, wanted: str, value: object, *, none: bool = False) -> ValueError:
    """The error of an argument that will not do."""
    return ValueError(f"Expected {name}= as {wanted}{', or None' if none else ''}, received {value!r}.")
