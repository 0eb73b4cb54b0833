"""The keywords that callbacks share: for editors and type checkers, for `help`, and for whoever mistypes one."""

from __future__ import annotations

import re
from difflib import get_close_matches
from inspect import Parameter, Signature, cleandoc, signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from typing_extensions import TypedDict
    from typing_extensions import Unpack as Unpack

    from lightning_viz.harness.probes.spec import Probes

    class Common(TypedDict, total=False):
        """Those of `ExplanationCallback`."""

        probes: Probes | int
        every_n_epochs: int
        every_n_steps: int | None
        net: str | None
        seed: int
        on_error: Literal["warn", "raise"]
        memory: int | None
        max_overhead: float | None
        background: bool

    class OfMaps(Common, total=False):
        """Those of `MapCallback`."""

        scale: Literal["run", "own"] | float

    class OfAttribution(OfMaps, total=False):
        """Those of `AttributionCallback`."""

        target: str | int
        against: str | int | None
        labels: int

    class OfLayer(Common, total=False):
        """Those of `LayerCallback`."""

        layer: str | None
        channels: int | Sequence[int]

    class OfWall(Common, total=False):
        """Those of `AscentCallback` and `LayerCallback` that `FilterWall` does not have itself."""

        layer: str | None
        lr: float

    class OfAscent(OfLayer, total=False):
        """Those of `AscentCallback`."""

        steps: int
        warm_steps: int | None
        lr: float

else:
    # What fills callbacks in from YAML follows keywords to where they go by itself, and would stumble over these types.
    class Unpack:
        """Any value."""

        def __class_getitem__(cls, item: object) -> Any:
            return Any

    Common = OfMaps = OfAttribution = OfLayer = OfAscent = OfWall = None

_REST = re.compile(r"^( +)\w+: (?:Those|The arguments) of `\w+`.*\n?", re.MULTILINE)
"""The line of a docstring that refers to a parent for the other arguments."""


def keywords_of(cls: type) -> dict[str, Parameter]:
    """The keywords that a class takes, its own first, then those that it hands on to its parents."""
    found: dict[str, Parameter] = {}
    for part in cls.__mro__:
        if "__init__" not in vars(part):
            continue
        parameters = list(signature(vars(part)["__init__"]).parameters.values())[1:]
        for one in parameters:
            if one.kind in (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
                found.setdefault(one.name, one)
        if not any(one.kind is Parameter.VAR_KEYWORD for one in parameters):
            break
    return found


def check_keywords(cls: type, given: Mapping[str, object]) -> None:
    """Refuses a keyword that a class does not take.

    Raises:
        TypeError: There is one; the text names the ones that it could have meant.
    """
    known = keywords_of(cls)
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f"did you mean {close[0]}=?" if close else f"it takes {', '.join(known)}."
            raise TypeError(f"Expected a keyword of {cls.__name__}, received {name}=: {meant}")


def complete_help(cls: type) -> None:
    """Lists in a class's signature and docstring the arguments that it refers to its parents for."""
    keywords = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in keywords_of(cls).values()]
    cls.__signature__ = Signature(keywords)  # type: ignore[attr-defined]
    own = vars(cls).get("__doc__")
    parent = next((base for base in cls.__mro__[1:] if "Args:" in (vars(base).get("__doc__") or "")), None)
    rest = _REST.search(cleandoc(own)) if own else None
    if own is None or rest is None or parent is None:
        return
    text = cleandoc(own)
    listed = cleandoc(parent.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
    entries = re.split(r"\n(?=    \w)", listed)
    others = [entry for entry in entries if f"\n    {entry.strip().partition(':')[0]}:" not in text]
    cls.__doc__ = text[: rest.start()] + "\n".join(others) + "\n" + text[rest.end() :]
