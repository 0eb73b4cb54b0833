"""What the classes of a user's modules hold: a counter, a list in the class body, a cache around a method."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType
from typing import Any

from torch import nn

from lightning_viz.harness.isolation.in_place.keeper import Keeper, put_back
from lightning_viz.harness.isolation.things.kinds import is_plain
from lightning_viz.harness.isolation.things.reach import reachable

_LIBRARIES = frozenset(("torch", "torchvision", "pytorch_lightning", "lightning", "lightning_fabric", "builtins"))
_FIXED = (FunctionType, classmethod, staticmethod, property)


@contextmanager
def held_classes(module: nn.Module) -> Iterator[None]:
    """Inside, methods go without their caches; afterwards the classes of a module's parts are what they were.

    Args:
        module: The user's, whose copy is of the same classes.
    """
    classes = dict.fromkeys(cls for m in module.modules() for cls in type(m).__mro__)
    own = [cls for cls in classes if cls.__module__.partition(".")[0] not in _LIBRARIES]
    with ExitStack() as stack:
        for cls in own:
            before = dict(vars(cls))
            stack.callback(_restore, cls, before)
            values = [v for v in before.values() if not isinstance(v, _FIXED) and not is_plain(v)]
            keeper = Keeper()
            stack.callback(put_back, [back for thing in reachable(*values) for back in keeper.kept(thing)])
            for name, value in before.items():
                if isinstance(value, functools._lru_cache_wrapper):
                    setattr(cls, name, value.__wrapped__)
        yield


def _restore(cls: type, before: dict[str, Any]) -> None:
    for name, value in list(vars(cls).items()):
        if name not in before:
            delattr(cls, name)
        elif value is not before[name]:
            setattr(cls, name, before[name])
    for name in before.keys() - vars(cls).keys():
        setattr(cls, name, before[name])
