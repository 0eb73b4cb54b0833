"""The copy of a module that is explained, and how it is brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lightning_viz.explain.fusing import fuse
from lightning_viz.harness.isolation.changes import Changes
from lightning_viz.harness.isolation.mirror import Mirror, UnknownModuleError
from lightning_viz.harness.isolation.reach import VALUES, modules_within
from lightning_viz.harness.isolation.tensors import alike, bring

_OWN = frozenset(("training", "_parameters", "_buffers", "_modules", "_compiled_call_impl", "log", "log_dict"))
"""Attributes of a module that the copy has for itself."""


_NOTHING = object()


class NoCopyError(RuntimeError):
    """A module cannot be copied; the text says why."""


class _Pair:
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
        self.own: frozenset[str] = _OWN

    def tensors(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """The parameters and buffers, each with its name in the network: of the original and of the copy."""
        for own, theirs in _registries(self.original, self.copy):
            for name, tensor in own.items():
                if tensor is not None and not is_lazy(tensor):
                    yield f"{self.name}.{name}".lstrip("."), tensor, theirs[name]

    def reset(self) -> None:
        """Gives the copy its own parameters, buffers and modules back, in eval mode and frozen."""
        for now, kept in self._kept:
            if [*map(id, now.values())] != [*map(id, kept.values())] or now.keys() != kept.keys():
                now.clear()
                now.update(kept)
        if self.copy.training:
            self.copy.training = False
        for parameter in self.copy._parameters.values():
            if parameter is not None:
                parameter.requires_grad_(False)
                parameter.grad = None

    def attributes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What both have beside that: what counts of it."""
        if self.scripted:
            return {}, {}
        return {n: v for n, v in vars(self.original).items() if n not in self.own}, vars(self.copy)


class ModelCopy:
    """A copy of a module, on the same device, in eval mode and with frozen parameters.

    Whatever a forward changes, it changes here: parameters, buffers, attributes, containers, plain objects, arrays,
    iterators, generators, and networks that are hidden in lists. `self.log` is mute. The copy is fast, see
    `explain.fusing`. A Trainer, loggers and data sets are those of the original.

    Args:
        original: The user's module.

    Attributes:
        module: The copy.
        changes: What of the original had changed at each `update`.

    Raises:
        NoCopyError: There can be none.
    """

    module: nn.Module

    def __init__(self, original: nn.Module) -> None:
        self._original = original
        self.changes = Changes()
        self._buffers: Sequence[Tensor] = ()
        self._marks: dict[str, tuple[int, int]] = {}
        self._build()

    def update(self, buffers: Sequence[Tensor] = ()) -> None:
        """Makes the copy what the original is now, and notes what of it has changed since the last time.

        Args:
            buffers: To be taken instead of the original's, in the order of its `buffers()`.

        Raises:
            NoCopyError: The original has become something that cannot be copied.
        """
        self._buffers = buffers
        try:
            changed = self._renew() if self._structure == _structure(self._original) else None
        except UnknownModuleError:  # in some list or object
            changed = None
        if changed is None:
            self._build()
            self._renew()
            changed = {name for named in self.named() for name, _ in named}
        self.changes.note(changed)

    def restore(self) -> None:
        """Undoes what a drawing did to the copy: makes it what it was after the last `update`.

        Parameters that nothing has been written to since then, as torch counts it, are taken as they are; what was
        written behind its back is undone by the next `update`.
        """
        self._renew(suspected=lambda name, tensor: self._marks.get(name) != _mark(tensor))

    def agrees(self, part: Collection[str]) -> bool:
        """Whether some of the original's tensors, by name, have not changed since the last `update`."""
        pairs = (three for pair in self._pairs for three in pair.tensors())
        same = all(alike(copy, own) for name, own, copy in pairs if name in part)
        return same and self._structure == _structure(self._original)

    def named(self) -> tuple[list[tuple[str, Tensor]], list[tuple[str, nn.Module]]]:
        """The copy's tensors and modules, with their names in the original."""
        tensors = [(name, copy) for pair in self._pairs for name, _, copy in pair.tensors()]
        return tensors, [(pair.name, pair.copy) for pair in self._pairs]

    def _build(self) -> None:
        try:
            self._mirror, self._structure = Mirror(), _structure(self._original)
            self._pairs: list[_Pair] = []
            self.module = self._copied()
            self._attributes()  # what refers to what was not there yet
            if lasting := self._attributes():
                module, name = lasting[0]
                raise TypeError(f"{f'{module}.{name}'.lstrip('.')} holds something that no copy is like")
        except Exception as error:  # whatever a user's objects do when they are copied
            raise NoCopyError(f"{type(error).__name__}: {error}") from error
        self._fused = fuse(self.module)
        for pair in self._pairs:
            fused = {"forward"} & (vars(pair.copy).keys() - vars(pair.original).keys())
            pair.own = _OWN | fused if not pair.scripted else _OWN

    def _copied(self) -> nn.Module:
        memo = dict[int, Any]()
        for module in self._original.modules():
            if (aside := vars(module).get("_hparams_initial")) is not None:
                memo[id(aside)] = aside  # Lightning's own copy of the arguments, with which nobody computes
        with torch.no_grad():
            made: nn.Module = self._mirror.copied(self._original, memo)
        for name, original, copy in _paired(self._original, made, memo):
            pair = _Pair(name, original, copy)
            self._pairs.append(pair)
            self._mirror.pair(original, copy)
            for _, one, other in pair.tensors():
                self._mirror.pair(one, other)
            if hasattr(type(copy), "log_dict"):
                vars(copy).update(log=_ignore, log_dict=_ignore)
            pair.reset()
        return made

    def _renew(self, suspected: Callable[[str, Tensor], bool] = lambda name, tensor: True) -> set[str]:
        """The names of what was not as it should be."""
        source, target = dict[str, Tensor](), dict[str, Tensor]()
        for pair in self._pairs:
            pair.reset()
            for name, own, other in pair.tensors():
                if not isinstance(other, nn.Parameter) or suspected(name, other):
                    source[name], target[name] = own, _fitting(other, own)
        if self._buffers:
            names = (name for name, _ in self._original.named_buffers())
            source.update(zip(names, self._buffers, strict=True))
        changed = bring(source, target)
        if changed:
            self._fused.update()
        self._marks |= {name: _mark(tensor) for name, tensor in target.items()}
        # What a LightningModule counts while it trains is no part of a network.
        logging = {pair.name for pair in self._pairs if hasattr(type(pair.copy), "log_dict")}
        return changed | ({name for name, _ in self._attributes()} - logging)

    def _attributes(self) -> list[tuple[str, str]]:
        """Brings attributes up to date; the names of those that were others, each behind that of its module."""
        compare, memo, changed = self._mirror.comparison(), dict[int, Any](), list[tuple[str, str]]()
        for pair in self._pairs:
            own, theirs = pair.attributes()
            for name, value in own.items():
                other = theirs.get(name, _NOTHING)
                if (value is other and type(value) in VALUES) or compare.holds(value, other):
                    continue
                self._mirror.check_modules(value)
                memo = memo or self._mirror.memo()
                theirs[name] = self._mirror.copied(value, memo)
                changed.append((pair.name, name))
            for late in theirs.keys() - own.keys() - pair.own:
                del theirs[late]
                changed.append((pair.name, late))
        return changed


def _ignore(*args: object, **kwargs: object) -> None:
    """Stands in for `self.log`."""


def _mark(tensor: Tensor) -> tuple[int, int]:
    """What changes when a tensor is written to, in most ways, or gets other memory."""
    return tensor._version, tensor.data_ptr()


def _registries(original: nn.Module, copy: nn.Module) -> list[tuple[Any, Any]]:
    return [(original._parameters, copy._parameters), (original._buffers, copy._buffers)]


@torch.no_grad()
def _fitting(other: Tensor, own: Tensor) -> Tensor:
    """A tensor of the copy, of the shape that it should have."""
    if (other.shape, other.dtype, other.device) != (own.shape, own.dtype, own.device):
        other.data = own.detach().clone()
    return other


def _structure(root: nn.Module) -> list[Any]:
    """What a copy has in common with its original for good: modules, and kinds of tensors, also which are the same."""
    first = dict[int, int]()
    found = list[Any]()
    for module in root.modules():
        found.append((id(module), "forward" in vars(module)))
        scripted = isinstance(module, torch.jit.ScriptModule)  # which makes its tensors anew for whoever asks
        for kind in (module._parameters, module._buffers):
            for name, t in kind.items():
                if t is None or is_lazy(t):
                    found.append((name, t is None))
                else:
                    same = name if scripted else first.setdefault(id(t), len(first))
                    found.append((name, same, t.shape, t.dtype, t.device, type(t)))
    return found


def _paired(original: nn.Module, copy: nn.Module, memo: dict[int, Any]) -> Iterator[tuple[str, nn.Module, nn.Module]]:
    names, theirs = [name for name, _ in original.named_modules()], list(copy.modules())
    everything = modules_within(original)
    yield from zip(names, everything, theirs, strict=False)
    if len(names) != len(theirs):
        raise TypeError(f"{type(original).__name__} copies itself in a way of its own")
    for number, hidden in enumerate(everything[len(names) :]):
        if id(hidden) not in memo:
            raise TypeError(f"a {type(hidden).__name__} is hidden where it cannot be copied")
        yield f"<{number}>", hidden, memo[id(hidden)]
