"""The panels explain the confusions that are there, by the images that are surest; held against counting by hand."""

import io
from collections import Counter

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image
from projects import Project, events, fit
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.data import DataLoader, Dataset

from lightning_viz import ConfusionMatrixPanel, ConfusionPanels, Probes
from lightning_viz.explain.attribution.baselines import blurred
from lightning_viz.explain.attribution.integrated import integrated_gradients
from lightning_viz.render.fonts import plain
from lightning_viz.render.panel import caption_height, panel

QUICK = {"samples": 24, "segments": 8, "steps": 8, "on_error": "raise"}


class Noise(Dataset):
    """Images that look like nothing, of six classes, so that much is taken for much."""

    classes = [*"ABCDEF"]

    def __init__(self, count=60, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.images = torch.rand(count, 3, 8, 10, generator=generator)
        self.targets = torch.randint(6, (count,), generator=generator).tolist()

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return self.images[i], self.targets[i]


class Stretch(nn.Module):
    def forward(self, x):
        return 6 * x - 3


class Guesses(Project):
    """Guesses, and learns a little."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(Stretch(), nn.Flatten(), nn.Linear(240, 16), nn.Tanh(), nn.Linear(16, 6))


class Recording(ConfusionPanels):
    """Keeps what each validation found."""

    def __init__(self, **options):
        super().__init__(**{**QUICK, **options})
        self.found, self.kept, self.pictures = [], [], []

    def draw(self, scene):
        self.found.append((self._reports, self._surest))
        self.kept.append(sum(kept.kept for kept in self._mistakes.values()))
        self.pictures = [*super().draw(scene)]
        yield from self.pictures


def data(**validation):
    loader = DataLoader(Noise(), batch_size=8, **validation)
    return {"train_dataloaders": DataLoader(Noise(seed=1), batch_size=8), "val_dataloaders": loader}


@torch.no_grad()
def by_hand(run, truth=None):
    """The confusions, the most frequent first, and of each the number and the probability of its surest image."""
    truth = truth or Noise()
    predicted = run.lightning_module.eval().net(truth.images).softmax(1)
    pairs = list(zip(truth.targets, predicted.argmax(1).tolist(), strict=True))
    counts = Counter(pair for pair in pairs if pair[0] != pair[1])
    surest = {
        pair: max((predicted[i].max().item(), i) for i in range(len(pairs)) if pairs[i] == pair) for pair in counts
    }
    return sorted(counts.items(), key=lambda item: (-item[1], item[0])), surest, Counter(truth.targets)


def pictures(folder):
    log = events(folder)
    return {
        tag: [np.asarray(Image.open(io.BytesIO(e.encoded_image_string))) for e in log.Images(tag)]
        for tag in log.Tags()["images"]
    }


def test_the_confusions_are_the_most_frequent_ones_and_the_images_the_surest(tmp_path):
    panel = Recording(confusions=5)
    run = fit(tmp_path, [panel], module=Guesses, data=data, max_epochs=1)
    counts, surest, of = by_hand(run)
    reports, shown = panel.found[-1]
    found = [((one.true, one.predicted), one.count) for one in reports["val"].top]
    assert found == counts[:5]
    assert [one.of for one in reports["val"].top] == [of[pair[0]] for pair, _ in counts[:5]]
    assert (reports["val"].wrong, reports["val"].total) == (sum(count for _, count in counts), 60)
    for pair, _ in found:
        ((image, confidence, place, *_),) = shown["val", pair]
        assert confidence == pytest.approx(surest[pair][0], abs=1e-5)
        assert place == surest[pair][1]
        assert torch.equal(image, Noise().images[place])


def test_several_images_of_each_stand_below_each_other_and_every_picture_has_the_same_height(tmp_path):
    panel = Recording(confusions=2, images=3)
    run = fit(tmp_path, [panel], module=Guesses, data=data, max_epochs=2)
    counts, _, _ = by_hand(run)
    _, shown = panel.found[-1]
    for pair, count in counts[:2]:
        kept = shown["val", pair]
        assert len(kept) == min(count, 3)
        assert [one.confidence for one in kept] == sorted((one.confidence for one in kept), reverse=True)
    drawn = pictures(tmp_path)
    assert set(drawn) == {"confusions/val/1", "confusions/val/2", "confusions/val/changes"}
    assert all(len(frames) == 2 and len({frame.shape for frame in frames}) == 1 for frames in drawn.values())
    assert drawn["confusions/val/1"][0].shape == drawn["confusions/val/2"][0].shape


def test_a_picture_tells_how_high_its_caption_is_and_what_it_says(tmp_path):
    one, none = Recording(confusions=1), Recording(confusions=2)
    fit(tmp_path / "one", [one], module=Guesses, data=data)
    labelled = lambda: dict.fromkeys(data(), DataLoader(Labelled(), batch_size=8))
    fit(tmp_path / "none", [none], module=Perfect, data=labelled)
    blank = np.zeros((9, 9, 3), np.uint8)
    for picture, words in ((one.pictures[0], one.pictures[0].words), (none.pictures[0], ["epoch 1"])):
        below = panel(blank, words, lines=5)[-picture.caption :]
        assert np.array_equal(picture.image[-picture.caption :], below)
        assert picture.caption == caption_height(5)
    first, *_ = one.found[-1][0]["val"].top
    what = f"{'ABCDEF'[first.true]} taken for {'ABCDEF'[first.predicted]}: {first.count} of {first.of}"
    assert plain(one.pictures[0].words[0]).startswith(f"epoch 1 · {what}")
    assert none.pictures[0].words == ()  # the tab then says that nothing has the rank


def test_the_contrast_is_what_autograd_says_on_the_way_from_the_blurred_image(tmp_path, monkeypatch):
    kept = []

    def keeping(subject, images, *arguments, **options):
        found = integrated_gradients(subject, images, *arguments, **options)
        kept.append((images.clone(), found[0]))
        return found

    monkeypatch.setattr("lightning_viz.callbacks.validation.panel.integrated_gradients", keeping)
    panel = Recording(confusions=1, steps=16)
    run = fit(tmp_path, [panel], module=Guesses, data=data, max_epochs=1)
    net = run.lightning_module.eval().net
    (one,) = panel.found[-1][0]["val"].top
    image, values = kept[-1]
    start = blurred(image, 0.5)
    ways = torch.linspace(0.5 / 500, 1 - 0.5 / 500, 500)[:, None, None, None]
    points = (start + ways * (image - start)).requires_grad_()
    scores = net(points)
    (gradient,) = torch.autograd.grad((scores[:, one.predicted] - scores[:, one.true]).sum(), points)
    assert torch.allclose(values[0], ((image - start) * gradient.mean(0))[0], atol=1e-4)


def test_what_changed_is_told_against_the_validation_before_also_after_a_resume(tmp_path):
    first, second = Recording(), Recording()
    run = fit(tmp_path / "first", [first], module=Guesses, data=data, max_epochs=1)
    run.save_checkpoint(tmp_path / "run.ckpt")
    before = dict(by_hand(run)[0])
    run = fit(tmp_path / "second", [second], module=Guesses, data=data, max_epochs=3, ckpt_path=tmp_path / "run.ckpt")
    after = dict(by_hand(run)[0])
    told, resumed, last = (reports["val"] for reports, _ in [*first.found, *second.found])
    assert (told.since, told.was_wrong, {one.was for one in told.top}) == (None, None, {None})
    assert (resumed.since, resumed.was_wrong) == (0, sum(before.values()))
    assert resumed.moved
    assert all(one.was == before.get((one.true, one.predicted), 0) for one in [*resumed.top, *resumed.moved])
    assert (last.since, last.was_wrong, last.wrong) == (1, resumed.wrong, sum(after.values()))


class Perfect(Guesses):
    """Reads the label off the image."""

    def forward(self, x):
        return F.one_hot((6 * x[:, 0, 0, 0]).round().long().clamp(0, 5), 6).float() * 9 + 0 * self.net(x)


class Labelled(Noise):
    def __init__(self, count=60, seed=0):
        super().__init__(count, seed)
        self.images[:, 0, 0, 0] = torch.tensor(self.targets) / 6


def test_a_network_without_mistakes_has_its_pictures_too(tmp_path):
    labelled = lambda: dict.fromkeys(data(), DataLoader(Labelled(), batch_size=8))
    panel = Recording()
    fit(tmp_path / "none", [panel], module=Perfect, data=labelled, max_epochs=1)
    assert panel.found[-1][0]["val"].top == []
    fit(tmp_path / "some", [Recording()], module=Guesses, data=data, max_epochs=1)
    none, some = pictures(tmp_path / "none"), pictures(tmp_path / "some")
    assert set(none) == set(some)
    assert {tag: frames[-1].shape for tag, frames in none.items()} == {t: f[-1].shape for t, f in some.items()}


def test_where_the_step_tells_classes_alone_the_first_image_stands_for_a_confusion(tmp_path):
    class Classes(Guesses):
        def validation_step(self, batch, batch_idx):
            return {"preds": self.net(batch[0]).argmax(1)}

    panel = Recording(confusions=4)
    run = fit(tmp_path, [panel], module=Classes, data=data, max_epochs=1)
    reports, shown = panel.found[-1]
    assert [((one.true, one.predicted), one.count) for one in reports["val"].top] == by_hand(run)[0][:4]
    with torch.no_grad():
        predicted = run.lightning_module.eval().net(Noise().images).argmax(1).tolist()
    pairs = list(zip(Noise().targets, predicted, strict=True))
    for (_, pair), (one,) in shown.items():
        assert (one.confidence, one.place) == (None, pairs.index(pair))


def read(batch):
    return batch["x"], batch["y"]


def collate(items):
    return {"x": torch.stack([x for x, _ in items]), "y": torch.tensor([y for _, y in items])}


def test_several_loaders_of_batches_as_dictionaries(tmp_path):
    class Reads(Guesses):
        def training_step(self, batch, batch_idx):
            return super().training_step(read(batch), batch_idx)

        def validation_step(self, batch, batch_idx, dataloader_idx=0):
            self(batch["x"])

    def loaders():
        train, val, more = (DataLoader(Noise(seed=s), batch_size=8, collate_fn=collate) for s in (1, 0, 3))
        return {"train_dataloaders": train, "val_dataloaders": [val, more]}

    panel = Recording(probes=Probes(unpack=read))
    run = fit(tmp_path, [panel], module=Reads, data=loaders, max_epochs=1)
    for number, seed in enumerate((0, 3)):
        top = panel.found[-1][0][f"val_{number}"].top
        assert [((one.true, one.predicted), one.count) for one in top] == by_hand(run, Noise(seed=seed))[0][:3]
    assert {"confusions/val_0/1", "confusions/val_1/changes"} <= set(pictures(tmp_path))


class Window(pl.Callback):
    """Counts the calls of the network, and of copies of it, while batches of a validation pass."""

    def __init__(self):
        self.calls = 0

    def on_validation_start(self, trainer, pl_module):
        kind = type(pl_module.net)
        self.handle = register_module_forward_hook(lambda m, *_: self.count() if isinstance(m, kind) else None)

    def count(self):
        self.calls += 1

    def on_validation_end(self, trainer, pl_module):
        self.handle.remove()


def test_the_network_is_asked_once_for_the_matrix_and_the_panels_together(tmp_path):
    class TwoViews(Guesses):
        def validation_step(self, batch, batch_idx):
            self(batch[0]), self(batch[0].flip(-1))

    def calls(*callbacks):
        window = Window()
        fit(tmp_path, [window, *callbacks], module=TwoViews, data=data, max_epochs=1, num_sanity_val_steps=0)
        return window.calls

    matrix, panels = ConfusionMatrixPanel(on_error="raise"), ConfusionPanels(**QUICK)
    assert calls() < calls(matrix) == calls(matrix, panels)


def test_the_images_take_no_more_than_their_room_and_are_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr("lightning_viz.callbacks.validation.top_confusions.ROOM", 7 * 3 * 8 * 10 * 4)
    panel = Recording(confusions=3)
    fit(tmp_path, [panel], module=Guesses, data=data)
    assert max(panel.kept) == 7
    assert panel._mistakes == panel._surest == {}


@pytest.mark.parametrize("wrong", [{"confusions": 0}, {"images": 0}, {"samples": 1}, {"steps": 0}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"Expected .* at least [12], received"):
        ConfusionPanels(**wrong)
