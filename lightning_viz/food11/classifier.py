"""The network of homework 3, five convolution blocks and three linear layers; and others, by what is to be told."""

from collections.abc import Callable
from itertools import pairwise
from math import log
from typing import Any, Literal, Optional, get_args

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric, Metric, R2Score
from torchmetrics.classification import MulticlassAccuracy, MultilabelExactMatch

from lightning_viz.food11.data import Task
from lightning_viz.food11.detector import Detector, found_share
from lightning_viz.food11.transformer import FoodTransformer
from lightning_viz.food11.unet import UNet

Batch = tuple[Tensor, Any]


class FoodClassifier(LightningModule):
    """Homework 3's classifier, trained with Adam and cross-entropy.

    `cnn` is one `nn.Sequential` of five blocks of convolution, batch normalisation, ReLU and pooling, so its
    convolutions are `cnn.0`, `cnn.4`, `cnn.8`, `cnn.12` and `cnn.16`; `fc` holds the linear layers. With the
    default arguments it has the homework's 12,833,803 parameters. With `network="transformer"` there is one layer
    instead, `transformer`, a `FoodTransformer`.

    Of tables, the other tasks:

    - `"labels"`: every logit stands by itself. The last two blocks do not pool, `places` scores each class at each
      place, and the logit of the image is their smooth maximum (arXiv:1411.6228, 2015). Binary cross-entropies; the
      accuracy is the share of images of which every label is right.
    - `"values"`: the share of the image that is food. The same blocks, `places` says of each place how much of it is,
      and the value, (N,), is their mean. Squared errors; the accuracy is the coefficient of determination (R²).
    - `"regions"`: a `UNet`, logits (N, classes + 1, size, size), the background first. Cross-entropy and the soft Dice
      loss of the classes (arXiv:1606.04797, 2016); the accuracy is the share of pixels that are right.
    - `"boxes"`: a `Detector`, in eval mode a dict of boxes, labels and scores for each image. Its own loss; the
      accuracy is the mean F1 score of the images.

    Takes images, float32 (N, 3, size, size) in [0, 1], and gives logits (N, classes), or what the task says.

    Args:
        classes: How many classes.
        size: Edge of the square images in pixels, a multiple of 32.
        width: Channels of the first convolution; all other layers scale with it. Of a transformer: channels of its
            tokens, a multiple of 4.
        lr: Adam's learning rate; `None` is 0.001, of tables 0.002, and 0.005 where regions are told.
        decay: Lower the learning rate to 0 over the run, along half a cosine, instead of keeping it.
        network: `"cnn"` or `"transformer"`.
        task: `"classes"`, `"labels"`, `"regions"`, `"values"` or `"boxes"`.

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
        lr: Optional[float] = None,  # noqa: UP045
        *,
        decay: bool = False,
        network: Literal["cnn", "transformer"] = "cnn",
        task: Task = "classes",
    ) -> None:
        super().__init__()
        _check(classes, size, width, lr)
        _check_network(network, width, task)
        self.save_hyperparameters()
        self.lr, self.decay = lr or _RATES.get(task, 2e-3), decay
        self.network, self.task = network, task
        if network == "transformer":
            self.transformer = FoodTransformer(classes, size, width)
        elif task == "regions":
            self.unet = UNet(classes + 1, width)
        elif task == "boxes":
            self.detector = Detector(classes, width)
        else:
            self._convolve(classes, size, width)
        self.accuracies = nn.ModuleDict(
            {f"{stage}_acc": _accuracy(task, classes) for stage in ("train", "val", "test")}
        )

    def _convolve(self, classes: int, size: int, width: int) -> None:
        channels = [3, width, 2 * width, 4 * width, 8 * width, 8 * width]
        blocks = [_block(*pair) for pair in pairwise(channels)]
        if self.task != "classes":
            blocks = [*blocks[:3], *(block[:-1] for block in blocks[3:])]
            self.places = nn.Conv2d(8 * width, classes if self.task == "labels" else 1, 1)
        self.cnn = nn.Sequential(*(layer for block in blocks for layer in block))
        if self.task != "classes":
            return
        self.fc = nn.Sequential(
            nn.Linear(8 * width * (size // 32) ** 2, 16 * width),
            nn.ReLU(),
            nn.Linear(16 * width, 8 * width),
            nn.ReLU(),
            nn.Linear(8 * width, classes),
        )

    def forward(self, images: Tensor) -> Any:
        """Logits (N, classes) of images, float32 (N, 3, size, size) in [0, 1], or what the task says.

        Raises:
            ValueError: The images have another size than the network was made for.
        """
        if self.network == "transformer":
            self._check_size(images, images.shape[-2:] == (self.hparams["size"],) * 2)
            scores: Tensor = self.transformer(images)
            return scores
        if self.task in ("regions", "boxes"):
            return self.unet(images) if self.task == "regions" else self.detector(images)
        if self.task != "classes":
            of_places = self.places(self.cnn(images)).flatten(2)
            return _smooth_maximum(of_places) if self.task == "labels" else of_places.sigmoid().mean((1, 2))
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

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        """The loss of a batch; logs train_loss and train_acc."""
        return self._step(batch, "train")

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        """The loss of a batch; logs val_loss and val_acc."""
        return self._step(batch, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> Any:
        """The loss of a batch; logs test_loss and test_acc."""
        return self._step(batch, "test")

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Class probabilities (N, classes)."""
        logits: Tensor = self(batch[0])
        return logits.sigmoid() if self.task == "labels" else logits.softmax(1)

    def configure_optimizers(self) -> Any:
        """Adam over all parameters, with a learning rate that decays if asked to."""
        adam = torch.optim.Adam(self.parameters(), lr=self.lr)
        if not self.decay:
            return adam
        epochs = max(self.trainer.max_epochs or 1, 1)
        return {"optimizer": adam, "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)}

    def _step(self, batch: Batch, stage: str) -> Any:
        if self.task == "boxes":
            return self._detect(batch, stage)
        images, labels = batch
        output = self(images)
        loss = _LOSSES[self.task](output, labels)
        self.accuracies[f"{stage}_acc"](output, labels if self.task == "values" else labels.long())
        self._log(stage, loss, len(images))
        return loss

    def _detect(self, batch: Batch, stage: str) -> dict[str, Any]:
        images, targets = batch
        places = self.detector.places(images)
        loss = self.detector.loss(places, targets, images.shape[-1])
        with torch.no_grad():
            found = self.detector.found(places, images)
        self.accuracies[f"{stage}_acc"](found_share(found, targets))
        self._log(stage, loss, len(images))
        return {"loss": loss, "preds": found}

    def _log(self, stage: str, loss: Tensor, count: int) -> None:
        logged: dict[str, Any] = {f"{stage}_loss": loss, f"{stage}_acc": self.accuracies[f"{stage}_acc"]}
        self.log_dict(logged, on_step=False, on_epoch=True, prog_bar=True, batch_size=count)


_RATES = {"classes": 1e-3, "regions": 5e-3}


def _of_regions(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy in which the background, most of a table, counts a fifth, and the Dice loss of the foods."""
    weight = torch.ones(logits.shape[1], device=logits.device)
    weight[0] = 0.2
    said, true = logits.softmax(1), F.one_hot(labels, logits.shape[1]).movedim(-1, 1)
    both, sum_of_both = (part.sum((0, 2, 3))[1:] for part in (said * true, said + true))
    dice = (2 * both + 1) / (sum_of_both + 1)
    return F.cross_entropy(logits, labels, weight) + 1 - dice.mean()


_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "classes": F.cross_entropy,
    "labels": F.binary_cross_entropy_with_logits,
    "regions": _of_regions,
    "values": F.mse_loss,
}


def _accuracy(task: Task, classes: int) -> Metric:
    if task == "labels":
        return MultilabelExactMatch(classes)
    if task in ("values", "boxes"):
        return R2Score() if task == "values" else MeanMetric()
    return MulticlassAccuracy(classes + (task == "regions"), average="micro")


def _smooth_maximum(scores: Tensor) -> Tensor:
    """The logarithm of the mean of exponentials over places: (N, classes, places) -> (N, classes)."""
    return scores.logsumexp(2) - log(scores.shape[2])


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]


def _check(classes: int, size: int, width: int, lr: float | None) -> None:
    if size < 32 or size % 32:
        raise ValueError(
            f"Expected size to be a multiple of 32 (five poolings halve it), received {size}; try 64 or 128"
        )
    if classes < 2:
        raise ValueError(f"Expected classes to be at least 2, received {classes}")
    if width < 1:
        raise ValueError(f"Expected width to be at least 1, received {width}")
    if lr is not None and lr <= 0:
        raise ValueError(f"Expected lr to be positive, received {lr}")


def _check_network(network: str, width: int, task: str) -> None:
    if task not in get_args(Task):
        raise ValueError(f"Expected task to be one of {get_args(Task)}, received {task!r}.")
    if network not in ("cnn", "transformer"):
        raise ValueError(f"Expected network to be 'cnn' or 'transformer', received {network!r}")
    if network == "transformer" and task != "classes":
        raise ValueError(f"Expected network='cnn' for task={task!r}, received network='transformer'.")
    if network == "transformer" and width % 4:
        raise ValueError(
            f"Expected width to be a multiple of 4 (the heads of a transformer share it), received {width}"
        )
