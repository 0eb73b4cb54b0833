"""Drawing beside the training: the same pictures at the same steps, later; and no process is left behind."""

import multiprocessing
import os
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from found import CALLBACKS, quick
from projects import Net, Project, events, fit

from lightning_viz import ConfusionPanels, ExplanationCallback, Picture
from lightning_viz.harness.run.run import run_of

UNLIKE = ("explain_seconds", "loss", "epoch", "val_")
SLOW = 0.5


class Slow(ExplanationCallback):
    """Says how often it has drawn and in which process."""

    per_probe = False

    def __init__(self, **options):
        super().__init__(**options)
        self.drawn = 0

    def draw(self, scene):
        time.sleep(SLOW)
        while (Path(scene.subject.net.folder) / "wait").exists():
            time.sleep(0.02)
        self.drawn += 1
        (Path(scene.subject.net.folder) / f"{scene.step}_{self.drawn}_{os.getpid()}_{self.seed}").touch()
        yield Picture("slow" + "er" * self.seed, np.full((8, 8, 3), 10 * scene.epoch, np.uint8))


class Tells(Project):
    def __init__(self, folder):
        super().__init__()
        self.folder = self.net.folder = str(folder)

    def forward(self, x):
        return self.net(x)


class Waits(pl.Callback):
    """Has training take so long that no more than `most` moments are drawn at a time."""

    def __init__(self, most=1):
        self.most = most

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        background = run_of(trainer).background
        while len(background._jobs) > self.most:
            background.collect(wait=True)


class Holds(pl.Callback):
    """Has no drawing end before the last epoch begins: as where drawing is much slower than training."""

    def __init__(self, folder):
        self.wait = folder / "wait"
        self.wait.touch()

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 7:
            self.wait.unlink()


def logged(folder):
    found = events(folder)
    pictures = {tag: [(e.step, e.encoded_image_string) for e in found.Images(tag)] for tag in found.Tags()["images"]}
    scalars = [tag for tag in found.Tags()["scalars"] if not tag.startswith(UNLIKE)]
    tensors = [tag for tag in found.Tags()["tensors"] if tag != "lightning_viz/manifest"]
    figures = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in scalars}
    return pictures | figures | {tag: [(e.step, e.tensor_proto) for e in found.Tensors(tag)] for tag in tensors}


def slow(folder, **options):
    return fit(folder / "run", [Slow(on_error="raise", background=True), *options.pop("others", [])],
               module=lambda: Tells(folder), **options)  # fmt: skip


def drawn(folder):
    """Steps, counts and processes of what was drawn."""
    return sorted(tuple(map(int, name.split("_"))) for name in os.listdir(folder) if name.count("_") == 3)


class WaitsForAll(Waits):
    """The first epoch is drawn while the drawing before still runs, the second one when all of that has come back."""

    def on_train_epoch_start(self, trainer, pl_module):
        self.most = 1 - trainer.current_epoch


def test_pictures_figures_and_weights_are_those_of_the_foreground(tmp_path):
    before = fit(tmp_path / "foreground", [quick(cls, probes=1) for cls in CALLBACKS])
    behind = [quick(cls, probes=1, background=True) for cls in CALLBACKS]
    run = fit(tmp_path / "background", [*behind, WaitsForAll()])
    own, theirs = logged(tmp_path / "background"), logged(tmp_path / "foreground")
    assert own.keys() == theirs.keys()
    assert [tag for tag in own if own[tag] != theirs[tag]] == []
    mine, other = (one.lightning_module.state_dict() for one in (run, before))
    assert all(torch.equal(mine[name], other[name]) for name in other)


class Held(ConfusionPanels):
    """Draws as soon as a file is gone."""

    def __init__(self, wait, **options):
        super().__init__(**options)
        self.wait = wait

    def draw(self, scene):
        while self.wait.exists():
            time.sleep(0.02)
        yield from super().draw(scene)


class LetsGo(pl.Callback):
    """Holds what is drawn of the first validation until the second is over."""

    def __init__(self, wait):
        self.wait = wait
        wait.touch()

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            self.wait.unlink()


def test_what_changed_is_held_against_the_drawing_before_though_it_is_not_there_yet(tmp_path):
    wait = tmp_path / "wait"
    fit(tmp_path / "foreground", [quick(Held, wait=wait)])
    fit(tmp_path / "background", [quick(Held, wait=wait, background=True), LetsGo(wait)])
    own, theirs = logged(tmp_path / "background"), logged(tmp_path / "foreground")
    assert len(own["confusions/val/changes"]) == 2
    assert own == theirs


def test_all_of_one_moment_is_drawn_in_one_process_that_is_not_the_trainings(tmp_path):
    slow(tmp_path, others=[Slow(on_error="raise", background=True, seed=1), Waits(0)], max_epochs=2)
    found = drawn(tmp_path)
    assert [(step, count) for step, count, *_ in found] == [(5, 1), (5, 1), (11, 2), (11, 2)]
    processes = [pid for *_, pid, _ in found]
    assert processes[0] == processes[1] != processes[2] == processes[3]
    assert os.getpid() not in processes


def test_where_drawing_is_slower_moments_are_left_out_and_counted_but_never_the_last(tmp_path, caplog):
    caplog.set_level("INFO")
    slow(tmp_path, others=[Holds(tmp_path)], max_epochs=8)
    assert [e.step for e in events(tmp_path / "run").Images("slow")] == [5, 11, 17, 47]
    skipped = events(tmp_path / "run").Scalars("explain_skipped/Slow")
    assert [(e.step, e.value) for e in skipped] == [(23, 1), (29, 2), (35, 3), (41, 4)]
    assert caplog.text.count("takes longer than training") == 1
    epochs = [e.step for e in events(tmp_path / "run").Tensors("lightning_viz/epoch")]
    assert epochs == sorted(epochs)


class Stops(pl.Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        trainer.should_stop = trainer.current_epoch == 4


class HoldsToTheEnd(Holds):
    """The same where nobody knows before that the epoch is the last one."""

    def on_train_end(self, trainer, pl_module):
        self.wait.unlink()


def test_the_last_moment_is_drawn_too_where_its_end_comes_by_surprise(tmp_path):
    callbacks = [HoldsToTheEnd(tmp_path), Slow(on_error="raise", background=True)]
    fit(tmp_path / "run", callbacks, module=lambda: Tells(tmp_path), max_epochs=-1, max_steps=36)
    assert [e.step for e in events(tmp_path / "run").Images("slow")] == [5, 11, 17, 35]


def test_confusions_of_the_last_validation_are_explained(tmp_path):
    fit(tmp_path, [quick(ConfusionPanels, background=True)], max_epochs=4)
    steps = [e.step for e in events(tmp_path).Images("confusions/val/1")]
    assert steps[-1] == 23


class Kills(pl.Callback):
    """Kills what draws, as the system does where memory runs out."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == 1 and batch_idx == 0:
            os.kill(run_of(trainer).background._jobs[0]._pid, signal.SIGKILL)
            time.sleep(0.2)


def test_where_the_process_is_killed_one_moment_is_lost_and_training_goes_on(tmp_path):
    with pytest.warns(UserWarning, match="The drawing of epoch 0 is lost: the process that drew has died"):
        fit(tmp_path / "run", [Slow(background=True), Kills(), Waits(1)], module=lambda: Tells(tmp_path), max_epochs=4)
    assert [e.step for e in events(tmp_path / "run").Images("slow")] == [11, 17, 23]


class Fails(ExplanationCallback):
    def draw(self, scene):
        if scene.epoch == 1:
            raise RuntimeError("only then")
        yield Picture("fine", np.zeros((8, 8, 3), np.uint8))


def test_what_fails_there_is_reported_here(tmp_path):
    with pytest.warns(UserWarning, match="(?s)could not draw.*RuntimeError: only then"):
        fit(tmp_path, [Fails(probes=1, background=True), Waits(0)], max_epochs=3)
    assert [e.step for e in events(tmp_path).Images("fine")] == [-1, 5, 17]


def test_what_fails_there_ends_the_run_where_that_is_wanted(tmp_path):
    with pytest.raises(RuntimeError, match="only then"):
        fit(tmp_path, [Fails(probes=1, background=True, on_error="raise"), Waits(0)], max_epochs=3)


class Interrupts(pl.Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == 1:
            self.pid = run_of(trainer).background._jobs[0]._pid
            raise RuntimeError("the training fails")


def test_nothing_is_left_of_a_run_that_fails(tmp_path):
    ends = Interrupts()
    with pytest.raises(RuntimeError, match="the training fails"):
        slow(tmp_path, others=[ends])
    with pytest.raises(ProcessLookupError):
        os.kill(ends.pid, 0)


class Killed(pl.Callback):
    """Kills its process while the first moment is drawn in another."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "wait").touch()

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == 1:
            (self.folder / "pid").write_text(str(run_of(trainer).background._jobs[0]._pid))
            os.kill(os.getpid(), signal.SIGKILL)


def test_nothing_is_left_of_a_run_that_is_killed(tmp_path):
    run = partial(slow, tmp_path, others=[Killed(tmp_path)])
    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    pid = int((tmp_path / "pid").read_text())
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("it still draws")


def test_it_is_drawn_in_the_foreground_where_there_is_a_gpu(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    slow(tmp_path)
    assert {pid for *_, pid, _ in drawn(tmp_path)} == {os.getpid()}
    assert (
        caplog.text.count("Nothing is drawn in the background, since a process that uses a GPU cannot be forked") == 1
    )


def test_fast_dev_run_waits_for_it(tmp_path):
    slow(tmp_path, fast_dev_run=True)
    assert {pid for *_, pid, _ in drawn(tmp_path)} == {os.getpid()}


@pytest.mark.parametrize("background", [True, False])
def test_a_callback_that_hands_its_hooks_on_has_its_pictures(background, tmp_path):
    class Forwards(pl.Callback):
        """Has another callback, of which the Trainer knows nothing."""

        def __init__(self):
            self.inner = Slow(on_error="raise", background=background)

    for hook in ("setup", "teardown", "on_train_start", "on_train_batch_end", "on_train_epoch_end", "on_train_end"):
        setattr(Forwards, hook, lambda self, *args, hook=hook, **kwargs: getattr(self.inner, hook)(*args, **kwargs))
    fit(tmp_path / "run", [Forwards(), Waits(0)], module=lambda: Tells(tmp_path))
    assert [e.step for e in events(tmp_path / "run").Images("slow")] == [5, 11]
    assert ({pid for *_, pid, _ in drawn(tmp_path)} == {os.getpid()}) is not background


def test_networks_are_seen_as_they_were(tmp_path):
    class Sees(ExplanationCallback):
        per_probe = False

        def draw(self, scene):
            time.sleep(0.3)
            torch.save({k: v.clone() for k, v in scene.subject.net.state_dict().items()}, tmp_path / f"{scene.step}.pt")
            yield Picture("seen", np.zeros((8, 8, 3), np.uint8))

    weights = {}

    class Notes(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            weights[trainer.global_step - 1] = {k: v.clone() for k, v in pl_module.net.state_dict().items()}

    fit(tmp_path, [Sees(background=True, net="net", on_error="raise"), Notes(), Waits(1)], max_epochs=3)
    for step, then in weights.items():
        seen = torch.load(tmp_path / f"{step}.pt")
        assert all(torch.equal(seen[name], then[name]) for name in Net().state_dict())
