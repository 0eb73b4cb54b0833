"""What a module is asked and what it answers while the user's own code calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

Listener = Callable[[tuple[Any, ...], Mapping[str, Any], Any], None]
"""Takes the positional and the named arguments of one call, and what it returned."""


class Ear:
    """Hears the calls of a module, from the place where `torch.compile` would put its own.

    A hook would be found by whoever scripts, exports, copies or saves the module meanwhile; of this, nothing gets into
    any of them.

    Args:
        module: One that is not compiled.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._listeners: list[Listener] = []

    @classmethod
    def at(cls, module: nn.Module, listener: Listener) -> Ear:
        """The one that hears a module, for one listener more."""
        there: Any = module._compiled_call_impl
        ear = there if isinstance(there, cls) else cls(module)
        module._compiled_call_impl = ear
        ear._listeners.append(listener)
        return ear

    def leave(self, listener: Listener) -> None:
        """Stops telling a listener, and listening when nobody listens any more."""
        self._listeners.remove(listener)
        if not self._listeners and self._module._compiled_call_impl is self:
            del self._module._compiled_call_impl  # which every module has by its class

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the module."""
        output = self._module._call_impl(*args, **kwargs)  # type: ignore[no-untyped-call]
        if not torch.compiler.is_compiling() and torch._C._get_tracing_state() is None:  # nothing of ours gets in there
            for listener in tuple(self._listeners):
                listener(args, kwargs, output)
        return output

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """Nothing, which is what a module has that is not compiled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Likewise."""
        return type(None), ()


def is_compiled(module: nn.Module) -> bool:
    """Whether a module does not tell what it is asked: it is compiled or scripted."""
    called: Any = module._compiled_call_impl
    compiled = called is not None and not isinstance(called, Ear)
    whole = getattr(module, "_compiler_ctx", None) is not None  # a LightningModule, steps and all
    return compiled or whole or hasattr(module, "_orig_mod") or isinstance(module, torch.jit.ScriptModule)
