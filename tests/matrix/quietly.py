"""No chatter."""

import logging
import warnings

import torch


def quietly() -> None:
    """Keeps Lightning's advice out of the table, and gives the small networks one thread."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
