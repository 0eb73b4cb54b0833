"""A LightningModule of the namespace `lightning.pytorch`, in which classes of the same names are others."""

import torch
from borrowed import OF_A_PROBE, OF_THE_NETWORK, borrowed, everything, kinds, train
from projects import Net, loaders
from torch.nn import functional as F


def test_forward_that_is_not_overridden_takes_the_only_child(tmp_path):
    with borrowed():
        import lightning.pytorch
        import lightning.pytorch.loggers

    class Bare(lightning.pytorch.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Net()

        def training_step(self, batch, batch_idx):
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            self.net(batch[0])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    trainer, logger = lightning.pytorch.Trainer, lightning.pytorch.loggers.TensorBoardLogger
    train(tmp_path, Bare, everything(probes=1), trainer, logger, **loaders())
    assert kinds(tmp_path) == {"": OF_THE_NETWORK, "00_bread": OF_A_PROBE}
