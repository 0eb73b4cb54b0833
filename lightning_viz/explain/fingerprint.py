"""Whether a network still computes the same, without asking for what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha1
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary


@torch.no_grad()
def fingerprint(call: Callable[[Tensor], object], images: Tensor) -> str:
    """A digest of how a network computes: each operation, and each number that goes into one from outside.

    Those are the parameters and buffers that the call depends on, whatever a dead unit makes of them, and nothing
    behind the layer where the call ends.

    Args:
        call: Images (1, C, H, W) -> anything.
        images: (N, C, H, W), which go through it one by one, as a network may choose its way by what it sees.

    Returns:
        A hexadecimal digest, equal where the call is the same.

    >>> one, other = torch.ones(2), torch.tensor([1.0, 2.0])
    >>> dead = [fingerprint(lambda x: (x * weight).relu(), torch.zeros(1, 2)) for weight in (one, other, one)]
    >>> dead[0] == dead[2] != dead[1]
    True
    """
    reading = _Reading()
    with reading:
        for image in torch.split(images, 1):
            call(image)
    return reading.digest.hexdigest()


class _Reading(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Digests what operations take, except for what others have made before."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.digest = sha1(usedforsecurity=False)
        self._known = WeakTensorKeyDictionary()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.digest.update(str(func).encode())
        written = {name: value for name, value in (kwargs or {}).items() if name in _only_written(func)}
        given = {name: value for name, value in (kwargs or {}).items() if name not in written}
        for part in _leaves((args, given)):
            if not isinstance(part, Tensor):
                self.digest.update(repr(part).encode())
            elif part not in self._known and not func.is_view:  # which may be of memory that is still to be filled
                self._read(part)
        results = func(*args, **(kwargs or {}))
        if not func.is_view or args[0] in self._known:
            self._known.update((made, True) for made in _leaves((results, written)) if isinstance(made, Tensor))
        return results

    def _read(self, tensor: Tensor) -> None:
        self._known[tensor] = True
        for part in _dense(tensor):
            self.digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
            # Of a copy: numpy pins what it has seen, which those who spread it over processes want to free.
            plain = part.cpu().clone(memory_format=torch.contiguous_format)
            self.digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)


def _only_written(func: Any) -> set[str]:
    """The arguments that an operation fills, whatever was in them."""
    arguments = func._schema.arguments
    return {a.name for a in arguments if a.kwarg_only and a.alias_info is not None and a.alias_info.is_write}


def _dense(tensor: Tensor) -> Iterator[Tensor]:
    if hasattr(tensor, "__tensor_flatten__"):  # others in a wrapper, such as a process's part of a parameter
        for name in tensor.__tensor_flatten__()[0]:
            yield from _dense(getattr(tensor, name))
    else:
        whole = tensor.detach() if tensor.layout is torch.strided else tensor.detach().to_dense()
        yield whole.resolve_conj().resolve_neg()


def _leaves(value: Any) -> Iterator[Any]:
    """Tensors and plain values in what an operation takes or returns; what has no value of its own is left out."""
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (Tensor, str, bool, int, float, complex, torch.dtype)) or value is None:
        yield value
    elif isinstance(value, Iterable):
        for part in value:
            yield from _leaves(part)
