"""torch-lucent at its defaults, where `make test` has put it: `.foreign`."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parents[1] / ".foreign"


class Normalize:
    """torchvision's, which has no build for every torch."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        self.mean, self.std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]

    def __call__(self, image: Tensor) -> Tensor:
        """The normalised image."""
        return (image - self.mean) / self.std


def lucent(net: nn.Module, layer: str, steps: int, size: int) -> Callable[[], None] | None:
    """What makes one channel's picture by that many of its steps; None where it is not installed."""
    if not (FOLDER / "lucent").is_dir():
        return None
    render, image = _imported()
    objective = f"{layer.replace('.', '_')}:0"

    def run() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it enlarges to 224 pixels, of which the head has not been told
            # It hooks every layer and never lets go, so each run has a network of its own.
            options = {"thresholds": (steps,), "progress": False, "show_image": False}
            render.render_vis(deepcopy(net), objective, lambda: image(size), **options)

    return run


def _imported() -> tuple[Any, Any]:
    stand_ins = {name: ModuleType(name) for name in ("torchvision", "torchvision.transforms", "IPython.display")}
    vars(stand_ins["torchvision.transforms"])["Normalize"] = Normalize
    stand_ins["IPython"] = ModuleType("IPython")
    stand_ins["IPython"].display = stand_ins["IPython.display"]  # type: ignore[attr-defined]
    new = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.path.append(str(FOLDER))
    sys.modules.update(new)
    try:
        kornia = importlib.import_module("kornia")
        transform = importlib.import_module("kornia.geometry.transform")
        for moved in ("get_rotation_matrix2d", "warp_affine"):  # lucent looks for them where they were
            setattr(kornia, moved, getattr(transform, moved))
        return importlib.import_module("lucent.optvis.render"), importlib.import_module("lucent.optvis.param").image
    finally:
        sys.path.remove(str(FOLDER))
        for name in new:
            del sys.modules[name]
