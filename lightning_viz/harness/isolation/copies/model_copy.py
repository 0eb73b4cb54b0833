"""The copy of a module that is explained, and how it is brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lightning_viz.explain.network.fusing import fuse
from lightning_viz.harness.isolation.copies.comparison import UnknownModuleError
from lightning_viz.harness.isolation.copies.mirror import Mirror
from lightning_viz.harness.isolation.copies.pairs import OWN, Pair, check_apart, paired, structure, to_eval
from lightning_viz.harness.isolation.things.changes import Changes
from lightning_viz.harness.isolation.things.kinds import CONTAINERS
from lightning_viz.harness.isolation.things.reach import holds_values
from lightning_viz.harness.isolation.things.tensors import NotInPlaceError, alike, bring

_NOTHING = object()
_LARGE = 64
"""Values in a container from which on it pays to remember that there is nothing else in it."""


class NoCopyError(RuntimeError):
    """A module cannot be copied; the text says why."""


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
        self._structure: list[Any] = []
        self._build()

    def update(self, buffers: Sequence[Tensor] = ()) -> None:
        """Makes the copy what the original is now, and notes what of it has changed since the last time.

        Args:
            buffers: To be taken instead of the original's, in the order of its `buffers()`.

        Raises:
            NoCopyError: The original has become something that cannot be copied.
        """
        self._buffers = buffers
        changed = None
        try:
            # Nobody can list what a scripted module holds.
            if self._structure == self._structure_now() and not any(pair.scripted for pair in self._pairs):
                changed = self._renew()
        except torch.OutOfMemoryError:
            raise
        except Exception:  # something new in it, or of another kind: the copy is made anew, and that says what it is
            changed = None
        if changed is None:
            before = {f"{p.name}.{n}".lstrip("."): t for p in self._pairs for n, t in p.copied_tensors()}
            self._build()
            self._renew()
            changed = {name for name, t in self.named()[0] if name not in before or not alike(before[name], t)}
        self.changes.note(changed)
        if self._has_modes_of_its_own:
            self.module.eval()
            for pair in self._pairs:
                to_eval(pair.copy)

    def restore(self) -> None:
        """Undoes what a drawing did to the copy: makes it what it was after the last `update`.

        Parameters that nothing has been written to since then, as torch counts it, are taken as they are; what was
        written behind its back is undone by the next `update`.
        """
        try:
            self._renew(suspected=lambda name, tensor: self._marks.get(name) != _mark(tensor))
        except (UnknownModuleError, NotInPlaceError):  # then the next update makes it anew
            self._structure = []

    def agrees(self, part: Collection[str]) -> bool:
        """Whether some of the original's tensors, by name, have not changed since the last `update`."""
        pairs = (three for pair in self._pairs for three in pair.tensors())
        same = all(alike(copy, own) for name, own, copy in pairs if name in part)
        return same and self._structure == self._structure_now()

    def named(self) -> tuple[list[tuple[str, Tensor]], list[tuple[str, nn.Module]]]:
        """The copy's tensors and modules, by the names of the original's."""
        tensors = [(name, copy) for pair in self._pairs for name, _, copy in pair.tensors()]
        return tensors, [(pair.name, pair.copy) for pair in self._pairs]

    def _build(self) -> None:
        self._marks: dict[str, tuple[int, int]] = {}
        self._values: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._structure = []
        try:
            self._mirror = Mirror()
            self._pairs: list[Pair] = []
            self.module = self._copied()
            self._structure = self._structure_now()
            self._attributes()  # what refers to what was not there yet
            if lasting := self._attributes():
                module, name = lasting[0]
                raise TypeError(f"{f'{module}.{name}'.lstrip('.')} holds something that no copy is like")
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a user's objects do when they are copied
            raise NoCopyError(f"{type(error).__name__}: {error}") from error
        kinds = {type(pair.original) for pair in self._pairs}
        self._has_modes_of_its_own = any(k.train is not nn.Module.train or k.eval is not nn.Module.eval for k in kinds)
        self._fused = fuse(self.module)
        for pair in self._pairs:
            fused = {"forward"} & (vars(pair.copy).keys() - vars(pair.original).keys())
            pair.own = OWN | fused if not pair.scripted else OWN

    def _copied(self) -> nn.Module:
        memo = dict[int, Any]()
        for module in self._original.modules():
            if (aside := vars(module).get("_hparams_initial")) is not None:
                memo[id(aside)] = aside
        with torch.no_grad():
            made: nn.Module = self._mirror.copied(self._original, memo)
        for name, original, copy in paired(self._original, made, memo):
            self._pairs.append(Pair(name, original, copy))
        check_apart(self._pairs)  # before anything is written to what is taken for a copy
        for pair in self._pairs:
            self._mirror.pair(pair.original, pair.copy)
            for _, one, other in pair.tensors():
                self._mirror.pair(one, other)
            if hasattr(type(pair.copy), "log_dict"):
                vars(pair.copy).update(log=_ignore, log_dict=_ignore)
            pair.reset()
        return made

    def _structure_now(self) -> list[Any]:
        hidden = [pair.original for pair in self._pairs if pair.name.startswith("<")]
        return structure([*self._original.modules(), *hidden])

    def _renew(self, suspected: Callable[[str, Tensor], bool] = lambda name, tensor: True) -> set[str]:
        """The names of tensors that were not as they should be."""
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
        self._attributes()
        return changed

    def _attributes(self) -> list[tuple[str, str]]:
        """Brings attributes up to date; the names of those that were others, each behind that of its module."""
        compare, memo, changed = self._mirror.comparison(), dict[int, Any](), list[tuple[str, str]]()
        for pair in self._pairs:
            for own, theirs in pair.attributes():
                for name, value in own.items():
                    other = theirs.get(name, _NOTHING)
                    large = type(value) in CONTAINERS and len(value) > _LARGE
                    if large and self._same_values(pair.name, name, value, other):
                        continue
                    if compare.holds(value, other):
                        if large:
                            self._remember_values(pair.name, name, value, other)
                        continue
                    self._mirror.check_modules(value)
                    memo = memo or self._mirror.memo()
                    theirs[name] = self._mirror.copied(value, memo)
                    changed.append((pair.name, name))
                for late in theirs.keys() - own.keys() - pair.own:
                    del theirs[late]
                    changed.append((pair.name, late))
        return changed

    def _same_values(self, module: str, name: str, value: Any, other: Any) -> bool:
        """Whether two containers that are known to hold values alone still hold the same."""
        if self._values.get((module, name), _NOTHING) != (id(value), id(other)):
            return False
        try:
            return bool(value == other)
        except Exception:  # there is something else in it now
            return False

    def _remember_values(self, module: str, name: str, value: Any, other: Any) -> None:
        if holds_values(value):
            self._values[module, name] = id(value), id(other)


def _ignore(*args: object, **kwargs: object) -> None:
    """Stands in for `self.log`."""


def _mark(tensor: Tensor) -> tuple[int, int]:
    """What changes when a tensor is written to, in most ways, or gets other memory."""
    return tensor._version, tensor.data_ptr() if tensor.layout is torch.strided and not tensor.is_nested else 0


@torch.no_grad()
def _fitting(other: Tensor, own: Tensor) -> Tensor:
    """A tensor of the copy, of the shape that it should have."""
    if other.layout is torch.strided and not own.is_nested and (other.shape, other.dtype) != (own.shape, own.dtype):
        other.data = own.detach().clone()
    return other
