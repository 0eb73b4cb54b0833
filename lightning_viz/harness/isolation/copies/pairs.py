"""Modules and their copies, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lightning_viz.harness.isolation.things.reach import modules_within

OWN = frozenset((
    "training", "_parameters", "_buffers", "_modules", "_compiled_call_impl", "log", "log_dict", "_hparams_initial",
))  # fmt: skip
"""Attributes of a module that the copy has for itself."""


class Pair:
    """A module and its copy.

    Args:
        name: Its dotted path, where it is registered.
        original: The user's.
        copy: Ours.
    """

    def __init__(self, name: str, original: nn.Module, copy: nn.Module) -> None:
        self.name, self.original, self.copy = name, original, copy
        self.scripted = isinstance(original, torch.jit.ScriptModule)
        kinds = () if self.scripted else (copy._parameters, copy._buffers, copy._modules)
        self._kept: list[tuple[dict[str, Any], dict[str, Any]]] = [(kind, dict(kind)) for kind in kinds]
        self.own: frozenset[str] = OWN

    def tensors(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """The parameters and buffers, each with its name in the network: of the original and of the copy."""
        both: list[tuple[Any, Any]] = [
            (self.original._parameters, self.copy._parameters),
            (self.original._buffers, self.copy._buffers),
        ]
        for own, theirs in both:
            for name, tensor in own.items():
                if tensor is not None and not is_lazy(tensor):
                    yield f"{self.name}.{name}".lstrip("."), tensor, theirs[name]

    def copied_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The copy's parameters and buffers, each with its name there."""
        both: list[Any] = [self.copy._parameters, self.copy._buffers]
        return ((name, t) for kind in both for name, t in kind.items() if t is not None and not is_lazy(t))

    def reset(self) -> None:
        """Gives the copy its own parameters, buffers and modules back, in eval mode and frozen."""
        for now, kept in self._kept:
            if [*map(id, now.values())] != [*map(id, kept.values())] or now.keys() != kept.keys():
                now.clear()
                now.update(kept)
        if self.copy.training:
            to_eval(self.copy)
        for parameter in self.copy._parameters.values():
            if parameter is not None:
                parameter.requires_grad_(False)
                parameter.grad = None

    def attributes(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """What both have beside that, and what their tensors have."""
        if not self.scripted:
            yield {n: v for n, v in vars(self.original).items() if n not in self.own}, vars(self.copy)
            yield from ((vars(own), vars(other)) for _, own, other in self.tensors() if vars(own) or vars(other))


def to_eval(module: nn.Module) -> None:
    """Sets its flag, past whatever the class makes of that."""
    if isinstance(module, torch.jit.ScriptModule):
        module.eval()
    else:
        vars(module)["training"] = False


def check_apart(pairs: Sequence[Pair]) -> None:
    """Raises where a copy is its original, or shares memory with it.

    Raises:
        TypeError: It does.
    """
    for pair in pairs:
        if pair.copy is pair.original or not (pair.scripted or _of_one_kind(pair.original, pair.copy)):
            raise TypeError(f"{type(pair.original).__name__} copies itself in a way of its own")
        for name, one, other in pair.tensors():
            if one is other or (_address(one) and _address(one) == _address(other)):
                raise TypeError(f"a copy of {type(pair.original).__name__} has the same {name.rpartition('.')[2]}")


def _of_one_kind(one: nn.Module, other: nn.Module) -> bool:
    """Whether both are of the same class, or each of its own that says nothing new, as modules of `torch.fx` are."""
    kinds = type(one), type(other)
    each_its_own = isinstance(one, torch.fx.GraphModule) and kinds[0].__mro__[1:] == kinds[1].__mro__[1:]
    return kinds[0] is kinds[1] or each_its_own


def _address(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # it has no memory, or not one
        return 0


def structure(modules: Sequence[nn.Module]) -> list[Any]:
    """What a copy has in common with its original for good: modules, and kinds of tensors, also which are the same."""
    first = dict[int, int]()
    found = list[Any]()
    for module in modules:
        scripted = isinstance(module, torch.jit.ScriptModule)  # which makes its tensors anew for whoever asks
        found.append((id(module), type(module), "forward" in vars(module)))
        if not scripted:
            found += [(name, id(child)) for name, child in module._modules.items()]
        for kind in (module._parameters, module._buffers):
            for name, t in kind.items():
                if t is None or is_lazy(t):
                    found.append((name, t is None))
                else:
                    same = name if scripted else first.setdefault(id(t), len(first))
                    shape = None if t.is_nested else t.shape
                    found.append((name, same, shape, t.dtype, t.device, t.layout, type(t)))
    return found


def paired(original: nn.Module, copy: nn.Module, memo: dict[int, Any]) -> Iterator[tuple[str, nn.Module, nn.Module]]:
    """The modules of both, hidden ones too, each with its name; what is not registered has a number in its place.

    Raises:
        TypeError: They are not made alike.
    """
    names, theirs = [name for name, _ in original.named_modules()], list(copy.modules())
    everything = modules_within(original)
    if len(names) != len(theirs):
        raise TypeError(f"{type(original).__name__} copies itself in a way of its own")
    yield from zip(names, everything, theirs, strict=False)
    for number, hidden in enumerate(everything[len(names) :]):
        if id(hidden) not in memo:
            raise TypeError(f"a {type(hidden).__name__} is hidden where it cannot be copied")
        yield f"<{number}>", hidden, memo[id(hidden)]
