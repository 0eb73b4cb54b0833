"""Projects from PyPI that know nothing of us, trained with a callback for each way to ask a network."""

from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from borrowed import OF_A_PROBE, OF_THE_NETWORK, borrowed, everything, kinds, train
from PIL import Image
from projects import events
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.functional import accuracy

from lightning_viz import Probes

COLOURS = ["Sky blue", "Grass", "Brick red"]


def coloured(label, generator, side):
    """A noisy image of one colour, bytes (side, side, 3)."""
    image = np.zeros((side, side, 3))
    image[..., 2 - label] = 160
    return (image + generator.integers(0, 90, image.shape)).astype(np.uint8)


class Cifar(pl.LightningDataModule):
    """Noise in the shape of CIFAR-10, its last batch smaller than the others."""

    batch_size = 8

    def _loader(self, count):
        images = torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(count))
        return DataLoader(TensorDataset(images, torch.arange(count) % 10), batch_size=self.batch_size)

    def train_dataloader(self):
        return self._loader(16)

    def val_dataloader(self):
        return self._loader(13)


def efficient_net(models, patch):
    return models.EfficientNet({
        "num_blocks": [1, 1, 1], "expansion": [1, 6, 6], "out_channels": [16, 24, 40], "kernel_size": [3, 3, 5],
        "stride": [1, 2, 2], "dropout_rate": 0.2, "drop_connect_rate": 0.2,
    })  # fmt: skip


def shuffle_net(models, patch):
    patch.setitem(models.shufflenetv2.configs[0.5], "num_blocks", (1, 1, 1))
    return models.ShuffleNetV2_0_5()


@pytest.mark.parametrize("shallow", [efficient_net, shuffle_net])
def test_pytorch_lightning_cifar(shallow, tmp_path, monkeypatch):
    """pytorch-lightning-cifar 0.1.5 (2022): the networks are the LightningModules, `self(x)` in the steps.

    Its validation does not run with today's torchmetrics even without us ("accuracy() missing 1 required positional
    argument: 'task'"), so `accuracy` is told the task. Its LeNet and ShuffleNetV1 cannot be trained or made at all.
    """
    with borrowed():
        from pytorch_lightning_cifar import models
    for module in (models.efficientnet, models.shufflenetv2):
        monkeypatch.setattr(module, "accuracy", partial(accuracy, task="multiclass", num_classes=10))
    make = partial(shallow, models, monkeypatch)
    probes = Probes(count=1, class_names=[f"Kind {k}" for k in range(10)])
    bare = train(tmp_path / "bare", make, [], datamodule=Cifar())
    drawn = train(tmp_path / "drawn", make, everything(probes=probes), datamodule=Cifar())
    assert drawn == bare
    found = kinds(tmp_path / "drawn")
    assert found == {"": OF_THE_NETWORK, "00_kind_0": OF_A_PROBE}


@pytest.mark.filterwarnings("ignore:Starting with ImageIO v3:DeprecationWarning")
def test_satellighte(tmp_path, monkeypatch):
    """satellighte 0.2.5 (2023): steps that call `self.model.forward`, and a `forward` of its own for inference only.

    That forward normalises, runs the network under `no_grad` and returns probabilities; its data sets give bytes; its
    class names are `labels` of the LightningModule. Lightning 2 refuses it even without us ("Support for
    `training_epoch_end` has been removed"), so a subclass takes the three dead hooks away, which only log.
    """
    with borrowed():
        import satellighte
        from satellighte.archs.mobilenetv2.module import MobileNetV2
        from satellighte.datasets.base import BaseDataset

    shallow = [[1, 16, 1, 1], [6, 24, 1, 2], [6, 32, 2, 2]]  # expansion, channels, blocks and stride
    monkeypatch.setitem(MobileNetV2.__CONFIGS__["default"]["model"], "inverted_residual_setting", shallow)

    class Classifier(satellighte.Classifier):
        training_epoch_end = validation_epoch_end = test_epoch_end = None

    def make():
        with borrowed():
            return Classifier.build("mobilenetv2", "default", labels=COLOURS, hparams={"learning_rate": 0.01})

    generator, files = np.random.default_rng(0), [str(tmp_path / f"{i}.png") for i in range(12)]
    for i, file in enumerate(files):
        Image.fromarray(coloured(i % 3, generator, 48)).save(file)
    loader = lambda: DataLoader(BaseDataset(files, [i % 3 for i in range(12)]), batch_size=5)
    results = {}
    for name, callbacks in {"bare": [], "drawn": everything(probes=1)}.items():
        results[name] = train(tmp_path / name, make, callbacks, train_dataloaders=loader(), val_dataloaders=loader())
    assert results["bare"] == results["drawn"]
    found = kinds(tmp_path / "drawn")
    assert found == {"": OF_THE_NETWORK, "00_sky_blue": OF_A_PROBE}
    scalars = events(tmp_path / "drawn")
    predicted = [
        scalars.Scalars(f"probability/probe_00_sky_blue/{n}")[-1].value for n in ("sky_blue", "grass", "brick_red")
    ]
    assert sum(predicted) == pytest.approx(1, abs=1e-5)


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true")
def test_cph_imgclassification(tmp_path):
    """cph-imgclassification 0.1.3 (2026): of the namespace `lightning.pytorch`, with its data module, all unchanged.

    Photographs in folders, a flip for augmentation, the ImageNet's normalisation, metrics that the module holds and
    makes anew when training starts. The transforms are stand-ins for torchvision's.
    """
    with borrowed():
        import lightning.pytorch
        import lightning.pytorch.loggers
        from cph_imgclassification.imageclassification import DataModuleIMG, ImageClassificationModel, ModelModuleIMG
    generator = np.random.default_rng(0)
    for label, name in enumerate(COLOURS):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(coloured(label, generator, 40)).save(tmp_path / "photos" / name / f"{i}.png")

    def make():
        network = ImageClassificationModel(
            num_classes=3, architecture="simple", hidden_dims=[16], dropout_rates=[0.5], input_size=(32, 32)
        )
        return ModelModuleIMG(network)

    results = {}
    for name, callbacks in {"bare": [], "drawn": everything(probes=1)}.items():
        data = DataModuleIMG(
            data_dir=tmp_path / "photos", image_size=(32, 32), batch_size=4, num_workers=0, val_split=0.25
        )
        trainer, logger = lightning.pytorch.Trainer, lightning.pytorch.loggers.TensorBoardLogger
        results[name] = train(tmp_path / name, make, callbacks, trainer, logger, datamodule=data)
    assert results["bare"] == results["drawn"]
    assert kinds(tmp_path / "drawn") == {"": OF_THE_NETWORK, "00_brick_red": OF_A_PROBE}
