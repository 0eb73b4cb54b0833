"""Gradients that only point the way, in half of the bits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lightning_viz.explain.network.chunks import is_out_of_memory

Call = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) -> (N, ...)."""


def in_bfloat16(call: Call) -> Call:
    """Wraps `call` so that its convolutions and matrix products are of bfloat16 numbers, summed in float32.

    Args:
        call: Its parameters frozen.

    Returns:
        The same function, to about three digits; what it puts out, and gradients of images, are float32.

    >>> in_bfloat16(lambda x: x @ x)(torch.full((1, 1), 1.001))
    tensor([[1.]])
    """

    def run(images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            return call(images).float()

    return run


def bfloat16_pays(net: nn.Module, call: Call, images: Tensor) -> bool:
    """Whether the gradient of a network is there in bfloat16 too, and for less.

    That is asked of the processor and of how the network is built, not of the clock or of its weights, so that one
    run answers like another. It takes convolutions, more of them than linear layers, and none in groups: of two cores
    with AVX-512 BF16, forward and gradient take .5 to .85 of their time then; with convolutions in groups, on small
    images, up to 1.7, and in a narrow transformer 1.4. Of other devices nothing is known.

    Args:
        net: What is called.
        call: From images to what its gradient is taken of, differentiable.
        images: As the network takes them; only the first one is shown to it.
    """
    if images.device.type != "cpu" or images.dtype != torch.float32 or not (_by_the_cpu() and _is_dense(net)):
        return False
    leaf = images[:1].detach().clone().requires_grad_()
    try:
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(in_bfloat16(call)(leaf).sum(), leaf)
    except Exception as error:  # whatever a network has against other numbers
        if is_out_of_memory(error):
            raise
        return False
    return bool(gradient.isfinite().all())


def _is_dense(net: nn.Module) -> bool:
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
    return len(convolutions) > len(linear) and all(m.groups == 1 for m in convolutions)


def _by_the_cpu() -> bool:
    """Whether it has instructions for them; without, they are slower than float32."""
    known = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(asked() for asked in known if asked is not None)
