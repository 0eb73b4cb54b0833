"""What has become of a module that cannot be copied."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lightning_viz.harness.isolation.things.changes import Changes
from lightning_viz.harness.isolation.things.tensors import alike, bring


class Watch:
    """Remembers the parameters and buffers of a module on the CPU, and notes what has changed since.

    Args:
        module: The user's module; of what is spread over processes this one's part counts.

    Attributes:
        changes: What had changed at each `update`.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.changes = Changes()
        self._kept = {name: _here(tensor).clone() for name, tensor in self._tensors().items()}

    def update(self) -> None:
        """Looks at the module once more."""
        now = {name: _here(tensor) for name, tensor in self._tensors().items()}
        other = {name for name, t in now.items() if name not in self._kept or _kind(t) != _kind(self._kept[name])}
        self._kept |= {name: now[name].clone() for name in other}
        self.changes.note(other | bring(now, self._kept))

    def agrees(self, part: Collection[str]) -> bool:
        """Whether some of the module's tensors, by name, have not changed since the last `update`."""
        now = {name: _here(tensor) for name, tensor in self._tensors().items() if name in part}
        return all(name in self._kept and alike(self._kept[name], tensor) for name, tensor in now.items())

    def named(self) -> tuple[list[tuple[str, Any]], list[tuple[str, nn.Module]]]:
        """Tensors and modules with their names."""
        return [*self._tensors().items()], [*self._module.named_modules()]

    def _tensors(self) -> dict[str, Any]:
        both = [*self._module.named_parameters(), *self._module.named_buffers()]
        return {name: tensor for name, tensor in both if not is_lazy(tensor)}


def _here(tensor: Any) -> Tensor:
    local = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    found: Tensor = local.detach().to("cpu", copy=False)
    return found


def _kind(tensor: Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype
