"""What a drawing takes is logged, and bounded where that is asked for: its share of the time, and its memory."""

import logging
import time

import numpy as np
import pytest
import pytorch_lightning as pl
from found import quick
from projects import Project, events, fit

from lightning_viz import ExplanationCallback, LimePanels, Picture, SaliencyMaps
from lightning_viz.harness.run.run import run_of

SLOW = 0.25


class Slow(ExplanationCallback):
    per_probe = False

    def draw(self, scene):
        time.sleep(SLOW)
        yield Picture("slow" + "er" * self.seed, np.full((8, 8, 3), 10 * scene.epoch, np.uint8))


def steps(folder, tag="slow"):
    return [e.step for e in events(folder).Images(tag)]


def test_seconds_are_logged_for_every_callback_and_drawing(tmp_path):
    maps = SaliencyMaps(probes=1, on_error="raise")
    fit(tmp_path, [Slow(on_error="raise"), maps, Slow(probes=2, seed=1)], max_epochs=2)
    log = events(tmp_path)
    found = [tag for tag in log.Tags()["scalars"] if tag.startswith("explain_seconds/")]
    assert {*found} == {f"explain_seconds/{name}" for name in ("Slow", "SaliencyMaps", "Slow_2")}
    seconds = log.Scalars("explain_seconds/Slow")
    assert [e.step for e in seconds] == steps(tmp_path)
    assert all(SLOW <= e.value < 60 for e in seconds)


def test_what_would_take_too_large_a_share_is_left_out_and_told_once(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        fit(tmp_path, [Slow(on_error="raise", max_overhead=1e-6)], max_epochs=4)
    assert steps(tmp_path) == [5]  # the first one shows what a drawing takes
    assert caplog.text.count("Slow draws less often: a drawing took 0.") == 1
    assert "max_overhead=1e-06 wants" in caplog.text


class Trains(pl.Callback):
    """Training that takes longer than a drawing."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if batch_idx == 0:
            time.sleep(2 * SLOW)


def test_where_there_is_training_enough_nothing_is_left_out(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        fit(tmp_path, [Slow(on_error="raise", max_overhead=1.0), Trains()], max_epochs=3)
    assert len(steps(tmp_path)) == 3
    assert "draws less often" not in caplog.text


class Reads(pl.Callback):
    """Reads the clock of the run, and one of its own, when training begins and when it ends."""

    def on_train_start(self, trainer, pl_module):
        self.began = time.perf_counter()

    def on_train_end(self, trainer, pl_module):
        self.wall, self.trained = time.perf_counter() - self.began, run_of(trainer).clock.trained


def test_what_any_callback_draws_is_no_training_time(tmp_path):
    reads = Reads()
    fit(tmp_path, [reads, Slow(on_error="raise"), Slow(probes=2, seed=1)], max_epochs=2)
    assert 0 < reads.trained < reads.wall - 4 * SLOW


def test_pictures_are_left_out_but_never_changed(tmp_path):
    for name, share in {"all": None, "few": 1e-6}.items():
        fit(tmp_path / name, [quick(LimePanels, probes=1, max_overhead=share)], max_epochs=2)
    every, few = (events(tmp_path / name).Images("probe_00_bread/lime") for name in ("all", "few"))
    assert (len(every), len(few)) == (3, 1)  # one before the first step
    assert few[0].encoded_image_string == every[0].encoded_image_string


def test_steps_are_stretched_too_and_a_second_run_begins_anew(tmp_path):
    slow = Slow(on_error="raise", every_n_steps=1, max_overhead=1e-6)
    for name in "ab":
        fit(tmp_path / name, [slow], max_epochs=1)
        assert steps(tmp_path / name) == [0]


def test_a_rehearsal_draws_whatever_it_takes(tmp_path):
    drawn = []

    class Counts(Slow):
        def draw(self, scene):
            drawn.append(scene.epoch)
            yield from super().draw(scene)

    fit(tmp_path, [Counts(on_error="raise", every_n_steps=2, max_overhead=1e-9)], fast_dev_run=3)
    assert len(drawn) == 2  # after the second step, and at the end of the epoch


SIZES = []


class Ravenous(Project):
    """Takes 0.8 MiB more for every image."""

    ballast = 200 * 2**10

    def forward(self, x):
        if self.trainer.training and not self.training:
            SIZES.append(len(x))
        return super().forward(x + x.new_zeros(len(x), self.ballast).sum())


class Voracious(Ravenous):
    ballast = 2**20


def sizes(folder, module, **options):
    """How many images were in each call while LIME drew."""
    SIZES.clear()
    fit(folder, [LimePanels(samples=64, probes=1, on_error="raise", **options)], module=module, max_epochs=1)
    return SIZES


def test_memory_bounds_the_batches_of_a_drawing(tmp_path):
    assert max(sizes(tmp_path / "free", Ravenous)) > 6
    assert max(sizes(tmp_path / "bound", Ravenous, memory=5)) == 6


def test_a_single_image_that_takes_more_is_told_once(tmp_path):
    with pytest.warns(UserWarning, match="more than memory") as caught:
        assert set(sizes(tmp_path, Voracious, memory=3)) == {1}
    (told,) = [str(w.message) for w in caught if "more than memory" in str(w.message)]
    assert told.startswith("LimePanels: one image alone takes 5 MiB, more than memory=3")


@pytest.mark.parametrize(
    ("option", "value"), [("memory", 0), ("max_overhead", 0.0), ("max_overhead", -1), ("max_overhead", 1.5)]
)
def test_bounds_that_bound_nothing_are_refused(option, value):
    with pytest.raises(ValueError, match=rf"Expected {option}.*received {value}"):
        SaliencyMaps(**{option: value})
