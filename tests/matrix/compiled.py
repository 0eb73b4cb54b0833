"""Compiled networks."""

from functools import partial

import torch
from projects import Net, Project

from .configuration import Configuration


class OwnForward(Net):
    """Dynamo leaves out the forwards of torch's own classes, so that compiling a plain Sequential in place is void."""

    def forward(self, x):
        for layer in self:
            x = layer(x)
        return x


class CompiledInPlace(Project):
    """Its network was compiled by its own method."""

    def __init__(self, backend):
        super().__init__()
        self.net = OwnForward()
        self.net.compile(backend=backend)


class CompiledAround(Project):
    """Its network is wrapped by what compiles it."""

    def __init__(self, backend):
        super().__init__()
        self.net = torch.compile(self.net, backend=backend)


class LogsEagerly(Project):
    """Dynamo cannot trace how Lightning looks at the hooks."""

    log = torch.compiler.disable(Project.log)


def whole(backend):
    """A LightningModule that was compiled as a whole."""
    return torch.compile(LogsEagerly(), backend=backend)


MANNERS = {"net.compile()": CompiledInPlace, "torch.compile(net)": CompiledAround, "torch.compile(module)": whole}
ROWS = {
    f"{manner}, {backend}": Configuration(partial(module, backend))
    for backend in ("aot_eager", "inductor")
    for manner, module in MANNERS.items()
}
