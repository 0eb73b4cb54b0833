"""Data are asked and read beside the training, and by as few processes as that takes."""

import os

import pytest
from projects import NAMES, Stripes, fit
from torch.utils.data import DataLoader, Dataset

from lightning_viz import SaliencyMaps


class Watched(Dataset):
    """Writes down which processes ask for its labels, and which load its items."""

    classes = NAMES

    def __init__(self, folder, *, labelled=True):
        self._folder, self._labelled, self._stripes = folder, labelled, Stripes(12)

    def __len__(self):
        return len(self._stripes)

    @property
    def targets(self):
        (self._folder / f"asked by {os.getpid()}").touch()
        return self._stripes.targets if self._labelled else None

    def __getitem__(self, i):
        (self._folder / f"read by {os.getpid()}").touch()
        return self._stripes[i]


def by(folder, what):
    """The processes that did it."""
    return {int(path.name.split()[-1]) for path in folder.glob(f"{what} by *")}


@pytest.mark.parametrize(("labelled", "processes"), [(True, 1), (False, 2)])
def test_whoever_is_asked_is_read_by_the_same_process(labelled, processes, tmp_path):
    loader = DataLoader(Watched(tmp_path, labelled=labelled), batch_size=6)
    data = {"train_dataloaders": DataLoader(Stripes(12), batch_size=6), "val_dataloaders": loader}
    fit(tmp_path / "log", [SaliencyMaps(probes=2, on_error="raise")], data=lambda: data, max_epochs=1)
    asked, read = by(tmp_path, "asked"), by(tmp_path, "read") - {os.getpid()}  # which validates
    assert len(asked) == 1
    assert os.getpid() not in asked
    assert asked <= read
    assert len(read) == processes  # where only items have labels, those that are chosen are read after the others
