from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn

from lightning_viz.food11 import FoodClassifier, FoodData

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
]


def test_it_is_the_network_of_homework_3() -> None:
    model = FoodClassifier()
    assert sum(parameter.numel() for parameter in model.parameters()) == 12_833_803
    convolutions = {i: layer for i, layer in enumerate(model.cnn) if isinstance(layer, nn.Conv2d)}
    assert {i: layer.out_channels for i, layer in convolutions.items()} == {
        0: 64,
        4: 128,
        8: 256,
        12: 512,
        16: 512,
    }


@pytest.mark.parametrize(("size", "width"), [(32, 4), (64, 3), (96, 2)])
def test_logits_have_one_column_per_class(size: int, width: int) -> None:
    model = FoodClassifier(classes=5, size=size, width=width)
    assert model(torch.rand(2, 3, size, size)).shape == (2, 5)


@pytest.mark.parametrize(("size", "width"), [(32, 8), (64, 12)])
def test_a_transformer_takes_the_place_of_the_convolutions(size: int, width: int) -> None:
    model = FoodClassifier(classes=5, size=size, width=width, network="transformer")
    assert model(torch.rand(2, 3, size, size)).shape == (2, 5)
    assert {name for name, _ in model.named_children()} == {"transformer", "accuracies"}
    with pytest.raises(ValueError, match=rf"Expected {size} x {size} images, received \(1, 3, 96, 96\)"):
        model(torch.rand(1, 3, 96, 96))


@pytest.mark.parametrize("wrong", [{"network": "mlp"}, {"width": 6, "network": "transformer"}])
def test_networks_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"Expected {next(iter(wrong))} to be"):
        FoodClassifier(**wrong)


def test_probabilities_sum_to_one() -> None:
    model = FoodClassifier(size=32, width=2)
    batch = (torch.rand(3, 3, 32, 32), torch.zeros(3, dtype=torch.long))
    assert torch.allclose(model.predict_step(batch, 0).sum(1), torch.ones(3))


@pytest.mark.parametrize("wrong", [{"size": 100}, {"size": 0}, {"classes": 1}, {"width": 0}, {"lr": 0.0}])
def test_arguments_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"Expected {next(iter(wrong))} to be"):
        FoodClassifier(**wrong)


def test_images_of_another_size_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"Expected 32 x 32 images, received \(1, 3, 64, 64\)"):
        FoodClassifier(size=32, width=2)(torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize(("network", "width"), [("cnn", 8), ("transformer", 32)])
def test_it_learns_colours_logs_its_metrics_and_comes_back_from_a_checkpoint(
    homework: Path, network: str, width: int
) -> None:
    torch.manual_seed(0)
    data = FoodData(str(homework), size=32, batch_size=11, augment=False)
    model = FoodClassifier(size=32, width=width, lr=3e-3, network=network)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_epochs=20, accelerator="cpu", enable_model_summary=False, **quiet)
    trainer.fit(model, data)
    assert set(trainer.callback_metrics) == {"train_loss", "train_acc", "val_loss", "val_acc"}
    assert trainer.callback_metrics["train_acc"] > 0.5  # chance is 0.09
    images = next(iter(data.val_dataloader()))[0]
    trainer.save_checkpoint(homework / "model.ckpt")
    loaded = FoodClassifier.load_from_checkpoint(homework / "model.ckpt", map_location="cpu")
    assert torch.equal(loaded.eval()(images), model.eval()(images))


def test_logged_accuracy_is_the_fraction_of_right_answers(homework: Path) -> None:
    torch.manual_seed(0)
    data = FoodData(str(homework), size=32, batch_size=4)
    model = FoodClassifier(size=32, width=2)
    trainer = Trainer(logger=False, accelerator="cpu", enable_progress_bar=False, enable_checkpointing=False)
    logged = trainer.validate(model, data, verbose=False)[0]["val_acc"]
    dataset = data.val_dataloader().dataset
    images = torch.stack([dataset[i][0] for i in range(len(dataset))])
    answers = model.eval()(images).argmax(1)
    assert logged == pytest.approx((answers == torch.tensor(dataset.targets)).float().mean().item())
