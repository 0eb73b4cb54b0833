"""Each error says what was expected, what came and how to mend it, before the first batch."""

import inspect
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from found import CALLBACKS, OF_ATTENTION, quick
from projects import Net, Project, Stripes, events, fit, loaders
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lightning_viz import (
    CaptumAttribution,
    ConfusionMatrixPanel,
    DeepDream,
    FilterActivations,
    FilterAscent,
    GradCam,
    LimePanels,
    Probes,
    SaliencyMaps,
)


class Counting(Project):
    batches = 0

    def training_step(self, batch, batch_idx):
        type(self).batches += 1
        return super().training_step(batch, batch_idx)


def refuses(tmp_path, callback, *words, module=None, **options):
    """The run ends with an error that has all words, before any batch is trained on."""
    base = module or Counting
    made = type("Made", (base,), {"batches": 0}) if issubclass(base, Counting) else base
    with pytest.raises(ValueError) as caught:
        fit(tmp_path, [callback], module=made, **options)
    for word in words:
        assert word in str(caught.value)
    assert getattr(made, "batches", 0) == 0


@pytest.mark.parametrize("callback", [FilterAscent, FilterActivations, DeepDream])
def test_no_such_layer_names_close_ones(callback, tmp_path):
    refuses(tmp_path, callback(layer="nett.4"), "nett.4", "net.4")


def test_a_layer_without_a_spatial_output(tmp_path):
    refuses(tmp_path, FilterActivations(layer="net.9"), "spatial", "net.9", "('N', 3)", "layer=")


@pytest.mark.parametrize("callback", [FilterAscent, FilterActivations])
def test_a_channel_out_of_range(callback, tmp_path):
    refuses(tmp_path, callback(channels=[3, 16]), "0 to 15", "[16]", "channels=")


def test_a_network_without_a_layer_for_it(tmp_path):
    class Dense(Counting):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(768, 3))

    refuses(tmp_path, GradCam(on_error="raise"), "no layer to take", "layer=", "net.1", module=Dense)


def test_no_such_class(tmp_path):
    refuses(tmp_path, SaliencyMaps(target="Eggs"), "Eggs", "Egg")


def test_labels_that_are_values_for_several_outputs(tmp_path):
    class Odd(Stripes):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return image, label + 0.5

    class Regression(Counting):
        def training_step(self, batch, batch_idx):
            return F.mse_loss(self(batch[0])[:, 0], batch[1].float())

        def validation_step(self, batch, batch_idx):
            pass

    data = lambda: dict.fromkeys(loaders(), DataLoader(Odd(12), batch_size=4))
    refuses(
        tmp_path,
        SaliencyMaps(),
        "labels (N,) that are no whole numbers",
        "(N, 3)",
        "unpack=",
        module=Regression,
        data=data,
    )


Sample = namedtuple("Sample", "name picture kind")


def unpack_sample(batch):
    return batch.picture / 1.0, batch.kind


def test_unpack_reads_any_batch(tmp_path):
    class Named(Stripes):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return Sample(float(i), image, label)

    class Reads(Project):
        def training_step(self, batch, batch_idx):
            return super().training_step(unpack_sample(batch), batch_idx)

        def validation_step(self, batch, batch_idx):
            return super().validation_step(unpack_sample(batch), batch_idx)

    data = lambda: dict.fromkeys(loaders(), DataLoader(Named(12), batch_size=4))
    probes = Probes(count=1, unpack=unpack_sample)
    callbacks = [SaliencyMaps(probes=probes, on_error="raise"), ConfusionMatrixPanel(probes=probes, on_error="raise")]
    fit(tmp_path, callbacks, module=Reads, data=data, max_epochs=1)
    assert {"probe_00_bread/saliency", "confusion/val"} <= set(events(tmp_path).Tags()["images"])


class Headless(pl.LightningModule):
    """Does not override forward, and has two networks."""

    def __init__(self):
        super().__init__()
        self.student, self.teacher = Net(), Net()

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self.student(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


@pytest.mark.parametrize("callback", [SaliencyMaps, ConfusionMatrixPanel, LimePanels])
def test_forward_is_not_overridden(callback, tmp_path):
    refuses(tmp_path, callback(), "does not override forward", "student", "net=", module=Headless)
    fit(tmp_path / "mended", [quick(callback, net="student")], module=Headless, max_epochs=1)
    assert events(tmp_path / "mended").Tags()["images"]


def test_no_such_net(tmp_path):
    refuses(tmp_path, SaliencyMaps(net="pupil"), "pupil", "student", module=Headless)


def test_forward_returns_no_class_scores(tmp_path):
    class Maps(Counting):
        def forward(self, x):
            return self.net[4](self.net[3](self.net[0](x)))

        def training_step(self, batch, batch_idx):
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            pass

    refuses(tmp_path, SaliencyMaps(), "class scores", "(1, 16, 8, 8)", "net=", module=Maps)


def test_class_names_that_do_not_fit_the_outputs(tmp_path):
    refuses(tmp_path, SaliencyMaps(probes=Probes(class_names=["a", "b"])), "3 class names", "received 2")


@pytest.mark.filterwarnings("ignore:Found 2 class names for 3 outputs")
def test_found_class_names_that_do_not_fit_are_left_out(tmp_path):
    class Two(Stripes):
        classes = ("a", "b")

    data = lambda: dict.fromkeys(loaders(), DataLoader(Two(12), batch_size=4))
    with pytest.warns(UserWarning, match="class_names="):
        fit(tmp_path, [SaliencyMaps(probes=3, on_error="raise")], data=data, max_epochs=1)


@pytest.mark.parametrize("name", ["mean", "std"])
def test_normalisation_of_the_wrong_length(name, tmp_path):
    given = {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2), name: (0.1, 0.2)}
    refuses(tmp_path, SaliencyMaps(probes=Probes(**given)), name, "3, one per channel", "received 2")


def test_indices_beyond_the_set(tmp_path):
    refuses(tmp_path, SaliencyMaps(probes=Probes(indices=[83, 4218])), "below 24", "[83, 4218]", "indices=")


def test_labels_beyond_the_outputs(tmp_path):
    class Narrow(Counting):
        def __init__(self):
            super().__init__(classes=2)

    refuses(tmp_path, SaliencyMaps(), "labels 0 to 1", module=Narrow, num_sanity_val_steps=0)


@pytest.mark.parametrize(
    ("callback", "options", "words"),
    [
        (SaliencyMaps, {"every_n_epochs": 0}, ("every_n_epochs=", "at least 1", "0")),
        (SaliencyMaps, {"every_n_steps": 0}, ("every_n_steps=", "None", "0")),
        (SaliencyMaps, {"on_error": "ignore"}, ("'warn' or 'raise'", "'ignore'")),
        (SaliencyMaps, {"method": "grad"}, ("'gradient'", "'grad'")),
        (SaliencyMaps, {"samples": 0}, ("samples=", "at least 1", "0")),
        (SaliencyMaps, {"probes": 0}, ("probes=", "at least 1")),
        (SaliencyMaps, {"probes": [1, 2]}, ("Probes(...)", "[1, 2]", "indices=")),
        (FilterAscent, {"channels": 0}, ("at least 1",)),
        (FilterAscent, {"channels": []}, ("[]",)),
        (FilterAscent, {"start": "image"}, ("'noise' or 'probes'", "'image'")),
        (LimePanels, {"segments": 2}, ("segments=", "at least 4", "2")),
        (LimePanels, {"reliability": 99}, ("between 0 and 1", "None", "99")),
        (LimePanels, {"segmentation": "slick"}, ("'slic'", "'grid'", "function", "'slick'")),
        (DeepDream, {"octave_scale": 1.0}, ("above 1", "1.0")),
    ],
)
def test_arguments_are_checked_where_they_are_written(callback, options, words):
    with pytest.raises(ValueError) as caught:
        callback(**options)
    for word in words:
        assert word in str(caught.value)


def test_a_forward_that_takes_no_images(tmp_path):
    class TakesMore(Counting):
        def forward(self, *, image, prompt):
            return self.net(image)

        def training_step(self, batch, batch_idx):
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            self.net(batch[0])

    refuses(tmp_path, SaliencyMaps(), "to take images", "(8, 3, 16, 16)", "net=", module=TakesMore)


def test_it_cannot_be_told_which_integers_are_the_labels(tmp_path):
    class Two(Stripes):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return {"index": i, "image": image, "kind": label}

    class Reads(Counting):
        def training_step(self, batch, batch_idx):
            return super().training_step((batch["image"], batch["kind"]), batch_idx)

        def validation_step(self, batch, batch_idx):
            pass

    data = lambda: dict.fromkeys(loaders(), DataLoader(Two(12), batch_size=4))
    refuses(tmp_path, SaliencyMaps(), "one tensor of labels", "index int64 (4,)", "unpack=", module=Reads, data=data)


def test_an_unpack_that_returns_no_pair(tmp_path):
    swapped = Probes(unpack=lambda batch: (batch[1], batch[0]))
    refuses(tmp_path, SaliencyMaps(probes=swapped), "images (N, C, H, W)", "[(8,), (8, 3, 16, 16)]")


NAN = float("nan")
WHOLE, NUMBER = [True, 2.5, "3", [3], -1], [True, "0.1", NAN, -1, [0.1]]
TEXT, FLAG, WORD = [3, "", True, ["a"]], [1, "yes", None], [3, "nope", ["gradient"], None]
PAIR, FILL, DICT = [2.5, True, "8", [8], [8, 0], [8.0, 8]], ["grey", 3, None], [[1], "abs", {1: 2}, 3]
WRONG = {
    **dict.fromkeys(
        (
            "every_n_epochs",
            "every_n_steps",
            "samples",
            "segments",
            "confusions",
            "images",
            "features",
            "batch_size",
            "labels",
        ),
        WHOLE,
    ),
    **dict.fromkeys(("octaves", "jitter", "tile", "steps", "warm_steps", "variants", "size"), WHOLE),
    "memory": [*WHOLE, "1GB"],
    "seed": [*WHOLE, 2**32],
    **dict.fromkeys(("max_overhead", "lr", "compactness", "sigma", "min_weight", "kernel_width"), NUMBER),
    **dict.fromkeys(("octave_scale", "step", "noise"), NUMBER),
    "reliability": [*NUMBER, 1.0],
    **dict.fromkeys(("net", "layer"), TEXT),
    "layers": ["block", 3, [], [True], [1.5], {"a": 1}, [""]],
    "heads": ["0", 3, [], [True], [-1], [1.5], {"a": 1}],
    **dict.fromkeys(("transforms", "normalize_gradient", "background"), FLAG),
    **dict.fromkeys(("on_error", "method", "design", "explain", "parametrization", "start", "fill"), WORD),
    **dict.fromkeys(("window", "stride", "canvas"), PAIR),
    **dict.fromkeys(("cover", "baseline"), FILL),
    "probes": [True, 0, 2.5, "8", [1, 2], None],
    "target": [True, 1.5, -1, None, ["Egg"], ""],
    "against": [True, 1.5, -1, ["Egg"], ""],
    "channels": [True, 0, 2.5, "3", [], [True], [1.5], [-1], {3: 1}, None],
    "classes": [True, 0, -1, 1.5, "egg", [], [True], [1.5], [-1], {"egg": 1}],
    "directions": [{0: 1.0}, [], [{}], 3, "0", [{"a": 1.0}], [{-1: 1.0}], [{0: "a"}], [[0, 1.0]]],
    "objective": ["norm", 3, (1,), (-1, 0), (1.5, 0), True, None],
    "iterations": [True, 0, 2.5, "3", [], [0], [1.5], None],
    "guide": [True, -1, 1.5, [0], ""],
    "segmentation": ["slick", 3, None],
    "scale": ["best", 0, -1, True, None, [1.0]],
    **dict.fromkeys(("init", "arguments"), DICT),
}
ELSE = {
    (CaptumAttribution, "noise"): WRONG["init"],
    (FilterAscent, "parametrization"): WORD[:-1],  # None chooses
    (CaptumAttribution, "method"): [3, None, "DeepLift", "captum.attr.NoiseTunnel"],
}


def takes(callback):
    """All arguments of a callback, those of its bases too."""
    found = [inspect.signature(vars(cls)["__init__"]).parameters for cls in callback.__mro__ if "__init__" in vars(cls)]
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {name for names in found for name, one in names.items() if one.kind in kinds} - {"self"}


@pytest.mark.parametrize("callback", [*CALLBACKS, *OF_ATTENTION])
def test_no_argument_takes_what_it_is_not_made_for(callback):
    for name in sorted(takes(callback)):
        for value in ELSE.get((callback, name), WRONG[name]):
            with pytest.raises(ValueError, match="xpected") as caught:
                pytest.fail(f"{callback(**{name: value})} takes {name}={value!r}.")
            assert f"{name}=" in str(caught.value), (name, value)
            assert repr(value) in str(caught.value), (name, value)


def test_numbers_of_numpy_and_paths_are_taken():
    ascent = FilterAscent(channels=np.arange(3), steps=np.int64(4), lr=np.float32(0.5), seed=np.int64(3))
    assert (ascent.channels, ascent.steps, ascent.lr, ascent.seed) == ([0, 1, 2], 4, 0.5, 3)
    assert DeepDream(guide=Path("cat.png"), canvas=(32, 16)).guide == "cat.png"
    probes = Probes(indices=np.array([3, 1, 3]), mean=torch.full((3, 1, 1), 0.5), std=np.ones(3))
    assert probes.indices == (3, 1)
    assert hash(probes) == hash(Probes(indices=[3, 1], mean=[0.5] * 3, std=[1.0] * 3))


WISHES = [
    {"split": "nope"},
    {"count": 2.5},
    {"indices": [1.5]},
    {"mean": 0.5, "std": 0.0},
    {"mean": 0.5},
    {"indices": []},
    {"indices": [1], "per_class": 2},
    {"per_class": 0},
    {"count": True},
    {"count": "8"},
    {"per_class": True},
    *[{"indices": wrong} for wrong in ([True], "12", 3, [-1], {1, 2})],
    *[{"class_names": wrong} for wrong in ("abc", [1, 2], {"a": 1})],
    *[{"mean": wrong, "std": 0.5} for wrong in ("0.5", True, [0.5, "0.5"], NAN)],
    {"mean": 0.5, "std": [0.5, 0.0]},
    {"unpack": "batch"},
    {"split": 3},
]


@pytest.mark.parametrize("options", WISHES)
def test_wishes_that_contradict_themselves(options):
    with pytest.raises(ValueError, match="Expected"):
        Probes(**options)
