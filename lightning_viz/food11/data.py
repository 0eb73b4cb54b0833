"""Food-11 for Lightning: the photographs in any layout, or drawn food where there are none."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_viz.food11.augment import flip_and_rotate
from lightning_viz.food11.images import FoodImages, collect_images, read_images
from lightning_viz.food11.layouts import Layout, find_layout
from lightning_viz.food11.splits import CLASS_NAMES, KNOWN

Loader = DataLoader[tuple[Tensor, int | Tensor]]

_STAGES = {
    "fit": ("training", "validation"),
    "validate": ("validation",),
    "test": ("testing",),
    "predict": ("testing",),
}


Task = Literal["classes", "labels", "regions", "values", "boxes"]
"""What is to be told of an image."""


class FoodData(LightningDataModule):
    """Food-11 in batches of images, float32 (N, 3, size, size) in [0, 1], and labels, int64 (N,).

    Images are decoded and resized to squares once, before the first batch, and kept in memory as bytes
    (9,866 photographs of 128 x 128 take 485 MB). Values are not standardised, as in the homework.
    Training batches are mirrored and turned on their device; other batches never are.

    Of tables, what stands beside the images depends on the task: `labels`, float32 (N, 11) of 0 and 1; `regions`, int64
    (N, size, size), 0 for what is no food and else 1 more than the class; `values`, float32 (N,), the share of the
    table that food covers; `boxes`, a list with a dict for each image, of `boxes` (D, 4) and `labels` (D,). Neither of
    the last three is mirrored or turned.

    Attributes:
        class_names: The 11 classes, by label; of regions `background` before them.

    Args:
        root: Folder with Food-11 in any layout that `find_layout` knows; None draws food instead.
        size: Edge of the square images in pixels.
        batch_size: Images per batch.
        augment: Mirror training images at random and turn them by up to 15 degrees.
        num_workers: Processes that make batches; the images are in memory, so 0 is seldom slower.
        train_count: How many training images to draw.
        val_count: How many validation images, and as many test images, to draw.
        seed: Which images are drawn.
        task: `"classes"`, or of drawn tables with several dishes `"labels"`, `"regions"`, `"values"` or `"boxes"`.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        root: str | None = None,
        size: int = 128,
        batch_size: int = 128,
        augment: bool = True,
        num_workers: int = 0,
        *,
        train_count: int = 2200,
        val_count: int = 550,
        seed: int = 0,
        task: Task = "classes",
    ) -> None:
        super().__init__()
        if task not in get_args(Task):
            raise ValueError(f"Expected task to be one of {get_args(Task)}, received {task!r}.")
        if task != "classes" and root is not None:
            raise ValueError(f"Expected task={task!r} without root, since tables are drawn, received root={root!r}.")
        for name, value in (("size", size), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"Expected {name} to be at least 1, received {value}")
        if min(train_count, val_count) < 1:
            raise ValueError(
                f"Expected train_count and val_count of at least 1, received {train_count} and {val_count}"
            )
        self.class_names = [*(["background"] if task == "regions" else []), *CLASS_NAMES]
        self.root, self.size, self.batch_size = root, size, batch_size
        self.augment, self.num_workers = augment, num_workers
        self.counts = {"training": train_count, "validation": val_count, "testing": val_count}
        self.seed, self.task = seed, task
        self._layout: Layout | None = None
        self._splits: dict[str, FoodImages] = {}

    def setup(self, stage: str) -> None:
        """Finds, decodes and keeps the images that a stage needs.

        Raises:
            ValueError: The folder holds no Food-11, lacks the split or its labels, or a file is no image.
        """
        for split in _STAGES[stage]:
            if self.root is not None:
                self._check(split, stage)
            if split not in self._splits:
                self._splits[split] = self._draw(split) if self.root is None else self._read(split)

    def train_dataloader(self) -> Loader:
        """Training images in a new random order every epoch."""
        return self._loader("training", shuffle=True)

    def val_dataloader(self) -> Loader:
        """Validation images in homework order."""
        return self._loader("validation")

    def test_dataloader(self) -> Loader:
        """Testing images with their labels."""
        return self._loader("testing")

    def predict_dataloader(self) -> Loader:
        """Testing images; the label is -1 where there is none."""
        return self._loader("testing")

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augments training batches."""
        still = self.task in ("regions", "values", "boxes")
        if still or not (self.augment and self.trainer is not None and self.trainer.training):
            return batch
        images, labels = batch
        return flip_and_rotate(images), labels

    def _loader(self, split: str, *, shuffle: bool = False) -> Loader:
        images = self._splits[split]
        return DataLoader(
            images,
            batch_size=self.batch_size,  # by name: Lightning cannot rebuild the loader of `predict` otherwise
            shuffle=shuffle,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=_beside if self.task == "boxes" else None,
        )

    def _draw(self, split: str) -> FoodImages:
        from lightning_viz.food11.drawn import DrawnFood, DrawnTables  # the photographs' users never need it

        count, offset = self.counts[split], list(self.counts).index(split)
        kind = "images" if self.task == "classes" else "tables"
        rank_zero_info(f"Drawn food: {count} {split} {kind} of {self.size} x {self.size} in 11 classes")
        options: dict[str, Any] = {"size": self.size, "seed": self.seed + offset}
        source: Any = DrawnFood(count, **options)
        if self.task != "classes":
            source = DrawnTables(count, tells=self.task, **options)
        return FoodImages(*collect_images(source, count, self.size), mask=_evidence(source, self.task))

    def _check(self, split: str, stage: str) -> None:
        layout = self._found()
        listed = layout.splits.get(split)
        if listed is None or not listed.files:
            raise ValueError(f"Expected {split} images for `{stage}`, received {layout.root} with none. {KNOWN}")
        if stage == "test" and listed.labels is None:
            raise ValueError(
                f"Expected labels for `test`, received {layout.root} ({layout.name}), whose testing images have none: "
                "run `validate` for figures or `predict` for a table."
            )

    def _read(self, split: str) -> FoodImages:
        listed = self._found().splits[split]
        return FoodImages(read_images(listed.files, self.size), listed.labels, listed.files)

    def _found(self) -> Layout:
        if self._layout is None:
            self._layout = find_layout(str(self.root))
            rank_zero_info(self._layout.summary())
        return self._layout


def _evidence(source: Any, task: Task) -> Callable[[int], Tensor]:
    """What tells the mask of an item: of the class, or of each of several, or of all food together."""
    every: Callable[[int], Tensor] = source.mask
    return (lambda index: every(index).any(0)) if task == "values" else every


def _beside(items: list[tuple[Tensor, Any]]) -> tuple[Tensor, list[Any]]:
    """Images as one tensor, and a list of what there is of each."""
    return torch.stack([image for image, _ in items]), [target for _, target in items]
