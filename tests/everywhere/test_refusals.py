"""What is no classifier of images is refused before the first batch, with the mend."""

import pytest
import pytorch_lightning as pl
import torch
import zoo
from everything import draw_everything, train
from found import CALLBACKS, OF_LAYERS, quick
from torch import nn


class Enough(Exception):
    pass


class Ends(pl.Callback):
    """Ends the run before its first batch."""

    def on_train_start(self, trainer, pl_module):
        raise Enough


def refused(cls, told):
    """A callback of this class whose refusal is noted instead of ending the run."""

    class Refused(cls):
        def on_train_start(self, trainer, pl_module):
            with pytest.raises(ValueError) as caught:
                super().on_train_start(trainer, pl_module)
            told[cls] = str(caught.value)

    Refused.__name__ = Refused.__qualname__ = cls.__name__
    return quick(Refused)


@pytest.fixture
def refuses(tmp_path):
    """Expects an error with all words before the first batch, of every callback.

    Where only the scores are out of the usual, those that draw layers alone are to draw, all in one run.
    """

    def run(net, learner, *words, of_scores=False, **data):
        told, asked = {}, [cls for cls in CALLBACKS if not (of_scores and cls in OF_LAYERS)]
        with pytest.raises(Enough):
            train(tmp_path, net, [*(refused(cls, told) for cls in asked), Ends()], learner=learner, **data)
        assert set(told) == set(asked)
        assert [(cls, word) for cls, text in told.items() for word in words if word not in text] == []
        if of_scores:
            draw_everything(tmp_path, net, learner=learner, only=OF_LAYERS, **data)

    return run


def test_a_whole_batch_that_comes_back_as_a_loss(refuses):
    """There are no scores in it, but there are where the network itself is named."""

    class Takes(zoo.Learner):
        def forward(self, batch):
            return self.loss(self.net(batch["image"]), batch["label"])

        def training_step(self, batch, batch_idx):
            return self(batch)

        def validation_step(self, batch, batch_idx):
            self(batch)

    item = lambda x, y: {"image": x, "label": y}
    refuses(zoo.convolutions, Takes, "to take images", "net='net'", item=item)


def test_more_labels_than_outputs(refuses):
    class Many(zoo.Learner):
        def loss(self, output, labels):
            return nn.functional.binary_cross_entropy_with_logits(output, labels[:, :3].float())

    item = lambda x, y: (x, torch.ones(5))
    words = "labels (N, 5)", "outputs (N, 3)", "unpack=", "net="
    refuses(zoo.convolutions, Many, *words, item=item, of_scores=True)


def test_a_value_of_every_pixel(refuses):
    """Such as a depth; classes of pixels are explained, see `test_regions`."""

    class Measures(zoo.Learner):
        def loss(self, output, labels):
            return nn.functional.mse_loss(output[:, 0], labels)

    item = lambda x, y: (x, torch.full((16, 16), y + 0.5))
    refuses(lambda: nn.Conv2d(3, 3, 1), Measures, "class scores", "3, 16, 16)", "net=", item=item, of_scores=True)


def test_scores_of_every_pixel(refuses):
    class Pools(zoo.Learner):
        def loss(self, output, labels):
            return super().loss(output.mean((2, 3)), labels)

    refuses(lambda: nn.Conv2d(3, 3, 1), Pools, "class scores", "3, 16, 16)", "net=", of_scores=True)


def test_bytes_that_are_read_otherwise_than_floats(refuses):
    class Asks(zoo.Bytes):
        def forward(self, x):
            return self.net(x.float() / 255 if x.dtype == torch.uint8 else x)

    item = lambda x, y: ((255 * x).byte(), y)
    refuses(Asks, zoo.Learner, "uint8", "divide by 255", "on_after_batch_transfer", item=item)
