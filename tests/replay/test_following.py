"""A run drawn beside itself, from the weights that it leaves behind."""

import logging
import shutil
import time
from threading import Thread

import pytest
import torch
from projects import Project, events, fit, loaders, trainer
from test_replay import logged, some

from lightning_viz import SaliencyMaps, Snapshots, replay
from lightning_viz.harness.replay import following


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with callbacks, that leaves its weights behind too."""
    folder = tmp_path_factory.mktemp("run")
    return fit(folder, [*some(), Snapshots()], max_epochs=3), folder


@pytest.fixture(autouse=True)
def in_haste(monkeypatch):
    monkeypatch.setattr(following, "_PAUSE", 0.05)
    monkeypatch.setattr(following, "_PATIENCE", 0.5)


def snapshots(folder):
    return sorted((folder / "snapshots").glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)


def follow(folder, source, callbacks, **options):
    torch.manual_seed(3)
    replay(trainer(folder, callbacks, max_epochs=3), Project(), source, follow=True, **options, **loaders())


class Appears(Thread):
    """Copies files one by one, each in two halves, and says in the end that there are no more."""

    def __init__(self, files, folder, over=True):
        super().__init__()
        self.files, self.folder, self.over = files, folder, over
        folder.mkdir()
        self.start()

    def run(self):
        for file in self.files:
            content, path = file.read_bytes(), self.folder / file.name
            with path.open("wb") as half:
                half.write(content[: len(content) // 2])
                half.flush()
                time.sleep(0.2)
                half.write(content[len(content) // 2 :])
            time.sleep(0.3)
        if self.over:
            (self.folder / following.OVER).touch()


def test_pictures_are_those_of_the_run_while_its_files_appear(run, tmp_path):
    files = snapshots(run[1])
    assert [file.name for file in files] == [
        "untrained.ckpt", "epoch=0-step=6.ckpt", "epoch=1-step=12.ckpt", "epoch=2-step=18.ckpt",
    ]  # fmt: skip
    appears = Appears(files, tmp_path / "there")
    while not list((tmp_path / "there").iterdir()):
        time.sleep(0.01)
    follow(tmp_path / "log", tmp_path / "there", some())
    appears.join()
    assert logged(tmp_path / "log") == logged(run[1])


def test_a_run_that_does_not_say_when_it_has_ended_is_followed_until_an_epoch(run, tmp_path):
    there = tmp_path / "there"
    appears = Appears(snapshots(run[1])[:3], there, over=False)
    follow(tmp_path / "log", there, [SaliencyMaps(probes=1, on_error="raise")], until=1)
    appears.join()
    assert [e.step for e in events(tmp_path / "log").Images("probe_00_bread/saliency")] == [-1, 5, 11]


def test_what_stays_broken_is_given_up_and_what_is_deleted_is_told(run, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    there = tmp_path / "there"
    shutil.copytree(run[1] / "snapshots", there)
    (there / "epoch=1-step=12.ckpt").write_bytes(b"half")

    class Deletes(SaliencyMaps):
        def draw(self, scene):
            (there / "epoch=2-step=18.ckpt").unlink(missing_ok=True)
            yield from super().draw(scene)

    with pytest.warns(UserWarning, match=r"left out.*epoch=1-step=12\.ckpt"):
        follow(tmp_path / "log", there, [Deletes(probes=1, on_error="raise")])
    assert [e.step for e in events(tmp_path / "log").Images("probe_00_bread/saliency")] == [-1, 5]
    assert "epoch=2-step=18.ckpt was deleted before it was drawn" in caplog.text


def test_what_is_followed_is_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"Expected a folder in which checkpoints appear, received '.*nowhere'"):
        follow(tmp_path, tmp_path / "nowhere", [])


def test_the_last_ones_are_kept_and_training_is_as_without(run, tmp_path):
    kept = fit(tmp_path, [Snapshots(keep=2, every_n_epochs=2)], max_epochs=5)
    assert [file.name for file in snapshots(tmp_path)] == ["epoch=1-step=12.ckpt", "epoch=3-step=24.ckpt"]
    assert (tmp_path / "snapshots" / "over").exists()
    bare = fit(tmp_path / "bare", max_epochs=5).lightning_module.state_dict()
    assert all(torch.equal(bare[name], value) for name, value in kept.lightning_module.state_dict().items())
    saved = torch.load(tmp_path / "snapshots" / "epoch=3-step=24.ckpt", weights_only=True)
    assert "optimizer_states" not in saved


def test_a_run_that_fails_says_that_there_will_be_no_more(tmp_path):
    class Fails(Project):
        def on_train_epoch_start(self):
            if self.current_epoch == 1:
                raise RuntimeError("it fails")

    with pytest.raises(RuntimeError, match="it fails"):
        fit(tmp_path, [Snapshots()], module=Fails)
    assert {file.name for file in (tmp_path / "snapshots").iterdir()} == {
        "untrained.ckpt",
        "epoch=0-step=6.ckpt",
        "over",
    }


def test_where_a_snapshot_cannot_be_written_training_goes_on(tmp_path):
    class Deletes(Project):
        def on_train_epoch_start(self):
            shutil.rmtree(tmp_path / "snapshots", ignore_errors=True)

    with pytest.warns(UserWarning, match="Snapshots could not write"):
        run = fit(tmp_path, [Snapshots()], module=Deletes)
    assert run.current_epoch == 2
