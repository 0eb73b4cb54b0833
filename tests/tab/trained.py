"""Runs of the callbacks themselves, and what their logs hold: what the tab must show."""

import io
import struct
import warnings

import numpy as np
import pytorch_lightning as pl
import torch
from filelock import FileLock
from PIL import Image
from projects import NAMES, Project, Stripes, events, trainer
from tensorboard.util.tensor_util import make_ndarray
from torch.utils.data import DataLoader

from lightning_viz import (
    AttentionWall,
    ConfusionMatrixPanel,
    ConfusionPanels,
    ExplanationCallback,
    Films,
    FilterAscent,
    LimePanels,
    Picture,
    Probes,
    SaliencyMaps,
)

FULL, SHORT = "demo/version_1", "demo/version_0"
HOSTILE = """<img src=x onerror=alert(1)> it's "odd" 🍞"""
HOSTILE_CLASSES = ["<img src=x onerror=alert(1)>", """it's "quoted" & <b>bold</b> &lt;""", "Soup 🍜</script>"]
HOSTILE_TAG = """<img src=x onerror=alert(1)>/it's "odd" & <i>🍜"""


def full(folder):
    """Five epochs of everything; among the probes is one whose prediction flips, and one that is mistaken for long."""
    common = {"probes": Probes(count=3), "on_error": "raise"}
    few = {"samples": 32, "segments": 6}
    callbacks = [
        SaliencyMaps(**common),
        SaliencyMaps(method="smoothgrad", samples=4, **common),
        LimePanels(**few, **common),
        FilterAscent(layer="net.4", channels=2, steps=4, **common),
        ConfusionMatrixPanel(on_error="raise"),
        ConfusionPanels(confusions=1, steps=2, **few, **common),
        Films(),
    ]
    train(folder / FULL, callbacks, seed=4, max_epochs=5)


def short(folder):
    """Four epochs from other weights, of four steps each instead of six; without LIME."""
    callbacks = [SaliencyMaps(probes=Probes(count=3), on_error="raise"), ConfusionMatrixPanel(on_error="raise")]
    train(folder / SHORT, callbacks, seed=1, max_epochs=4, limit_train_batches=4)


class Attends(Project):
    """Two layers of attention among patches, and their mean."""

    def __init__(self):
        super().__init__()
        layers = [torch.nn.TransformerEncoderLayer(8, 2, 8, batch_first=True) for _ in range(2)]
        self.patches, self.net, self.head = (
            torch.nn.Conv2d(3, 8, 4, stride=4),
            torch.nn.Sequential(*layers),
            torch.nn.Linear(8, 3),
        )

    def forward(self, x):
        return self.head(self.net(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


def attending(folder):
    """Two epochs of a transformer."""
    train(folder / FULL, [AttentionWall(on_error="raise")], module=Attends, max_epochs=2)


class Named(ExplanationCallback):
    """A picture under any name."""

    def draw(self, scene):
        yield Picture(HOSTILE_TAG, np.full((40, 60, 3), 90, np.uint8))


def hostile(folder):
    """One epoch of a run whose names are markup."""
    callbacks = [SaliencyMaps(on_error="raise"), ConfusionMatrixPanel(on_error="raise"), Named(on_error="raise")]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # matplotlib's font has no bowl of soup
        train(folder / HOSTILE, callbacks, classes=HOSTILE_CLASSES, max_epochs=1)


def once(folder, make):
    """Has a folder filled, unless another process did so."""
    made = folder.with_suffix(".made")
    with FileLock(folder.with_suffix(".lock")):
        if not made.exists():
            make(folder)
            made.touch()
    return folder


def train(folder, callbacks, *, seed=0, classes=NAMES, module=Project, **arguments):
    pl.seed_everything(seed, verbose=False)
    sets = Stripes(48, seed=1), Stripes(24, seed=2)
    for data in sets:
        data.classes = classes
    trainer(folder, callbacks, **arguments).fit(
        module(), DataLoader(sets[0], batch_size=8, shuffle=True), DataLoader(sets[1], batch_size=8)
    )


class Log:
    """What one run's log holds, each series by its epochs: -1 is the untrained network.

    Attributes:
        epochs: The epoch of each step.
    """

    def __init__(self, folder):
        self._events = events(folder)
        self.epochs = {step: int(epoch) for step, epoch in self._tensors("epoch").items()}

    def pictures(self, tag):
        """The bytes of a picture."""
        return self._by_epoch({e.step: e.encoded_image_string for e in self._events.Images(tag)})

    def figures(self, tag):
        return self._by_epoch({e.step: e.value for e in self._events.Scalars(tag)})

    def predictions(self, probe):
        """The predicted class and its probability."""
        told = self._by_epoch(self._tensors(f"prediction/{probe}"))
        return {epoch: (NAMES[int(k)], float(probability)) for epoch, (k, probability) in told.items()}

    def shares(self, probe):
        """The probability of the predicted class, whichever it is, in the order of the epochs."""
        return [float(share) for _, share in self._tensors(f"prediction/{probe}").values()]

    def counts(self, loader):
        """How often each class, a row, was predicted as each, a column."""
        tables = {}
        for step, cells in self._tensors(f"counts/{loader}").items():
            tables[step] = np.zeros((len(NAMES), len(NAMES)), int)
            np.add.at(tables[step], tuple(cells[:, :2].T), cells[:, 2])
        return self._by_epoch(tables)

    def maps(self, tag):
        return self._by_epoch({step: heat(blobs[0]) for step, blobs in self._tensors(f"map/{tag}").items()})

    def captions(self, tag):
        """The lines of a caption."""
        told = self._by_epoch(self._tensors(f"caption/{tag}"))
        return {epoch: [line.decode() for line in lines] for epoch, lines in told.items()}

    def own_scale(self, tag, epoch):
        """The largest magnitude of the maps of an epoch."""
        steps = [step for step, known in self.epochs.items() if known == epoch]
        found = self._tensors(f"map/{tag}")
        return max(float(np.abs(heat(blob)).max()) for step in steps if step in found for blob in found[step])

    def bound(self, tag):
        """The largest of all epochs."""
        return max(float(value) for value in self._tensors(f"bound/{tag}").values())

    def _tensors(self, name):
        return {e.step: make_ndarray(e.tensor_proto) for e in self._events.Tensors(f"lightning_viz/{name}")}

    def _by_epoch(self, series):
        return {self.epochs[step]: value for step, value in series.items()}


def heat(blob):
    """The values of a map, (height, width), by the description of the format."""
    height, width, unit = struct.unpack("<HHf", blob[:8])
    return np.frombuffer(blob, np.int8, height * width, offset=8).reshape(height, width) * float(unit)


def decoded(blob):
    """A picture's pixels, (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(blob)).convert("RGB")).astype(int)
