import colorsys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes plain-coloured JPEGs, one hue per label, at paths below a folder; gives the folder back."""

    def write_images(*names: str, labels: list[int] | None = None, size: tuple[int, int] = (48, 40)) -> Path:
        for position, name in enumerate(names):
            label = labels[position] if labels else 0
            colour = tuple(int(255 * part) for part in colorsys.hsv_to_rgb(label / 11, 0.9, 0.9))
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size, colour).save(path)
        return tmp_path

    return write_images


@pytest.fixture
def homework(write: Write) -> Path:
    """A small folder in homework 2020's layout: 2 images per class in training, 1 in validation, 5 in testing."""
    labels = [label for label in range(11) for _ in range(2)]
    write(*(f"training/{label}_{n % 2}.jpg" for n, label in enumerate(labels)), labels=labels)
    write(*(f"validation/{label}_0.jpg" for label in range(11)), labels=list(range(11)))
    return write(*(f"testing/{n:04d}.jpg" for n in range(5)), labels=[0, 2, 4, 6, 8])
