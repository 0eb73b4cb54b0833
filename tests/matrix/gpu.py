"""What only a GPU does."""

import torch
from projects import Project

from .configuration import Configuration


class ChannelsLast(Project):
    """Keeps images and weights in the layout that tensor cores like."""

    def __init__(self):
        super().__init__()
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        return self.net(x.to(memory_format=torch.channels_last))


def _missing() -> str:
    return "" if torch.cuda.is_available() else "needs a GPU, found none"


def _row(module=Project, **trainer):
    return Configuration(module, trainer=trainer, gpu=True, missing=_missing)


ROWS = {
    "16-mixed": _row(precision="16-mixed"),
    "bf16-mixed, channels_last": _row(ChannelsLast, precision="bf16-mixed"),
    "channels_last": _row(ChannelsLast),
    "cudnn.benchmark": _row(benchmark=True),
}
