"""Compiled networks."""

from functools import partial

import torch
from projects import Project

from .configuration import Configuration


class CompiledInPlace(Project):
    """Its network was compiled by its own method."""

    def __init__(self, backend):
        super().__init__()
        self.net.compile(backend=backend)


class CompiledAround(Project):
    """Its network is wrapped by what compiles it."""

    def __init__(self, backend):
        super().__init__()
        self.net = torch.compile(self.net, backend=backend)


def whole(backend):
    """A LightningModule that was compiled as a whole."""
    return torch.compile(Project(), backend=backend)


MANNERS = {"net.compile()": CompiledInPlace, "torch.compile(net)": CompiledAround, "torch.compile(module)": whole}
ROWS = {
    f"{manner}, {backend}": Configuration(partial(module, backend))
    for backend in ("aot_eager", "inductor")
    for manner, module in MANNERS.items()
}
