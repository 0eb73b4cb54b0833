"""What is no classifier of images is refused before the first batch, with the mend."""

import pytest
import torch
import zoo
from everything import draw_everything, train
from found import CALLBACKS, OF_LAYERS, quick
from torch import nn

EACH = [[cls] for cls in CALLBACKS if cls not in OF_LAYERS]


@pytest.fixture(params=[*EACH, OF_LAYERS], ids=lambda some: "-".join(cls.__name__ for cls in some))
def refuses(request, tmp_path):
    """Expects an error with all words before the first batch, of every callback.

    Where only the scores are out of the usual, those that draw layers alone are to draw, all in one run.
    """

    def run(net, learner, *words, of_scores=False, **data):
        if of_scores and request.param is OF_LAYERS:
            draw_everything(tmp_path, net, learner=learner, only=OF_LAYERS, **data)
            return

        class Counting(learner):
            batches = 0

            def training_step(self, batch, batch_idx):
                Counting.batches += 1
                return super().training_step(batch, batch_idx)

        for cls in request.param:
            with pytest.raises(ValueError) as caught:
                train(tmp_path, net, [quick(cls)], learner=Counting, **data)
            assert [word for word in words if word not in str(caught.value)] == []
            assert Counting.batches == 0

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
