"""The network that is explained, and the least time that any explanation of it can take."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_viz.explain.network.layers import layer_output
from lightning_viz.food11 import FoodClassifier
from lightning_viz.food11.drawn import DrawnFood
from lightning_viz.harness.isolation.isolation import Isolation

LAYOUTS = {"default layout": torch.contiguous_format, "channels_last": torch.channels_last}
LAYER = "cnn.12"


@dataclass(frozen=True)
class Settings:
    """How large everything is.

    Attributes:
        size: Pixels per side of the images.
        width: Channels of the network's first convolution.
        samples: Masked copies for LIME; SmoothGrad takes an eighth of them.
        repetitions: Measurements per duration.
        images: Training images of an epoch.
        probes: Images that every callback explains.
    """

    size: int = 128
    width: int = 64
    samples: int = 64
    repetitions: int = 3
    images: int = 9866
    probes: int = 8


class Subject:
    """Homework 3's network with random weights, and drawn food.

    Attributes:
        net: The network as a user has it, in eval mode.
        isolation: Where it is explained.
        explained: What is explained inside: its copy.
        images: (8, 3, size, size).
        labels: (8,).
    """

    def __init__(self, settings: Settings) -> None:
        torch.manual_seed(0)
        self.net = FoodClassifier(size=settings.size, width=settings.width).eval()
        self.isolation = Isolation(self.net)
        with self.isolation() as self.explained:
            pass
        food = DrawnFood(8, size=settings.size)
        self.images = torch.stack([food[i][0] for i in range(len(food))])
        self.labels = torch.tensor(food.targets)

    def features(self, images: Tensor) -> Tensor:
        """The output of the last convolution but one, inside the isolation."""
        return layer_output(self.explained, self.explained.get_submodule(LAYER), images)

    def floors(
        self, images: Tensor, *, gradient: bool = True, upto: str | None = None
    ) -> dict[str, Callable[[], object]]:
        """Nothing but the network: a forward, and the input gradient, with frozen parameters, in each memory layout.

        Args:
            images: One batch.
            gradient: Whether the gradient is wanted.
            upto: The layer at which the forward ends; None is the whole network.
        """
        net: nn.Module = self.net if upto is None else self.net.cnn[: int(upto.removeprefix("cnn.")) + 1]
        return floors(net, images, gradient=gradient)


def floors(net: nn.Module, images: Tensor, *, gradient: bool) -> dict[str, Callable[[], object]]:
    """Nothing but a network: a forward, and the input gradient, with frozen parameters, in each memory layout.

    Args:
        net: In eval mode; a copy of it is measured.
        images: One batch.
        gradient: Whether the gradient is wanted.
    """
    return {name: _floor(net, images, layout, gradient) for name, layout in LAYOUTS.items()}


def _floor(net: nn.Module, images: Tensor, layout: torch.memory_format, gradient: bool) -> Callable[[], None]:
    alone: nn.Module = deepcopy(net).requires_grad_(False)
    alone.to(memory_format=layout)  # type: ignore[call-overload]
    batch = images.contiguous(memory_format=layout).requires_grad_(gradient)

    def run() -> None:
        with torch.set_grad_enabled(gradient):
            value = alone(batch).sum()
        if gradient:
            torch.autograd.grad(value, batch)

    return run
