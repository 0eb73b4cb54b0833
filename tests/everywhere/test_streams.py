"""Probes out of data that has no items by index: the first that pass."""

import pytest
import torch
from found import quick
from projects import NAMES, Project, Stripes, events, fit, trainer
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from lightning_viz import ConfusionMatrixPanel, FilterAscent, LimePanels, Probes, SaliencyMaps


class Stream(IterableDataset):
    """The stripes, one after the other."""

    classes = NAMES

    def __init__(self, count=24, seed=2):
        self.items = Stripes(count, seed=seed)
        self.passed = 0

    def __iter__(self):
        for i in range(len(self.items)):
            self.passed += 1
            yield self.items[i]


def streams():
    return {
        "train_dataloaders": DataLoader(Stream(48, seed=1), batch_size=8),
        "val_dataloaders": DataLoader(Stream(), batch_size=8),
    }


def smaller():
    return {
        **streams(),
        "val_dataloaders": DataLoader(Stream(), batch_size=2),
    }  # one batch is not enough to choose from


class Looking(SaliencyMaps):
    """Keeps the probes of every drawing."""

    def draw(self, scene):
        self.seen = [*getattr(self, "seen", []), scene.probes]
        yield from super().draw(scene)


@pytest.mark.parametrize("sanity", [0, 1, 2])
def test_the_first_that_pass_in_validation_are_the_probes(sanity, tmp_path):
    callback = quick(Looking, probes=3)
    fit(tmp_path, [callback, quick(LimePanels, probes=3, every_n_epochs=2)], data=smaller, num_sanity_val_steps=sanity)
    first, *others = callback.seen
    assert all(torch.equal(first.images, other.images) for other in others)
    passed = Stripes(24, seed=2)
    for i, index in enumerate(first.indices):
        assert torch.equal(first.images[i], passed[index][0])
        assert int(first.labels[i]) == passed[index][1]
    tags = events(tmp_path).Tags()["images"]
    assert {tag.split("_")[2].split("/")[0] for tag in tags if tag.startswith("probe")} == {"bread", "egg", "soup"}
    assert len({tag for tag in tags if tag.endswith("/lime")}) == 3
    before = [-1] if sanity == 2 else []  # nothing, or too little, has passed before the first step
    assert [e.step for e in events(tmp_path).Images("probe_00_bread/saliency")] == [*before, 5, 11]


@pytest.mark.filterwarnings("ignore:.*probes come from the training data")
def test_training_and_its_data_are_not_disturbed(tmp_path):
    panels = [quick(cls) for cls in (SaliencyMaps, FilterAscent, ConfusionMatrixPanel)]
    runs = [fit(tmp_path / name, callbacks, data=streams) for name, callbacks in (("a", []), ("b", panels))]
    states = [run.lightning_module.state_dict() for run in runs]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert runs[0].train_dataloader.dataset.passed == runs[1].train_dataloader.dataset.passed
    assert runs[0].val_dataloaders.dataset.passed == runs[1].val_dataloaders.dataset.passed


def test_without_validation_the_first_of_training_are_taken_and_it_is_said(tmp_path):
    with pytest.warns(UserWarning, match="probes come from the training data"):
        fit(tmp_path, [quick(SaliencyMaps, every_n_steps=3)], data=streams, limit_val_batches=0, max_epochs=1)
    assert [e.step for e in events(tmp_path).Images("probe_00_bread/saliency")] == [2, 5]


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_validation_alone_draws_from_a_stream(stage, tmp_path):
    run = trainer(tmp_path, [quick(SaliencyMaps), quick(ConfusionMatrixPanel)])
    getattr(run, stage)(Project(), DataLoader(Stream(), batch_size=8), verbose=False)
    assert {"probe_00_bread/saliency", f"confusion/{stage[:4].rstrip('i')}"} <= set(events(tmp_path).Tags()["images"])


def test_loaders_that_are_not_torchs_are_streams_too(tmp_path):
    class Batches:
        """What faster loaders look like: no data set, no items."""

        def __iter__(self):
            return iter(DataLoader(Stripes(24), batch_size=8))

        def __len__(self):
            return 3

    data = lambda: {"train_dataloaders": Batches(), "val_dataloaders": Batches()}
    probes = Probes(count=3, class_names=NAMES)
    fit(tmp_path, [SaliencyMaps(probes=probes, on_error="raise"), ConfusionMatrixPanel(probes=probes)], data=data)
    assert {"probe_00_bread/saliency", "confusion/val"} <= set(events(tmp_path).Tags()["images"])


def test_items_by_index_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"items by index.*stream: pass count="):
        fit(tmp_path, [SaliencyMaps(probes=Probes(indices=[1, 2]))], data=streams)


class Tables(Stream):
    """Several labels of each."""

    def __iter__(self):
        for image, label in super().__iter__():
            yield image, torch.tensor([[1, 1, 0], [0, 1, 1], [1, 1, 1]][label])


def test_several_labels_out_of_a_stream_are_recognised_before_the_first_count(tmp_path):
    class Many(Project):
        def training_step(self, batch, batch_idx):
            return nn.functional.binary_cross_entropy_with_logits(self(batch[0]), batch[1].float())

        def validation_step(self, batch, batch_idx):
            self(batch[0])

    data = lambda: {name: DataLoader(Tables(seed=k), batch_size=8) for k, name in enumerate(streams())}
    callbacks = [quick(Looking), quick(ConfusionMatrixPanel)]
    run = fit(tmp_path, callbacks, module=Many, data=data, num_sanity_val_steps=0, max_epochs=1)
    assert callbacks[0].seen[0].task.name == "labels"
    images, labels = (torch.stack(part) for part in zip(*Tables(seed=1), strict=True))
    with torch.no_grad():
        found = run.lightning_module.eval()(images) > 0
    recall = (found & (labels > 0)).sum(0) / (labels > 0).sum(0)
    logged = {tag: events(tmp_path).Scalars(tag)[-1].value for tag in events(tmp_path).Tags()["scalars"]}
    for name, share in zip(NAMES, recall.tolist(), strict=True):
        assert logged[f"recall/val/{name.lower()}"] == pytest.approx(share)
