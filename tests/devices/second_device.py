"""A second device on a machine that has none: tensors that say they are on it, and refuse to be mixed with others.

Their values lie in ordinary tensors, which do the arithmetic. `lazy` is a type of device that torch knows on every
machine and that nothing else here uses.
"""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("lazy", 0)
_MIXES = {"aten::copy_", "aten::_foreach_copy_", "aten::index"}
"""Operators that take tensors of several devices on a GPU too."""


class There(Tensor):
    """A tensor on the second device."""

    values: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # only `__torch_dispatch__` is ours

    @staticmethod
    def __new__(cls, values):
        layout = {"strides": values.stride(), "storage_offset": values.storage_offset()}
        made = Tensor._make_wrapper_subclass(cls, values.size(), dtype=values.dtype, device=DEVICE, **layout)
        made.values = values
        return made

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            made = There(self.values.detach().clone())
            is_parameter = isinstance(self, nn.Parameter)
            memo[id(self)] = nn.Parameter(made, self.requires_grad) if is_parameter else made
        return memo[id(self)]

    def data_ptr(self):
        return self.values.data_ptr()

    def untyped_storage(self):
        return self.values.untyped_storage()

    def tolist(self):
        return self.values.tolist()

    @classmethod
    def __torch_dispatch__(cls, operator, types, args=(), kwargs=None):
        return _run(operator, args, kwargs or {})


class SecondDevice(TorchDispatchMode):
    """Inside, tensors may be made on, and moved to, `DEVICE`."""

    def __enter__(self):
        torch._C._set_only_lift_cpu_tensors(True)  # else `torch.tensor(..., device=)` would pass us by
        return super().__enter__()

    def __exit__(self, *error):
        torch._C._set_only_lift_cpu_tensors(False)
        return super().__exit__(*error)

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        return _run(operator, args, kwargs or {})


def _run(operator: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operator on the values of its tensors.

    Raises:
        RuntimeError: They are on several devices; single numbers may be anywhere, as on a GPU.
    """
    there: list[There] = []
    elsewhere: list[Tensor] = []

    def own(tensor: Tensor) -> Tensor:
        if isinstance(tensor, There):
            there.append(tensor)
            return tensor.values
        elsewhere.append(tensor)
        return tensor

    own_args, own_kwargs = _changed(args, own), _changed(kwargs, own)
    if there and any(t.dim() for t in elsewhere) and operator.name().partition(".")[0] not in _MIXES:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices: {operator}")
    wanted = None if kwargs.get("device") is None else torch.device(kwargs["device"])
    if wanted is not None:
        own_kwargs["device"] = torch.device("cpu")
    found = operator(*own_args, **own_kwargs)
    stays = bool(there) if wanted is None else wanted.type == DEVICE.type
    if not stays:
        return found
    known = {id(tensor.values): tensor for tensor in there}  # what is changed in place stays itself
    return _changed(found, lambda values: known[id(values)] if id(values) in known else There(values))


def _changed(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """What an operator takes or gives, with every tensor in it changed; torch's own trees take much longer."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {name: _changed(value, change) for name, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([_changed(value, change) for value in tree])
    return tree


class _Accelerator(CPUAccelerator):
    def setup_device(self, device):
        pass


def on_second_device() -> dict[str, pl.strategies.Strategy]:
    """Arguments with which a Trainer trains there."""
    return {"accelerator": "auto", "strategy": SingleDeviceStrategy(device=DEVICE, accelerator=_Accelerator())}
