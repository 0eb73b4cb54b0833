"""What stands in a copy for what cannot be copied as it is."""

from __future__ import annotations

from typing import Any, NoReturn


class Eager:
    """Computes what another callable does: a compiled function without compiling, a cached one without its cache.

    Attributes:
        call: Set when what it refers to is there.
    """

    call: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it."""
        return self.call(*args, **kwargs)


class UntouchableError(RuntimeError):
    """A forward uses what can neither be copied nor put back."""


class Untouchable:
    """Stands for what can neither be copied nor put back, such as a function that yields; whoever uses it is told.

    Args:
        kind: What it is.
    """

    def __init__(self, kind: str) -> None:
        vars(self)["kind"] = kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):  # who looks what it can do uses nothing
            raise AttributeError(name)
        self._refuse()

    def __setattr__(self, name: str, value: Any) -> None:
        self._refuse()

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise UntouchableError(
            f"The forward uses a {vars(self)['kind']}, which can neither be copied nor put back to what it was. Pass "
            "net= with the path of a network that does without it."
        )

    __call__ = __iter__ = __next__ = __len__ = __getitem__ = __setitem__ = __contains__ = __bool__ = _refuse
    __enter__ = __exit__ = _refuse
