"""Both promises, for every public callback: a new class is found by itself and inherits the bar."""

import itertools
from contextlib import contextmanager
from functools import partial

import pytest
import pytorch_lightning as pl
import torch
from balls import ByFrame, OfVolumes, clips, volumes
from found import CALLBACKS, OF_FLAT, OF_VOLUMES, quick
from projects import Project, Segments, events, fit, loaders, places
from torch import nn

import lightning_viz
from lightning_viz import ExplanationCallback, Picture

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
    "plain": {},
    "frozen": {"module": Frozen},
    "accumulation": {"accumulate_grad_batches": 3, "val_check_interval": 0.5},
    "places": {"module": Segments, "data": places},
    "volumes": {"module": OfVolumes, "data": volumes},
    "clips": {"module": partial(OfVolumes, ByFrame), "data": clips},
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


@pytest.mark.parametrize(
    ("callback", "name"),
    [(c, n) for c in CALLBACKS for n in CONFIGURATIONS if c in OF_VOLUMES or n not in OF_THREE_SIDES],
)
def test_training_is_not_disturbed(callback, name, without, tmp_path):
    ours = callback(on_error="raise") if name == "plain" else quick(callback)  # once as it is without an argument
    run = fit(tmp_path, [ours], **CONFIGURATIONS[name])
    assert result(run) == without[name]
    assert events(tmp_path).Tags()["images"]


@pytest.mark.parametrize("callback", OF_FLAT)
@pytest.mark.filterwarnings("ignore:.*Expected flat images")
def test_nor_where_there_is_nothing_to_draw(callback, without, tmp_path):
    assert result(fit(tmp_path, [callback()], **CONFIGURATIONS["volumes"])) == without["volumes"]


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
    assert result(fit(tmp_path / "with", [Reckless(on_error="raise")])) == without["plain"]
    assert result(fit(tmp_path / "without", [Unisolated(on_error="raise")])) != without["plain"]


def pictures(folder):
    log = events(folder)
    return {(tag, e.step): e.encoded_image_string for tag in log.Tags()["images"] for e in log.Images(tag)}


@each_callback
def test_two_equal_runs_draw_equal_bytes(callback, tmp_path):
    for name in "ab":
        fit(tmp_path / name, [quick(callback)])
    first = pictures(tmp_path / "a")
    assert first
    assert first == pictures(tmp_path / "b")


@each_callback
def test_where_the_network_stands_still_so_do_the_pictures(callback, tmp_path):
    of_validation = callback in (lightning_viz.ConfusionMatrixPanel, lightning_viz.ConfusionPanels)
    schedule = {} if of_validation else {"every_n_steps": 2}
    fit(tmp_path, [quick(callback, **schedule)], module=Still, max_epochs=1, val_check_interval=2)
    log = events(tmp_path)
    for tag in log.Tags()["images"]:
        if tag.endswith("/curves"):  # once, at the end
            continue
        frames = [e.encoded_image_string for e in log.Images(tag) if e.step >= 0]  # captions say "untrained" before
        assert len(frames) == 3, tag
        since = 1 if tag.endswith("/changes") else 0  # the first one has nothing to compare with, and says so
        assert len(set(frames[since:])) == 1, tag


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


@each_callback
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.filterwarnings("ignore:.*could not draw")
def test_a_drawing_leaves_everything_as_it_was(callback, fails, tmp_path):
    class Failing(callback):
        def draw(self, scene):
            yield from itertools.islice(super().draw(scene), 2)
            raise RuntimeError("in the midst of it")

    seen = []
    ours = quick(Failing if fails else callback, on_error="warn")
    fit(tmp_path, [Watch(seen), ours, Watch(seen)], module=Frozen, max_epochs=1 if fails else 2)
    assert len(seen) == (2 if fails else 4)
    assert seen[0::2] == seen[1::2]


@each_callback
def test_a_failing_drawing_warns_once_and_the_run_ends_well(callback, without, tmp_path):
    class Failing(callback):
        def draw(self, scene):
            yield from itertools.islice(super().draw(scene), 1)
            raise RuntimeError("no colours left")

    with pytest.warns(UserWarning, match="could not draw") as caught:
        run = fit(tmp_path, [quick(Failing, on_error="warn")])
    told = [str(w.message) for w in caught if "no colours left" in str(w.message)]
    assert len(told) == 1
    assert "on_error='raise'" in told[0]
    assert run.current_epoch == 2
    assert result(run) == without["plain"]
    assert pictures(tmp_path)  # what was drawn before the failure is kept


@each_callback
def test_on_error_raise_ends_the_run(callback, tmp_path):
    class Failing(callback):
        def draw(self, scene):
            raise RuntimeError("no colours left")

    with pytest.raises(RuntimeError, match="no colours left"):
        fit(tmp_path, [quick(Failing)])


@each_callback
@pytest.mark.filterwarnings("ignore:.*not finite")
def test_a_network_that_is_not_finite_any_more_still_trains_on(callback, tmp_path):
    class Broken(Project):
        def on_train_epoch_start(self):
            nn.init.constant_(self.net[9].weight, float("nan"))

    run = fit(tmp_path, [quick(callback)], module=Broken, max_epochs=1)
    assert run.current_epoch == 1
    assert pictures(tmp_path)


@each_callback
def test_fast_dev_run_draws_once_and_leaves_nothing_behind(callback, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = []

    class Counting(callback):
        def draw(self, scene):
            for item in super().draw(scene):
                drawn.append(item)
                yield item

    fit(tmp_path / "log", [quick(Counting, every_n_epochs=5)], fast_dev_run=True)
    assert [d for d in drawn if isinstance(d, Picture)]
    assert len({d.tag for d in drawn}) == len(drawn)
    assert list(tmp_path.iterdir()) == []


@each_callback
@pytest.mark.parametrize("stage", ["validate", "test"])
def test_validate_and_test_alone_draw_too(callback, stage, tmp_path):
    from projects import trainer

    run = trainer(tmp_path, [quick(callback)])
    getattr(run, stage)(Project(), loaders()["val_dataloaders"], verbose=False)
    assert events(tmp_path).Tags()["images"]
