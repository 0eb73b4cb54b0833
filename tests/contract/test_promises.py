"""Both promises, for every public callback: a new class is found by itself and inherits the bar.

Each by itself once, as it is without an argument; then all of them in one run, in which each has to draw.
"""

import itertools
from contextlib import contextmanager
from functools import partial

import pytest
import pytorch_lightning as pl
import torch
from balls import ByFrame, OfVolumes, clips, volumes
from found import CALLBACKS, OF_FLAT, OF_VOLUMES, quick, telling
from projects import Project, Segments, events, fit, loaders, places, trainer
from torch import nn

import lightning_viz
from lightning_viz import ExplanationCallback, Picture

NAMES = {cls.__name__ for cls in CALLBACKS}
each_callback = pytest.mark.parametrize("callback", CALLBACKS, ids=lambda c: c.__name__)


class Frozen(Project):
    """With a frozen batch normalisation, kept in eval mode as fine-tuners do."""

    def on_train_epoch_start(self):
        self.net[1].eval()
        self.net[1].requires_grad_(False)


class Still(Frozen):
    """Nothing of it changes while it trains."""

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


CONFIGURATIONS = {
    "short": {"max_epochs": 1},
    "frozen": {"module": Frozen},
    "accumulation": {"accumulate_grad_batches": 3, "val_check_interval": 0.5, "max_epochs": 1},
    "places": {"module": Segments, "data": places, "max_epochs": 1},
    "volumes": {"module": OfVolumes, "data": volumes, "max_epochs": 1},
    "clips": {"module": partial(OfVolumes, ByFrame), "data": clips, "max_epochs": 1},
}
OF_THREE_SIDES = {"volumes", "clips"}


def result(run):
    """Everything that a run leaves: weights, buffers, metrics."""
    state = {k: v.numpy().tobytes() for k, v in run.lightning_module.state_dict().items()}
    return state, {k: v.item() for k, v in run.logged_metrics.items()}


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """The same runs without any callback."""
    return {name: result(fit(tmp_path_factory.mktemp(name), **options)) for name, options in CONFIGURATIONS.items()}


def test_all_pictures_are_under_contract():
    assert {c.__name__ for c in CALLBACKS} >= {
        "CaptumAttribution",
        "ConfusionMatrixPanel",
        "ConfusionPanels",
        "DeepDream",
        "FilterActivations",
        "FilterAscent",
        "GradCam",
        "IntegratedGradients",
        "LimePanels",
        "Occlusion",
        "SaliencyMaps",
    }


@each_callback
def test_training_is_not_disturbed(callback, without, tmp_path):
    """By the callback as it is without an argument."""
    assert result(fit(tmp_path, [callback(on_error="raise")], max_epochs=1)) == without["short"]
    assert events(tmp_path).Tags()["images"]


def noting(cls, drawn, *, fails_after=None, **options):
    """A quick callback of this class that also notes what it draws, and may fail once it has drawn so much."""

    class Noting(telling(cls, drawn.setdefault(cls.__name__, []).append)):
        def draw(self, scene):
            yield from itertools.islice(super().draw(scene), fails_after)
            if fails_after is not None:
                raise RuntimeError(f"no colours left for {cls.__name__}")

    Noting.__name__ = Noting.__qualname__ = cls.__name__
    return quick(Noting, **options)


def check_all_drew(drawn, folder, callbacks=CALLBACKS):
    """That each has drawn pictures, and that these are in the log."""
    assert drawn.keys() == {cls.__name__ for cls in callbacks}
    logged = set(events(folder).Tags()["images"])
    for name, results in drawn.items():
        tags = {result.tag for result in results if isinstance(result, Picture)}
        assert tags, name
        assert tags <= logged, name


class Watch(pl.Callback):
    """Keeps what a drawing must leave as it was."""

    def __init__(self, seen):
        self.seen = seen

    def on_train_epoch_end(self, trainer, pl_module):
        modules = list(pl_module.modules())
        self.seen.append(
            {
                "generator": torch.get_rng_state().tolist(),
                "modes": [m.training for m in modules],
                "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in modules],
                "requires_grad": [p.requires_grad for p in pl_module.parameters()],
                "grads": [None if p.grad is None else p.grad.tolist() for p in pl_module.parameters()],
            }
        )


def watched(folder, **options):
    """A run with all callbacks, each between two watches; returns it and what these have seen."""
    seen, drawn, callbacks = {cls.__name__: [] for cls in CALLBACKS}, {}, []
    for cls in CALLBACKS:
        watch = Watch(seen[cls.__name__])
        callbacks += [watch, noting(cls, drawn, probes=1, **options), watch]
    run = fit(folder, callbacks, module=Frozen)
    check_all_drew(drawn, folder)  # what was drawn before a failure too
    return run, seen


def check_nothing_moved(seen):
    """That each callback has left all as it was, in both epochs."""
    for name, found in seen.items():
        assert len(found) == 4, name
        assert found[0::2] == found[1::2], name


def test_the_callbacks_together_leave_everything_as_it_was_and_equal_runs_draw_equal_bytes(without, tmp_path):
    for name in "ab":
        run, seen = watched(tmp_path / name)
        assert result(run) == without["frozen"]
        check_nothing_moved(seen)
    assert pictures(tmp_path / "a") == pictures(tmp_path / "b")


def test_a_failing_drawing_warns_once_leaves_everything_as_it_was_and_the_run_ends_well(without, tmp_path):
    with pytest.warns(UserWarning, match="could not draw") as caught:
        run, seen = watched(tmp_path, fails_after=1, on_error="warn")
    check_nothing_moved(seen)
    for name in NAMES:
        told = [str(w.message) for w in caught if f"no colours left for {name}" in str(w.message)]
        assert len(told) == 1, name
        assert "on_error='raise'" in told[0]
    assert run.current_epoch == 2
    assert result(run) == without["frozen"]


@pytest.mark.parametrize("name", ["accumulation", "places", "volumes", "clips"])
def test_nor_does_it_where_training_is_another(name, without, tmp_path):
    drawn, every = {}, OF_VOLUMES if name in OF_THREE_SIDES else CALLBACKS
    assert (
        result(fit(tmp_path, [noting(cls, drawn, probes=1) for cls in every], **CONFIGURATIONS[name])) == without[name]
    )
    check_all_drew(drawn, tmp_path, every)


def test_nor_where_there_is_nothing_to_draw(without, tmp_path):
    with pytest.warns(UserWarning, match="whatever else needs it is left out. Expected flat images"):
        run = fit(tmp_path, [callback() for callback in OF_FLAT], **CONFIGURATIONS["volumes"])
    assert result(run) == without["volumes"]
    assert events(tmp_path).Tags()["images"] == []


class Reckless(ExplanationCallback):
    """Does what an explanation should not do."""

    def draw(self, scene):
        scene.subject.net.train()
        scene.subject.net(scene.probes.images).sum()
        torch.rand(1)
        yield from ()


class Unisolated(Reckless):
    @contextmanager
    def isolation(self, run, buffers=()):
        with torch.enable_grad():
            yield run.module


def test_the_isolation_is_what_keeps_training_undisturbed(without, tmp_path):
    short = CONFIGURATIONS["short"]
    assert result(fit(tmp_path / "with", [Reckless(on_error="raise")], **short)) == without["short"]
    assert result(fit(tmp_path / "without", [Unisolated(on_error="raise")], **short)) != without["short"]


def pictures(folder):
    log = events(folder)
    return {(tag, e.step): e.encoded_image_string for tag in log.Tags()["images"] for e in log.Images(tag)}


def test_where_the_network_stands_still_so_do_the_pictures(tmp_path):
    """Each of the pictures of every callback is compared with itself."""
    drawn, of_validation = {}, (lightning_viz.ConfusionMatrixPanel, lightning_viz.ConfusionPanels)
    often = lambda cls: {} if cls in of_validation else {"every_n_steps": 2}
    callbacks = [noting(cls, drawn, probes=1, **often(cls)) for cls in CALLBACKS]
    fit(tmp_path, callbacks, module=Still, max_epochs=1, val_check_interval=2)
    log = events(tmp_path)
    check_all_drew(drawn, tmp_path)
    for tag in log.Tags()["images"]:
        if tag.endswith("/curves"):  # once, at the end
            continue
        frames = [e.encoded_image_string for e in log.Images(tag) if e.step >= 0]  # captions say "untrained" before
        assert len(frames) == 3, tag
        since = 1 if tag.endswith("/changes") else 0  # the first one has nothing to compare with, and says so
        assert len(set(frames[since:])) == 1, tag


@each_callback
def test_on_error_raise_ends_the_run(callback, tmp_path):
    with pytest.raises(RuntimeError, match="no colours left"):
        fit(tmp_path, [noting(callback, {}, fails_after=0)])


@pytest.mark.filterwarnings("ignore:.*not finite")
def test_a_network_that_is_not_finite_any_more_still_trains_on(tmp_path):
    class Broken(Project):
        def on_train_epoch_start(self):
            nn.init.constant_(self.net[9].weight, float("nan"))

    drawn = {}
    run = fit(tmp_path, [noting(cls, drawn, probes=1) for cls in CALLBACKS], module=Broken, max_epochs=1)
    assert run.current_epoch == 1
    check_all_drew(drawn, tmp_path)


def test_fast_dev_run_draws_once_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = {}
    callbacks = [noting(cls, drawn, every_n_epochs=5, probes=1) for cls in CALLBACKS]
    fit(tmp_path / "log", callbacks, fast_dev_run=True)
    for name, items in drawn.items():
        assert [d for d in items if isinstance(d, Picture)], name
        assert len({d.tag for d in items}) == len(items), name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_validate_and_test_alone_draw_too(stage, tmp_path):
    drawn = {}
    run = trainer(tmp_path, [noting(cls, drawn, probes=1) for cls in CALLBACKS])
    getattr(run, stage)(Project(), loaders()["val_dataloaders"], verbose=False)
    check_all_drew(drawn, tmp_path)
