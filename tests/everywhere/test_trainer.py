"""What else a Trainer does, with callbacks of every kind on: it comes to the same, and they draw when they should."""

import itertools

import pytest
import pytorch_lightning as pl
from everything import ONE_OF_A_KIND
from found import quick
from projects import Project, Stripes, events, fit, loaders, trainer
from pytorch_lightning.callbacks import RichProgressBar, TQDMProgressBar
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lightning_viz import ConfusionMatrixPanel, DeepDream, FilterAscent, LimePanels, Occlusion, SaliencyMaps

SALIENCY, SMOOTH = "probe_00_bread/saliency", "probe_00_bread/smoothgrad"


def few(kinds=ONE_OF_A_KIND):
    """One callback of a kind, and one in the midst of an epoch."""
    return [*map(quick, kinds), quick(SaliencyMaps, method="smoothgrad", samples=2, every_n_steps=2)]


def state(run):
    return {name: value.tolist() for name, value in run.lightning_module.state_dict().items()}


def drawn(folder, tag=SALIENCY):
    log = events(folder)
    return [e.step for e in log.Images(tag)] if tag in log.Tags()["images"] else []


class Repeatable(Project):
    """Without anything random, so that a run does not depend on where its generators are."""

    def __init__(self):
        super().__init__()
        self.net[8].p = 0.0

    def training_step(self, batch, batch_idx):
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.log("loss", loss)
        return loss


def in_order():
    return {name: DataLoader(loader.dataset, batch_size=8) for name, loader in loaders().items()}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Of a run that was interrupted after its first epoch."""
    folder = tmp_path_factory.mktemp("interrupted")
    noting = Noting()
    run = fit(folder, [noting, *few()], module=Repeatable, data=in_order, max_epochs=1)
    run.save_checkpoint(folder / "last.ckpt")
    return folder, noting


class Noting(SaliencyMaps):
    """Keeps the probes that it was given."""

    name = "noted"

    def __init__(self):
        super().__init__(probes=3, on_error="raise")
        self.probes_seen = []

    def draw(self, scene):
        self.probes_seen.append((scene.probes.indices, scene.probes.numbers, scene.probes.images.tolist()))
        yield from super().draw(scene)


def test_a_resumed_run_goes_on_as_if_it_had_not_been_interrupted(checkpoint, tmp_path):
    first, noting = checkpoint
    again = Noting()
    options = {"module": Repeatable, "data": in_order}
    resumed = fit(tmp_path / "resumed", [again, *few()], ckpt_path=first / "last.ckpt", **options)
    assert state(resumed) == state(fit(tmp_path / "whole", [], **options))
    assert again.probes_seen == noting.probes_seen[1:]  # the first time before the first step
    logs = [events(folder) for folder in (first, tmp_path / "resumed")]
    for tag in logs[0].Tags()["images"]:
        steps = [e.step for log in logs if tag in log.Tags()["images"] for e in log.Images(tag)]
        assert len(set(steps)) == len(steps) > 1, tag
    assert [drawn(folder) for folder in (first, tmp_path / "resumed")] == [[-1, 5], [11]]
    assert [drawn(folder, SMOOTH) for folder in (first, tmp_path / "resumed")] == [[-1, 1, 3, 5], [7, 9, 11]]


class Sanity(pl.Callback):
    """Counts what the log holds when the sanity check is over."""

    def on_sanity_check_end(self, trainer, pl_module):
        trainer.logger.experiment.flush()
        self.images = events(trainer.log_dir).Tags()["images"]


@pytest.mark.parametrize("resumed", [False, True])
def test_the_sanity_check_draws_nothing(resumed, checkpoint, tmp_path):
    sanity = Sanity()
    path = checkpoint[0] / "last.ckpt" if resumed else None
    options = {"module": Repeatable, "data": in_order, "max_epochs": 2 if resumed else 1}
    fit(tmp_path, [*few([SaliencyMaps, ConfusionMatrixPanel]), sanity], ckpt_path=path, **options)
    assert sanity.images == []
    assert len(drawn(tmp_path, "confusion/val")) == 1


def test_an_epoch_that_max_steps_cuts_short_is_drawn(tmp_path):
    fit(tmp_path, few([SaliencyMaps]), max_epochs=-1, max_steps=9)
    assert drawn(tmp_path) == [-1, 5, 8]
    assert drawn(tmp_path, SMOOTH) == [-1, 1, 3, 5, 7]


def test_the_same_callbacks_draw_in_every_fit_of_a_trainer(tmp_path):
    states = []
    for callbacks in (few([SaliencyMaps, FilterAscent, ConfusionMatrixPanel]), []):
        pl.seed_everything(7, verbose=False)
        module, run = Project(), trainer(tmp_path / str(len(states)), callbacks, max_epochs=1)
        run.fit(module, **loaders())
        run.fit_loop.max_epochs = 2
        run.fit(module, **loaders())
        states.append(state(run))
    assert states[0] == states[1]
    assert drawn(tmp_path / "0") == [-1, 5, 11]


@pytest.mark.parametrize("same", [True, False], ids=["same Trainer", "another Trainer"])
def test_the_same_callbacks_draw_another_network_and_its_images(same, tmp_path):
    class Grey(Project):
        def __init__(self):
            super().__init__(channels=1, classes=4)
            self.num_classes = 4  # one more than there are images of

    class Others(Stripes):
        classes = ["Rice", "Milk", "Fish"]

    callbacks = few([*ONE_OF_A_KIND, LimePanels, DeepDream]) if same else few([SaliencyMaps, Occlusion, FilterAscent])
    first = fit(tmp_path / "first", callbacks, max_epochs=1)
    second = first if same else trainer(tmp_path / "second", callbacks)
    second.fit_loop.max_epochs = 2 if same else 1
    grey = DataLoader(Others(24, channels=1), batch_size=8)
    with pytest.warns(UserWarning, match="Found 3 class names for 4 outputs"):
        second.fit(Grey(), grey, grey)
    assert drawn(tmp_path / "first") == [-1, 5]
    rice = {tag.partition("_rice/")[2] for tag in events(second.log_dir).Tags()["images"]}
    assert rice >= {"input", "saliency", "smoothgrad", "occlusion", *(("lime", "deep_dream") if same else ())}


@pytest.mark.parametrize("bar", [TQDMProgressBar, RichProgressBar])
def test_a_progress_bar_shows_the_drawing_and_disturbs_nothing(bar, tmp_path):
    states = [
        state(fit(tmp_path / str(number), [bar(), *callbacks], enable_progress_bar=True, max_epochs=1))
        for number, callbacks in zip(itertools.count(), [few([SaliencyMaps]), []], strict=False)
    ]
    assert states[0] == states[1]
    assert drawn(tmp_path / "0") == [-1, 5]
