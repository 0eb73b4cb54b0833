"""The network of homework 3, five convolution blocks and three linear layers; a transformer, or several labels."""

from itertools import pairwise
from math import log
from typing import Any, Literal

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy, MultilabelExactMatch

from lightning_viz.food11.transformer import FoodTransformer

Batch = tuple[Tensor, Tensor]


class FoodClassifier(LightningModule):
    """Homework 3's classifier, trained with Adam and cross-entropy.

    `cnn` is one `nn.Sequential` of five blocks of convolution, batch normalisation, ReLU and pooling, so its
    convolutions are `cnn.0`, `cnn.4`, `cnn.8`, `cnn.12` and `cnn.16`; `fc` holds the linear layers. With the
    default arguments it has the homework's 12,833,803 parameters. With `network="transformer"` there is one layer
    instead, `transformer`, a `FoodTransformer`.

    With `several` labels per image, every logit stands by itself: the last two blocks do not pool, `places` scores each
    class at each place, and the logit of the image is their smooth maximum (arXiv:1411.6228, 2015). Losses are binary
    cross-entropies, and the accuracy is the share of images of which every label is right.

    Takes images, float32 (N, 3, size, size) in [0, 1], and gives logits (N, classes).

    Args:
        classes: How many classes.
        size: Edge of the square images in pixels, a multiple of 32.
        width: Channels of the first convolution; all other layers scale with it. Of a transformer: channels of its
            tokens, a multiple of 4.
        lr: Adam's learning rate.
        decay: Lower the learning rate to 0 over the run, along half a cosine, instead of keeping it.
        network: `"cnn"` or `"transformer"`.
        several: Whether images have several labels, (N, classes) of 0 and 1.

    Raises:
        ValueError: An argument is out of its range.

    Example:
        >>> FoodClassifier(size=32, width=4)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 11])
    """

    def __init__(
        self,
        classes: int = 11,
        size: int = 128,
        width: int = 64,
        lr: float = 1e-3,
        *,
        decay: bool = False,
        network: Literal["cnn", "transformer"] = "cnn",
        several: bool = False,
    ) -> None:
        super().__init__()
        _check(classes, size, width, lr)
        _check_network(network, width, several)
        self.save_hyperparameters()
        self.lr, self.decay = lr, decay
        self.network, self.several = network, several
        if network == "transformer":
            self.transformer = FoodTransformer(classes, size, width)
        else:
            self._convolve(classes, size, width)
        stages = ("train", "val", "test")
        accuracy = MultilabelExactMatch if several else MulticlassAccuracy
        options: dict[str, Any] = {} if several else {"average": "micro"}
        self.accuracies = nn.ModuleDict({f"{stage}_acc": accuracy(classes, **options) for stage in stages})

    def _convolve(self, classes: int, size: int, width: int) -> None:
        channels = [3, width, 2 * width, 4 * width, 8 * width, 8 * width]
        blocks = [_block(*pair) for pair in pairwise(channels)]
        if self.several:
            blocks = [*blocks[:3], *(block[:-1] for block in blocks[3:])]
            self.places = nn.Conv2d(8 * width, classes, 1)
        self.cnn = nn.Sequential(*(layer for block in blocks for layer in block))
        if self.several:
            return
        self.fc = nn.Sequential(
            nn.Linear(8 * width * (size // 32) ** 2, 16 * width),
            nn.ReLU(),
            nn.Linear(16 * width, 8 * width),
            nn.ReLU(),
            nn.Linear(8 * width, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images, float32 (N, 3, size, size) in [0, 1].

        Raises:
            ValueError: The images have another size than the network was made for.
        """
        if self.network == "transformer":
            self._check_size(images, images.shape[-2:] == (self.hparams["size"],) * 2)
            scores: Tensor = self.transformer(images)
            return scores
        if self.several:
            return _smooth_maximum(self.places(self.cnn(images)).flatten(2))
        features = self.cnn(images).flatten(1)
        self._check_size(images, features.shape[1] == self.fc[0].in_features)
        logits: Tensor = self.fc(features)
        return logits

    def _check_size(self, images: Tensor, fits: bool) -> None:
        if not fits:
            size = self.hparams["size"]
            raise ValueError(
                f"Expected {size} x {size} images, received {tuple(images.shape)}; give data and model one size"
            )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of a batch; logs train_loss and train_acc."""
        return self._step(batch, "train")

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of a batch; logs val_loss and val_acc."""
        return self._step(batch, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of a batch; logs test_loss and test_acc."""
        return self._step(batch, "test")

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Class probabilities (N, classes)."""
        logits: Tensor = self(batch[0])
        return logits.sigmoid() if self.several else logits.softmax(1)

    def configure_optimizers(self) -> Any:
        """Adam over all parameters, with a learning rate that decays if asked to."""
        adam = torch.optim.Adam(self.parameters(), lr=self.lr)
        if not self.decay:
            return adam
        epochs = max(self.trainer.max_epochs or 1, 1)
        return {"optimizer": adam, "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)}

    def _step(self, batch: Batch, stage: str) -> Tensor:
        images, labels = batch
        logits = self(images)
        loss = (F.binary_cross_entropy_with_logits if self.several else F.cross_entropy)(logits, labels)
        accuracy = self.accuracies[f"{stage}_acc"]
        accuracy(logits, labels.long())
        logged: dict[str, Any] = {f"{stage}_loss": loss, f"{stage}_acc": accuracy}
        self.log_dict(logged, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(images))
        return loss


def _smooth_maximum(scores: Tensor) -> Tensor:
    """The logarithm of the mean of exponentials over places: (N, classes, places) -> (N, classes)."""
    return scores.logsumexp(2) - log(scores.shape[2])


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]


def _check(classes: int, size: int, width: int, lr: float) -> None:
    if size < 32 or size % 32:
        raise ValueError(
            f"Expected size to be a multiple of 32 (five poolings halve it), received {size}; try 64 or 128"
        )
    if classes < 2:
        raise ValueError(f"Expected classes to be at least 2, received {classes}")
    if width < 1:
        raise ValueError(f"Expected width to be at least 1, received {width}")
    if lr <= 0:
        raise ValueError(f"Expected lr to be positive, received {lr}")


def _check_network(network: str, width: int, several: bool) -> None:
    if network not in ("cnn", "transformer"):
        raise ValueError(f"Expected network to be 'cnn' or 'transformer', received {network!r}")
    if network == "transformer" and several:
        raise ValueError("Expected network='cnn' for several labels per image, received network='transformer'.")
    if network == "transformer" and width % 4:
        raise ValueError(
            f"Expected width to be a multiple of 4 (the heads of a transformer share it), received {width}"
        )
