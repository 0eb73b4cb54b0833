from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning import LightningModule, Trainer, seed_everything
from torch import Tensor

from lightning_viz.food11 import CLASS_NAMES, FoodData
from lightning_viz.food11.augment import flip_and_rotate, transform
from lightning_viz.food11.drawn import DrawnFood
from lightning_viz.food11.images import read_images

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
]


class Recorder(LightningModule):
    """Keeps the batches that each stage sees."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: dict[str, list[Tensor]] = {"train": [], "val": []}

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        self.seen["train"].append(batch[0].clone())
        return self.weight * batch[0].mean()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.seen["val"].append(batch[0].clone())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def run(data: FoodData) -> dict[str, list[Tensor]]:
    seed_everything(3, verbose=False)
    recorder = Recorder()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(max_epochs=1, accelerator="cpu", enable_model_summary=False, **quiet).fit(recorder, data)
    return recorder.seen


def test_items_are_floats_in_the_unit_range_with_integer_labels(homework: Path) -> None:
    data = FoodData(str(homework), size=32, batch_size=4)
    data.setup("fit")
    dataset = data.val_dataloader().dataset
    image, label = dataset[0]
    assert (image.shape, image.dtype, type(label)) == ((3, 32, 32), torch.float32, int)
    assert 0 <= image.min() <= image.max() <= 1
    assert dataset.classes == data.class_names == list(CLASS_NAMES)
    assert [dataset[i][1] for i in range(len(dataset))] == dataset.targets == [0, 10, *range(1, 10)]
    assert [file.name for file in dataset.files[:2]] == ["0_0.jpg", "10_0.jpg"]


def test_pixels_are_those_of_the_file(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read_images([tmp_path / "a.png"], 32)[0].permute(1, 2, 0).numpy(), pixels)


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P"])
def test_every_colour_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    file = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new("RGB", (40, 30), (128, 128, 128)).convert(mode).save(file)
    assert (read_images([file], 16).int() - 128).abs().max() <= 6  # palettes dither


def test_large_photographs_are_resized_without_keeping_the_aspect(tmp_path: Path) -> None:
    half = np.zeros((300, 600, 3), dtype=np.uint8)
    half[:, 300:] = 255
    Image.fromarray(half).save(tmp_path / "a.jpg", quality=95)
    columns = read_images([tmp_path / "a.jpg"], 32)[0].float().mean((0, 1)) / 255
    assert columns[:15].max() < 0.05
    assert columns[17:].min() > 0.95


def test_turned_photographs_stand_upright(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 3), dtype=np.uint8)
    pixels[:10] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    image = read_images([tmp_path / "a.png"], 20)[0]
    assert image[:, :10].max() == 0
    assert image[:, 10:].min() == 255


@pytest.mark.parametrize("content", [b"", b"not an image", None])
def test_a_file_that_is_no_image_is_named_before_the_first_batch(homework: Path, content: bytes | None) -> None:
    file = homework / "validation" / "3_0.jpg"
    file.write_bytes(file.read_bytes()[:400] if content is None else content)
    with pytest.raises(ValueError, match=r"readable image, received .*validation/3_0\.jpg"):
        FoodData(str(homework), size=32).setup("fit")


def test_the_summary_is_printed_once(homework: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = FoodData(str(homework), size=32)
    with caplog.at_level("INFO"):
        for stage in ("fit", "validate", "predict"):
            data.setup(stage)
    assert caplog.text.count("training 22, validation 11, testing 5 unlabelled images") == 1


def test_unlabelled_testing_can_be_predicted_but_not_tested(homework: Path) -> None:
    data = FoodData(str(homework), size=32)
    data.setup("predict")
    assert data.predict_dataloader().dataset.targets == [-1] * 5
    with pytest.raises(ValueError, match=r"Expected labels for `test`.*homework 2020"):
        data.setup("test")


def test_a_missing_split_is_named(write) -> None:
    with pytest.raises(ValueError, match="Expected validation images for `fit`"):
        FoodData(str(write("training/1_0.jpg")), size=32).setup("fit")


@pytest.mark.parametrize("wrong", [{"size": 0}, {"batch_size": 0}, {"train_count": 0}, {"val_count": -1}])
def test_arguments_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"Expected .*{next(iter(wrong))}.* at least 1"):
        FoodData(**wrong)


def test_only_training_batches_are_augmented_and_a_seed_repeats_them(homework: Path) -> None:
    plain = run(FoodData(str(homework), size=32, augment=False))
    first = run(FoodData(str(homework), size=32))
    second = run(FoodData(str(homework), size=32))
    assert all(torch.equal(a, b) for a, b in zip(first["train"], second["train"], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first["val"], plain["val"], strict=True))
    assert not torch.equal(first["train"][0], plain["train"][0])


def test_an_angle_of_zero_changes_nothing_and_mirroring_is_a_flip() -> None:
    images = torch.rand(2, 3, 17, 17)
    out = transform(images, torch.tensor([False, True]), torch.zeros(2))
    assert torch.equal(out, torch.stack([images[0], images[1].flip(-1)]))


def test_quarter_turns_are_exact_and_come_after_the_mirroring() -> None:
    images = torch.rand(2, 3, 16, 16)
    out = transform(images, torch.tensor([False, True]), torch.tensor([90.0, -90.0]))
    mirrored = images[1].flip(-1)
    assert torch.equal(out, torch.stack([images[0].rot90(1, (1, 2)), mirrored.rot90(-1, (1, 2))]))


@pytest.mark.parametrize("angle", [-15.0, 4.0, 11.5])
def test_turning_agrees_with_pillow(angle: float) -> None:
    pixels = np.random.default_rng(1).integers(1, 256, (64, 64), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(pixels).rotate(angle, Image.Resampling.NEAREST))
    images = torch.from_numpy(pixels)[None, None].float()
    out = transform(images, torch.tensor([False]), torch.tensor([angle]))[0, 0].numpy()
    assert (out == expected).mean() > 0.98  # nearest neighbours may differ where two are equally near


def test_augmentation_mirrors_half_and_stays_within_fifteen_degrees() -> None:
    torch.manual_seed(0)
    images = torch.zeros(400, 1, 41, 41)
    images[:, :, 20, 36] = 1  # 16 to the right of the centre: 15 degrees move it by at most 4.2
    found = flip_and_rotate(images).flatten(1).argmax(1)
    rows, columns = found // 41, found % 41
    assert 160 < (columns < 20).sum() < 240
    assert (rows - 20).abs().max() == 4


def test_drawn_food_needs_no_folder_and_splits_differ() -> None:
    data = FoodData(size=32, batch_size=8, train_count=22, val_count=11)
    for stage in ("fit", "test"):
        data.setup(stage)
    images, labels = next(iter(data.val_dataloader()))
    assert images.shape == (8, 3, 32, 32)
    assert labels.tolist() == list(range(8))
    assert data.class_names == DrawnFood(1).classes
    assert data.val_dataloader().dataset.files is None
    firsts = [data.train_dataloader(), data.val_dataloader(), data.test_dataloader()]
    first, second, third = (loader.dataset.images[:11] for loader in firsts)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    again = FoodData(size=32, train_count=22, val_count=11)
    again.setup("fit")
    assert torch.equal(again.train_dataloader().dataset.images[:11], first)
