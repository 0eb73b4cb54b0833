"""Which images are chosen, and how their batch is read, without moving a generator of the user's."""

import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from found import quick
from projects import Project, Stripes, events, fit
from pytorch_lightning.utilities import CombinedLoader
from torch import nn
from torch.utils.data import BatchSampler, ConcatDataset, DataLoader, SequentialSampler, Subset, TensorDataset

from lightning_viz import ConfusionMatrixPanel, Probes, SaliencyMaps
from lightning_viz.harness.probes.batches import unpacked
from lightning_viz.harness.probes.labels import dataset_labels
from lightning_viz.harness.probes.loaders import first_loader
from lightning_viz.harness.probes.selection import spread


@dataclass
class Sample:
    y: torch.Tensor
    x: torch.Tensor


X, Y = torch.rand(4, 3, 8, 8), torch.arange(4)


@pytest.mark.parametrize(
    "batch",
    [
        (X, Y),
        [Y, X],
        {"image": X, "label": Y},
        (X, {"label": Y[:, None], "weight": torch.rand(4)}),
        {"meta": (["a"] * 4, torch.zeros(4, dtype=torch.bool)), "data": {"pixels": X, "class": Y.int()}},
        Sample(Y, X),
        (X, Y, torch.zeros(4, dtype=torch.long)),
        {"index": torch.arange(7, 11), "image": X, "label": Y},
        (X, Y.float()),
        {"image": X, "label": Y.float(), "weight": torch.rand(4)},
    ],
)
def test_images_and_labels_are_found_in_any_nesting(batch):
    images, labels, *_ = unpacked(batch)
    assert images is X
    assert labels.tolist() == [0, 1, 2, 3]


MASK, PATHS = (torch.rand(4, 1, 8, 8) > 0.5).float(), ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "batch",
    [
        (torch.arange(3, 7), X, Y),
        (PATHS, X, Y),
        (MASK, X, Y),
        (Y + 3, X, Y.float(), torch.rand(4)),
        {"mask": MASK, "x": X, "y": Y},
        {"thumb": torch.rand(4, 3, 4, 4), "pixel_values": X, "labels": Y},
        {"depth": torch.rand(4, 1, 8, 8), "image": X, "label": Y},
    ],
)
def test_what_stands_before_the_images_is_not_taken_for_them_or_for_labels(batch):
    images, labels, *_ = unpacked(batch)
    assert images is X
    assert labels.tolist() == [0, 1, 2, 3]


class Noted(torch.Tensor):
    """A tensor that keeps notes, and stays what it is whatever is done with it."""


def test_tensors_with_notes_become_plain_ones():
    images, labels, *_ = unpacked({"image": X.as_subclass(Noted), "label": Y.as_subclass(Noted)})
    assert (type(images), type(labels)) == (torch.Tensor, torch.Tensor)
    assert torch.equal(images, X)


def test_items_without_a_class_are_no_probes(tmp_path):
    class Partly(Stripes):
        def __init__(self, count):
            super().__init__(count)
            self.targets = [-1 if i % 2 else label for i, label in enumerate(self.targets)]

    class Ignores(Project):
        def validation_step(self, batch, batch_idx):
            self(batch[0])

    data = lambda: {
        "train_dataloaders": DataLoader(Stripes(24), batch_size=8),
        "val_dataloaders": DataLoader(Partly(24), batch_size=8),
    }
    callbacks = [quick(SaliencyMaps, probes=4), quick(ConfusionMatrixPanel)]
    with pytest.warns(UserWarning, match="leaves out labels that are no class"):
        fit(tmp_path, callbacks, module=Ignores, data=data, max_epochs=1)
    assert "confusion/val" in events(tmp_path).Tags()["images"]


def test_classes_whose_names_look_alike_have_tags_of_their_own(tmp_path):
    probes = Probes(count=3, class_names=["C", "C++", "C#"])
    fit(tmp_path, [SaliencyMaps(probes=probes), ConfusionMatrixPanel(probes=probes)], max_epochs=1)
    scalars = events(tmp_path).Tags()["scalars"]
    assert {"recall/val/c_0", "recall/val/c_1", "recall/val/c_2", "probability/probe_00_c/c_2"} <= set(scalars)


def test_a_data_set_with_its_own_generator_is_not_moved(tmp_path):
    class Noisy(Stripes):
        def __init__(self, count):
            super().__init__(count)
            self.own = [np.random.default_rng(0), torch.Generator().manual_seed(0), random.Random(0)]

        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            noise = self.own[0].random() + torch.rand((), generator=self.own[1]).item() + self.own[2].random()
            return image * (1 - noise / 10), label

    def data():
        return {
            "train_dataloaders": DataLoader(Noisy(24), batch_size=8, shuffle=True),
            "val_dataloaders": DataLoader(Stripes(24), batch_size=8),
        }

    states = []
    for callbacks in ([], [SaliencyMaps(probes=Probes(indices=[1, 2], split="train"), on_error="raise")]):
        run = fit(tmp_path / str(len(states)), callbacks, data=data)
        states.append({k: v.tolist() for k, v in run.lightning_module.state_dict().items()})
    assert states[0] == states[1]


def test_spread_covers_all_classes_before_any_twice():
    labels = [k % 11 for k in range(550)]
    chosen = [labels[i] for i in spread(labels, count=8)]
    assert len(set(chosen)) == 8
    assert {0, 3, 9} <= set(chosen)
    assert sorted(labels[i] for i in spread(labels, count=22)) == sorted([*range(11)] * 2)
    assert len(set(spread(labels, count=22))) == 22


def test_spread_takes_what_there_is():
    assert spread([0, 0, 1], count=8) == [0, 1, 2]
    assert spread([0, 0, 0, 1], count=0, per_class=2) == [0, 2, 3]


def test_labels_are_read_through_subsets_and_joins_without_loading_items():
    class Closed(Stripes):
        def __getitem__(self, i):
            raise AssertionError("loaded")

    assert dataset_labels(Subset(Closed(6), [5, 1])) == [2, 1]
    assert dataset_labels(ConcatDataset([Closed(2), Closed(3)])) == [0, 1, 0, 1, 2]


def test_the_first_loader_is_found_in_lists_and_mappings():
    loader = DataLoader(Stripes(4))
    assert first_loader([{"a": loader}, DataLoader(Stripes(2))]) is loader
    assert first_loader(None) is None


class Looking(SaliencyMaps):
    """Notes what it explains."""

    def __init__(self, **arguments):
        super().__init__(**{"on_error": "raise", **arguments})
        self.seen = None

    def draw(self, scene):
        self.seen = scene.probes
        yield from super().draw(scene)


class Shows(Project):
    """Its validation takes what comes."""

    def training_step(self, batch, batch_idx):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self(batch[0])


def whole_batches():
    data = Stripes(24)
    batches = TensorDataset(data.images.unflatten(0, (4, 6)), torch.tensor(data.targets).unflatten(0, (4, 6)))
    return DataLoader(batches, batch_size=None), data


def lists_of_indices():
    data = Stripes(24)
    items = TensorDataset(data.images, torch.tensor(data.targets))
    return DataLoader(items, sampler=BatchSampler(SequentialSampler(items), 6, False), batch_size=None), data


@pytest.mark.filterwarnings("ignore:Two callbacks draw")
@pytest.mark.parametrize("make", [whole_batches, lists_of_indices])
def test_data_sets_that_make_their_own_batches(make, tmp_path):
    loader, data = make()
    wishes = [{"count": 5}, {"per_class": 2}, {"indices": [7, 3, 22]}]
    looking = [Looking(probes=Probes(**wish, class_names=data.classes)) for wish in wishes]
    data_of = lambda: {"train_dataloaders": loader, "val_dataloaders": loader}
    fit(tmp_path, looking, module=Shows, data=data_of, max_epochs=1)
    for wish, seen in zip(wishes, [one.seen for one in looking], strict=True):
        chosen = seen.indices
        assert torch.equal(seen.images, data.images[list(chosen)])
        assert seen.labels.tolist() == [data.targets[i] for i in chosen]
        assert chosen == tuple(wish["indices"]) if "indices" in wish else len(set(seen.labels.tolist())) == 3


class Unlabelled(Stripes):
    def __getitem__(self, i):
        return (self.images[i],)


@pytest.mark.filterwarnings("ignore:Two callbacks draw")
@pytest.mark.parametrize("order", [0, 1])
def test_of_several_loaders_the_first_with_labels_or_the_one_that_is_named(order, tmp_path):
    loaders = {"more": DataLoader(Unlabelled(6, seed=4), 2), "own": DataLoader(Stripes(6, seed=5), 2)}
    loaders["last"] = DataLoader(Stripes(6, seed=6), 2)
    loaders = dict(list(loaders.items())[:: -1 if order else 1])
    expected = {None: 6 if order else 5, "own": 5, "last": 6}
    data = lambda: {"train_dataloaders": DataLoader(Stripes(6), 2), "val_dataloaders": loaders}
    looking = {wanted: Looking(probes=Probes(loader=wanted, indices=[2])) for wanted in expected}
    fit(tmp_path / "named", looking.values(), module=Shows, data=data, max_epochs=1)
    for wanted, seed in expected.items():
        assert torch.equal(looking[wanted].seen.images[0], Stripes(6, seed=seed).images[2])
    data = lambda: {"train_dataloaders": DataLoader(Stripes(6), 2), "val_dataloaders": list(loaders.values())}
    numbered = Looking(probes=Probes(loader=1, indices=[2]))
    fit(tmp_path / "numbered", [numbered], module=Shows, data=data, max_epochs=1)
    assert torch.equal(numbered.seen.images[0], Stripes(6, seed=5).images[2])
    with pytest.raises(ValueError, match=r"loader= as one of \[0, 1, 2\].*received 'none'"):
        fit(tmp_path, [Looking(probes=Probes(loader="none"))], module=Shows, data=data, max_epochs=1)


@pytest.mark.parametrize("on_error", ["warn", "raise"])
def test_batches_of_several_loaders_side_by_side_are_told_before_the_first(on_error, tmp_path):
    class Both(Shows):
        def validation_step(self, batch, batch_idx):
            [self(x) for x, _ in batch.values()]

    make = lambda: DataLoader(Stripes(6), 2)
    both = lambda: {
        "train_dataloaders": make(),
        "val_dataloaders": CombinedLoader({"a": make(), "b": make()}, "max_size"),
    }
    callbacks = [SaliencyMaps(probes=2), ConfusionMatrixPanel(on_error=on_error)]
    expected = pytest.raises(ValueError, match="side by side") if on_error == "raise" else pytest.warns(match="side by")
    with expected:
        fit(tmp_path, callbacks, module=Both, data=both, max_epochs=1)
    if on_error == "warn":
        assert {tag.rpartition("/")[2] for tag in events(tmp_path).Tags()["images"]} == {"input", "saliency", "curves"}


def test_probes_are_seen_as_in_validation(tmp_path):
    class Augments(Project):
        def on_after_batch_transfer(self, batch, dataloader_idx):
            x, y = batch
            return (torch.zeros_like(x) if self.trainer.training else x / 2, y)

    seen = []

    class Looking(SaliencyMaps):
        def draw(self, scene):
            seen.append(scene.probes.images)
            yield from super().draw(scene)

    fit(tmp_path, [Looking(probes=Probes(split="train", indices=[7]), on_error="raise")], module=Augments, max_epochs=1)
    assert torch.equal(seen[0][0], Stripes(48, seed=1).images[7] / 2)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_with_its_own_generator_is_not_moved(workers, tmp_path):
    orders = []
    for callbacks in ([], [quick(SaliencyMaps)]):
        order = []

        class Noting(Project):
            def training_step(self, batch, batch_idx, order=order):
                order.append(batch[1].tolist())
                return super().training_step(batch, batch_idx)

        def data():
            arguments = {"batch_size": 8, "num_workers": workers, "persistent_workers": workers > 0}
            own = torch.Generator().manual_seed(3)
            return {
                "train_dataloaders": DataLoader(Stripes(24), shuffle=True, generator=own, **arguments),
                "val_dataloaders": DataLoader(Stripes(24), **arguments),
            }

        fit(tmp_path, callbacks, module=Noting, data=data)
        orders.append(order)
    assert orders[0] == orders[1]


def test_a_data_set_without_known_labels_is_looked_at(tmp_path):
    class Plain(Stripes):
        def __init__(self, count):
            super().__init__(count)
            self.hidden, self.targets = self.targets, None

        def __len__(self):
            return len(self.hidden)

        def __getitem__(self, i):
            return self.images[i], self.hidden[i]

    seen = []

    class Looking(SaliencyMaps):
        def draw(self, scene):
            seen.append(scene.probes.labels.tolist())
            yield from super().draw(scene)

    def data():
        return {
            "train_dataloaders": DataLoader(Stripes(24), batch_size=8),
            "val_dataloaders": DataLoader(Plain(48), batch_size=8),
        }

    fit(tmp_path, [Looking(probes=6, on_error="raise")], data=data, max_epochs=1)
    assert sorted(seen[0]) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("option", [{"limit_val_batches": 0}, {}])
def test_without_validation_the_probes_come_from_training(option, tmp_path):
    class NoValidation(Project):
        validation_step = None

    module = Project if option else NoValidation
    data = (lambda: {"train_dataloaders": DataLoader(Stripes(24), batch_size=8)}) if not option else None
    with pytest.warns(UserWarning, match="no validation loader"):
        fit(tmp_path, [quick(SaliencyMaps)], module=module, data=data, max_epochs=1, **option)


def test_every_channel_of_more_than_three_is_stretched_by_itself(tmp_path):
    class Wide(Stripes):
        def __init__(self, count):
            super().__init__(count, channels=4)
            self.images = self.images * 8 - 4
            self.images[:, 0] = 3.0

    class Net(Project):
        def __init__(self):
            super().__init__(channels=4)

    looking = quick(Looking, probes=3)
    data = lambda: dict.fromkeys(["train_dataloaders", "val_dataloaders"], DataLoader(Wide(12), batch_size=4))
    with pytest.warns(UserWarning, match="nobody knows their mean and std"):
        fit(tmp_path, [looking], module=Net, data=data, max_epochs=1)
    images, pixels = looking.seen.images, looking.seen.pixels
    stretched = [(x - x.min()) / (x.max() - x.min()).clamp(min=1e-9) for x in images.split(1, dim=1)]
    assert torch.allclose(pixels, torch.cat(stretched, 1), atol=1e-5)
    assert torch.allclose(looking.seen.normalize(pixels), images, atol=1e-4)
