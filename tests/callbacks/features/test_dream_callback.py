import io

import numpy as np
import pytest
import torch
from PIL import Image
from projects import Net, Project, Stripes, events, fit
from torch import nn
from torch.utils.data import DataLoader

from lightning_viz import DeepDream, Probes

QUICK = {"on_error": "raise", "octaves": 2, "iterations": 1, "probes": 3}


def dreams(folder):
    log = events(folder)
    return {tag: log.Images(tag)[-1].encoded_image_string for tag in log.Tags()["images"] if "deep_dream" in tag}


def test_a_probe_guides_the_dreams_of_all(tmp_path):
    fit(tmp_path, [DeepDream(**QUICK), DeepDream(guide=1, **QUICK)], max_epochs=1)
    found = dreams(tmp_path)
    probes = ("probe_00_bread", "probe_01_egg", "probe_02_soup")
    assert set(found) == {f"{p}/deep_dream{end}" for p in probes for end in ("", "_towards_egg")}
    assert all(found[f"{p}/deep_dream"] != found[f"{p}/deep_dream_towards_egg"] for p in probes)


def test_what_is_not_finite_dreams_of_nothing(tmp_path):
    class Broken(Project):
        def on_train_epoch_start(self):
            nn.init.constant_(self.net[9].weight, float("nan"))

    fit(tmp_path, [DeepDream(**QUICK)], module=Broken, max_epochs=1)
    log = events(tmp_path)
    frames = [
        [np.asarray(Image.open(io.BytesIO(e.encoded_image_string))) for e in log.Images(f"{probe}/deep_dream")]
        for probe in ("probe_00_bread", "probe_01_egg")
    ]
    before, after = zip(*frames, strict=True)
    assert before[0].shape == after[0].shape
    assert np.abs(before[0][:300].astype(int) - before[1][:300]).mean() > 5
    assert np.abs(after[0][:300].astype(int) - after[1][:300]).mean() < 1  # the same words


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 3), ("RGB", 1)])
def test_a_file_guides_too(mode, channels, tmp_path):
    size = (40, 24)
    Image.new(mode, size, 128 if mode == "L" else (250, 120, 10)).save(tmp_path / "Orange peel.png")

    def data():
        one = DataLoader(Stripes(12, channels=channels), batch_size=6)
        return {"train_dataloaders": one, "val_dataloaders": one}

    callback = DeepDream(guide=str(tmp_path / "Orange peel.png"), **QUICK)
    fit(tmp_path / "log", [callback], module=lambda: Project(channels=channels), data=data, max_epochs=1)
    assert all(tag.endswith("/deep_dream_towards_orange_peel") for tag in dreams(tmp_path / "log"))
    assert len(dreams(tmp_path / "log")) == 3


@pytest.mark.parametrize(
    ("guide", "words"),
    [(3, "0 to 2"), (-1, "received -1"), ("nowhere.png", "nowhere.png"), (__file__, "image file")],
)
def test_a_guide_that_there_is_not_is_an_error_before_the_first_batch(guide, words, tmp_path):
    steps = []

    class Counting(Project):
        def training_step(self, batch, batch_idx):
            steps.append(batch_idx)
            return super().training_step(batch, batch_idx)

    with pytest.raises(ValueError, match=words) as caught:
        fit(tmp_path, [DeepDream(guide=guide, probes=3)], module=Counting)
    assert "guide=" in str(caught.value)
    assert not steps


def test_a_rehearsal_has_one_probe_and_takes_it_as_the_guide(tmp_path):
    drawn = set()

    class Noting(DeepDream):
        def draw(self, scene):
            for picture in super().draw(scene):
                drawn.add(picture.tag)
                yield picture

    fit(tmp_path, [Noting(guide=2, **QUICK)], fast_dev_run=True)
    assert drawn == {"probe_00_bread/deep_dream_towards_bread"}


class Flat(nn.Sequential):
    """Takes images of 16 px only, from its first layer on."""

    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(3 * 16 * 16, 3 * 16 * 16), nn.Unflatten(1, (3, 16, 16)), Net())


def test_a_network_of_one_size_dreams_in_tiles_of_it(tmp_path):
    class Fixed(Project):
        def __init__(self):
            super().__init__()
            self.net = Flat()

    kept = []

    class Keeping(DeepDream):
        def _dream(self, *args, **kwargs):
            kept.append(super()._dream(*args, **kwargs))
            return kept[-1]

    fit(tmp_path, [Keeping(**QUICK)], module=Fixed, max_epochs=1)
    assert kept[-1].shape == (3, 3, 24, 24)
    with pytest.raises(ValueError, match="canvas= of at least"):
        fit(tmp_path / "small", [DeepDream(canvas=12, **QUICK)], module=Fixed, max_epochs=1)


def test_by_default_it_dreams_of_a_convolution_two_thirds_down(tmp_path):
    class Deep(Project):
        def __init__(self):
            super().__init__()
            convolutions = [nn.Conv2d(3, 3, 3, padding=1) for _ in range(5)]
            self.net = nn.Sequential(
                nn.Conv2d(3, 3, 1), *convolutions, nn.Conv2d(3, 3, 1), nn.Flatten(), nn.Linear(768, 3)
            )

    seen = []

    class Telling(DeepDream):
        def _found(self, scene):
            seen.append(super()._found(scene)[0])
            return super()._found(scene)

    fit(tmp_path, [Telling(**{**QUICK, "probes": Probes(indices=[0])})], module=Deep, max_epochs=1)
    assert set(seen) == {"net.4"}


def test_the_weights_are_back_when_it_has_drawn(tmp_path):
    run = fit(tmp_path, [DeepDream(**QUICK)], max_epochs=1)
    assert run.lightning_module.net[4].weight.is_contiguous()
    assert all(torch.isfinite(p).all() for p in run.lightning_module.parameters())
