"""What a call of a network depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode


class Read(NamedTuple):
    """What a call depends on.

    Attributes:
        memory: Addresses of the memory that operations took numbers from.
        modules: Modules whose forward began.
    """

    memory: set[int]
    modules: set[nn.Module]


@torch.no_grad()
def read_by(call: Callable[[Tensor], object], images: Tensor) -> Read:
    """What a call of a network depends on, and nothing behind the layer where the call ends.

    Args:
        call: Images (1, C, H, W) -> anything.
        images: (N, C, H, W), which go through it one by one, as a network may choose its way by what it sees.

    Returns:
        What it took; `address` tells that of a parameter.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    >>> read = read_by(net[0], torch.zeros(1, 2))
    >>> [address(layer.weight) in read.memory for layer in net]
    [True, False]
    """
    reading, modules = _Reading(), set[nn.Module]()
    # With such a hook in place, whatever stands for several modules (see `fusing`) leaves the work to them.
    hook = register_module_forward_pre_hook(lambda module, args: modules.add(module))
    try:
        with reading:
            for image in torch.split(images, 1):
                call(image)
    finally:
        hook.remove()
    return Read(reading.memory, modules)


def address(tensor: Tensor) -> int:
    """That of a tensor's memory; 0 where it has none."""
    return tensor.untyped_storage().data_ptr() if tensor.layout is torch.strided else id(tensor)


class _Reading(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.memory: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.memory.update(address(t) for t in _tensors((args, kwargs)))
        return func(*args, **kwargs)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        for part in value:
            yield from _tensors(part)
