"""What is told of every map: what it is like and how it changes, also over a resumed run."""

import numpy as np
import pytest
import torch
from found import quick
from projects import Project, events, fit, loaders, trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from torch import nn

from lightning_viz import GradCam, IntegratedGradients, LimePanels, Probes, SaliencyMaps
from lightning_viz.callbacks.attribution.figures import MapFigures
from lightning_viz.harness.sinks.results import Keep

SCORES = [0.5, 0.9, 0.2, 0.7, 0.1]


class Told(Project):
    """Has other weights in every epoch, known beforehand, and scores that are as well."""

    def on_train_epoch_start(self):
        torch.manual_seed(self.current_epoch)
        nn.init.normal_(self.net[0].weight)
        nn.init.normal_(self.net[9].weight)
        self.net[1].reset_running_stats()
        self.net[1].eval()

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", SCORES[self.current_epoch % 5])
        self.log("val_acc", SCORES[self.current_epoch % 5])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Noting(SaliencyMaps):
    """Remembers its maps by step."""

    def draw(self, scene):
        self.step = scene.step
        yield from super().draw(scene)

    def attribute(self, subject, images, targets):
        values = super().attribute(subject, images, targets)
        contrast = (images.amax((1, 2, 3)) - images.amin((1, 2, 3)))[:, None, None]
        found = values.abs().amax(1) * contrast
        self.maps = {**getattr(self, "maps", {}), self.step: found.double().numpy()}
        return values


def curve(log, name):
    return {e.step: e.value for e in log.Scalars(f"explanations/{name}")}


def ssim(a, b):
    return structural_similarity(a / a.max(), b / b.max(), data_range=1.0, win_size=7)


@pytest.mark.parametrize(("monitor", "best"), [(None, {1: 0, 2: 0, 3: 2, 4: 2}), ("val_acc", {1: 0, 2: 1, 3: 1, 4: 1})])
def test_changes_are_those_from_the_last_the_untrained_and_the_best_map(monitor, best, tmp_path):
    noting = Noting(probes=3, on_error="raise")
    watch = [ModelCheckpoint(tmp_path, monitor=monitor, mode="max")] if monitor else []
    fit(tmp_path, [*watch, noting], module=Told, max_epochs=5, enable_checkpointing=bool(watch))
    log, maps = events(tmp_path), [noting.maps[step] for step in sorted(noting.maps)]
    steps = [6 * epoch + 5 for epoch in range(5)]
    assert sorted(noting.maps) == [-1, *steps]
    others = {
        "previous": {epoch: maps[epoch] for epoch in range(5)},
        "untrained": dict.fromkeys(range(5), maps[0]),
        "best": {epoch: maps[1 + k] for epoch, k in best.items()},
    }
    for name, other in others.items():
        for measure, reference in (("rank", lambda a, b: spearmanr(a.ravel(), b.ravel()).statistic), ("ssim", ssim)):
            expected = {
                steps[epoch]: np.mean([reference(a, b) for a, b in zip(maps[1 + epoch], then, strict=True)])
                for epoch, then in other.items()
            }
            assert curve(log, f"saliency/{measure}_{name}") == pytest.approx(expected, abs=1e-5), (measure, name)
    expected = {step: np.mean([m.sum() for m in found]) for step, found in noting.maps.items()}
    assert curve(log, "saliency/sum") == pytest.approx(expected, rel=1e-5)


CALLBACKS = {
    "saliency": lambda: quick(SaliencyMaps, probes=1),
    "lime": lambda: quick(LimePanels, probes=1),
    "gradcam_net_4": lambda: quick(GradCam, probes=1),
}


def test_a_resumed_run_goes_on_as_if_it_had_not_been_interrupted(tmp_path):
    make = lambda: [make() for make in CALLBACKS.values()]
    fit(tmp_path / "whole", make(), module=Told, max_epochs=3)
    fit(tmp_path / "first", make(), module=Told).save_checkpoint(tmp_path / "first.ckpt")
    fit(tmp_path / "second", make(), module=Told, max_epochs=3, ckpt_path=tmp_path / "first.ckpt")
    whole, second = events(tmp_path / "whole"), events(tmp_path / "second")
    for name in CALLBACKS:
        for moment in ("previous", "untrained", "best"):
            tag = f"{name}/rank_{moment}"
            assert curve(second, tag) == {17: curve(whole, tag)[17]}, tag
    for tag in second.Tags()["images"]:
        last = [e.encoded_image_string for e in whole.Images(tag) if e.step > 11]
        assert [e.encoded_image_string for e in second.Images(tag)] == last


def test_what_is_kept_does_not_grow_with_the_epochs_and_is_for_these_probes_alone(tmp_path):
    callback, other = SaliencyMaps(probes=3), quick(LimePanels)
    kept = []
    for epochs in (1, 2):
        run = fit(tmp_path / str(epochs), [callback, other], module=Told, max_epochs=epochs)
        kept.append({tag: value.shape for tag, value in callback.figures._kept.items()})
    assert kept[0] == kept[1]
    assert len(kept[0]) == 3 * 6  # three maps, the largest value, the curves, and what the next ones may take
    assert set(kept[0].values()) == {(16, 16), (4, 7), ()}
    run.save_checkpoint(tmp_path / "last.ckpt")
    moved = SaliencyMaps(probes=Probes(indices=[1]))
    fit(tmp_path / "moved", [moved], module=Told, max_epochs=3, ckpt_path=tmp_path / "last.ckpt")
    assert not [tag for tag in moved.figures._kept if "/lime/" in tag]
    assert len({tag.split("/")[0] for tag in moved.figures._kept}) <= 1


def test_a_new_run_begins_anew(tmp_path):
    callback = SaliencyMaps(probes=2, on_error="raise")
    for name in "ab":
        fit(tmp_path / name, [callback], module=Told, max_epochs=2)
    a, b = (events(tmp_path / name) for name in "ab")
    for tag in a.Tags()["scalars"]:
        if tag.startswith("explanations"):
            name = tag.removeprefix("explanations/")
            assert curve(a, name) == curve(b, name), tag


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_without_training_nothing_is_compared(stage, tmp_path):
    run = trainer(tmp_path, [SaliencyMaps(probes=1, on_error="raise")])
    getattr(run, stage)(Project(), loaders()["val_dataloaders"], verbose=False)
    found = {t for t in events(tmp_path).Tags()["scalars"] if t.startswith("explanations")}
    assert found == {"explanations/saliency/entropy", "explanations/saliency/sum"}


@pytest.mark.filterwarnings("ignore:.*not finite")
def test_no_figure_is_not_a_number(tmp_path):
    class Breaks(Project):
        def on_train_epoch_start(self):
            if self.current_epoch == 1:
                nn.init.constant_(self.net[9].weight, float("nan"))

    callbacks = [*(make() for make in CALLBACKS.values()), quick(IntegratedGradients, probes=1)]
    fit(tmp_path, callbacks, module=Breaks, max_epochs=3)
    log = events(tmp_path)
    tags = [tag for tag in log.Tags()["scalars"] if tag.startswith("explanations/")]
    assert {tag.split("/")[1] for tag in tags} == {*CALLBACKS, "integrated_gradients"}
    for tag in tags:
        assert [e.step for e in log.Scalars(tag) if e.value != e.value or e.step > 5] == [], tag


def test_callbacks_with_other_probes_have_figures_of_their_own(tmp_path):
    callbacks = [SaliencyMaps(probes=Probes(indices=[k]), on_error="raise") for k in (0, 1)]
    fit(tmp_path, callbacks, module=Told)
    log = events(tmp_path)
    first, second = (curve(log, f"{name}/sum") for name in ("saliency", "saliency_2"))
    assert first.keys() == second.keys()
    assert first != second


class Still(Told):
    def on_train_epoch_start(self):
        self.net[1].eval()


class Marks(MapFigures):
    """Notes what captions say."""

    def measured(self, scene, ask, values, **more):
        results, mark = super().measured(scene, ask, values, **more)
        self.marks = [*getattr(self, "marks", []), (scene.step, mark)]
        return results, mark


class Marked(SaliencyMaps):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.figures = Marks(self.seed)


def test_a_map_like_that_of_the_untrained_network_is_marked(tmp_path):
    still, moving = Marked(probes=1, on_error="raise"), Marked(probes=1, on_error="raise")
    fit(tmp_path / "still", [still], module=Still)
    fit(tmp_path / "moving", [moving], module=Told)
    assert still.figures.marks == [(-1, ""), (5, ", like untrained: 1.00"), (11, ", like untrained: 1.00")]
    assert moving.figures.marks == [(-1, ""), (5, ""), (11, "")]
    sizes = {i.height for i in events(tmp_path / "still").Images("probe_00_bread/saliency")}
    assert len(sizes) == 1


def test_what_is_kept_goes_to_no_logger(tmp_path):
    results = []

    class Listening(SaliencyMaps):
        def draw(self, scene):
            for result in super().draw(scene):
                results.append(result)
                yield result

    fit(tmp_path, [Listening(probes=1)], max_epochs=1)
    kept = {result.tag for result in results if isinstance(result, Keep)}
    assert {tag.rpartition("/")[2] for tag in kept} == {"previous", "untrained", "best", "credit", "curves", "full"}
    assert not kept & {tag for tags in events(tmp_path).Tags().values() if isinstance(tags, list) for tag in tags}
