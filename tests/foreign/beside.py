"""A logger beside the one that is tried."""

import numpy as np
from pytorch_lightning.loggers import Logger


class Beside(Logger):
    """Keeps what a logger is given: names, steps, and arrays (H, W, 3) or paths of files."""

    name, version = "beside", 0

    def __init__(self):
        super().__init__()
        self.seen = []

    def log_metrics(self, metrics, step=None):
        pass

    def log_hyperparams(self, params):
        pass

    def log_image(self, key, images, step=None):
        self.seen.append((key, step, images[0] if isinstance(images[0], str) else np.asarray(images[0])))
