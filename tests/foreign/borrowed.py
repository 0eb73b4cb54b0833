"""Other people's projects, borrowed: how they are imported, and trained with callbacks and with none."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image
from projects import events
from pytorch_lightning.loggers import TensorBoardLogger

from lightning_viz import ConfusionMatrixPanel, DeepDream, FilterActivations, FilterAscent, LimePanels, SaliencyMaps

FOLDER = Path(__file__).parents[2] / ".foreign"

LOOK_AROUND = ("torchmetrics", "wandb")
"""What remembers, from when it is imported, which other packages there are: imported before any is stood in for."""


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image


class Resize:
    def __init__(self, size):
        self.size = size

    def __call__(self, image):
        return image.resize(tuple(self.size)[::-1])


class RandomHorizontalFlip:
    def __call__(self, image):
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if torch.rand(()) < 0.5 else image


class ToTensor:
    def __call__(self, image):
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = mean, std

    def __call__(self, image):
        return (image - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None]


def _stand_ins():
    """What the projects import and cannot have: torchvision has no build for every torch, pandas would be for CSV."""
    kinds = (Compose, Resize, RandomHorizontalFlip, ToTensor, Normalize)
    contents = {
        "torchvision.transforms": {kind.__name__: kind for kind in kinds},
        "torchvision.datasets.utils": {"extract_archive": None},
        "torchvision.datasets": {},
        "torchvision.models": {},
        "pandas": {},
    }
    modules = {name: ModuleType(name) for name in contents}
    for name, module in modules.items():
        vars(module).update(contents[name])
    modules["torchvision"] = ModuleType("torchvision")
    modules["torchvision"].transforms = modules["torchvision.transforms"]
    return modules


class _Anything(type):
    """A class of which every attribute, and what it makes, is one too."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})

    def __call__(cls, *args, **kwargs):
        return _Anything(cls.__name__, (), {})


def _anything(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _Anything(name, (), {})


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for what foreign packages import and need not have: modules of these names, and all below them."""

    def __init__(self, *names):
        self.names = names

    def holds(self, name):
        return any(name == one or name.startswith(f"{one}.") for one in self.names)

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if self.holds(name) else None

    def create_module(self, spec):
        module = ModuleType(spec.name)
        module.__getattr__ = _anything
        return module

    def exec_module(self, module):
        module.__version__ = "0.0"


def _ready():
    """That the projects are there, and that none of our own packages takes a stand-in for a package."""
    if not FOLDER.is_dir():
        pytest.fail(f"Expected other people's projects in {FOLDER}: `make test` installs them.", pytrace=False)
    for name in LOOK_AROUND:
        importlib.import_module(name)


@contextmanager
def installed(*stand_ins):
    """Within, foreign packages can be imported; their folder comes last, so that it shadows nothing.

    Args:
        stand_ins: Modules that are left out, whether they are there or not.
    """
    _ready()
    finder = StandIns(*stand_ins)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(FOLDER)])
        # The list stays: importlib_metadata puts its finder there, once, in the place of Python's own.
        sys.meta_path.insert(0, finder)
        try:
            yield patch
        finally:
            sys.meta_path.remove(finder)
    for name in [name for name, module in sys.modules.items() if getattr(module, "__loader__", None) is finder]:
        del sys.modules[name]


@contextmanager
def borrowed():
    """Within, the projects can be imported; their folder comes last, so that it shadows nothing."""
    _ready()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(FOLDER)])
        for name, module in _stand_ins().items():
            patch.setitem(sys.modules, name, module)
        yield


def everything(canvas=48, **common):
    """A callback for each way to ask a network, with little to do, raising where a drawing fails."""
    common["on_error"] = "raise"
    return [
        SaliencyMaps(**common),
        FilterAscent(steps=4, channels=2, **common),
        FilterActivations(channels=4, **common),
        LimePanels(samples=32, segments=8, batch_size=4, **common),
        DeepDream(canvas=canvas, octaves=2, iterations=2, **common),
        ConfusionMatrixPanel(**common),
    ]


def train(folder, module, callbacks, trainer=pl.Trainer, logger=TensorBoardLogger, **data):
    """Trains what `module()` makes; returns all that it keeps."""
    torch.manual_seed(7)
    run = trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=callbacks,
        logger=logger(folder, name="", version=""),
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        log_every_n_steps=1,
    )
    made = module()
    run.fit(made, **data)
    assert run.current_epoch == 1
    return {key: value.numpy().tobytes() for key, value in made.state_dict().items()}


def kinds(folder):
    """Each probe's name and the kinds of pictures it has, and the kinds of all other pictures."""
    found = {}
    for tag in (t for t in events(folder).Tags()["images"] if not t.endswith("/curves")):
        group, name = tag.split("/", 1)
        key, kind = (group[6:], name) if group.startswith("probe_") else ("", group)
        found.setdefault(key, set()).add(kind.split("_")[0] if kind != "deep_dream" else kind)
    return found


OF_A_PROBE = {"input", "saliency", "activations", "lime", "deep_dream"}
OF_THE_NETWORK = {"filters", "confusion"}
