"""Whatever goes wrong in a drawing: training ends, its checkpoints exist, it is told once, other pictures go on."""

import errno
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from forks import forked
from found import quick
from outside import main
from projects import Project, events, fit
from pytorch_lightning.loggers import CSVLogger

from lightning_viz import ConfusionMatrixPanel, Films, FilterAscent, LimePanels, Picture, SaliencyMaps
from lightning_viz.callbacks.films import films
from lightning_viz.harness.sinks import events as log
from lightning_viz.harness.sinks import room


def checkpoint(folder):
    return pl.callbacks.ModelCheckpoint(folder / "checkpoints", save_top_k=-1)


def trained(folder, callbacks, **options):
    """A run with checkpoints; both epochs and both checkpoints are asked for."""
    run = fit(folder, [*callbacks, checkpoint(folder)], enable_checkpointing=True, **options)
    assert run.current_epoch == 2
    assert len(list((folder / "checkpoints").glob("*.ckpt"))) == 2
    return run


def told(caught, what):
    return [str(w.message) for w in caught if what in str(w.message)]


class Fails(SaliencyMaps):
    def fail(self):
        raise RuntimeError(f"pulled the plug of {type(self).__name__}")


class FailsInScene(Fails):
    name = "in_scene"

    def isolation(self, run, buffers=()):
        if run.trainer.global_step > 0:
            self.fail()
        return super().isolation(run, buffers)


class FailsInAttribute(Fails):
    name = "in_attribute"

    def attribute(self, subject, images, targets):
        self.fail()


class FailsInPaint(Fails):
    name = "in_paint"

    def paint(self, pixels, values, full):
        self.fail()


class FailsInTheMidst(Fails):
    name = "in_the_midst"

    def draw(self, scene):
        for i, picture in enumerate(super().draw(scene)):
            yield picture
            if i == 2:
                self.fail()


class FailsInWriting(Fails):
    name = "in_writing"

    def draw(self, scene):
        yield Picture("no/picture", "pulled the plug")
        yield from super().draw(scene)


STAGES = [FailsInScene, FailsInAttribute, FailsInPaint, FailsInTheMidst, FailsInWriting]


def test_an_exception_in_any_stage(tmp_path):
    others = [quick(LimePanels, probes=1), ConfusionMatrixPanel()]
    with pytest.warns(UserWarning, match="could not draw") as caught:
        trained(tmp_path, [*(quick(failing, on_error="warn") for failing in STAGES), *others])
    texts = told(caught, "could not draw")
    assert sorted(text.split()[0] for text in texts) == sorted(failing.__name__ for failing in STAGES)
    assert all("on_error='raise'" in text for text in texts)
    log = events(tmp_path)
    assert [e.step for e in log.Images("probe_00_bread/lime")] == [-1, 5, 11]
    assert [e.step for e in log.Images("confusion/val")] == [5, 11]
    assert "probe_00_bread/input" in log.Tags()["images"]


def test_what_fails_for_several_callbacks_alike_is_told_once(tmp_path):
    class Grows(Project):
        """Gets a class more after its first epoch."""

        def on_train_epoch_start(self):
            if self.current_epoch == 1:
                self.net[9] = torch.nn.Linear(16, 4)

    with pytest.warns(UserWarning, match="could not draw") as caught:
        trained(
            tmp_path, [SaliencyMaps(probes=2), LimePanels(samples=64, probes=2), FilterAscent(steps=2)], module=Grows
        )
    (text,) = told(caught, "could not draw")
    assert "Expected scores for 3 classes, as at the start of the run, received 4: pass net=" in text
    assert [e.step for e in events(tmp_path).Images("probe_00_bread/saliency")] == [-1, 5]


ASKED = []
"""For how many images; what a class holds is put back after every drawing."""


class Hungry(Project):
    """Runs out of memory where it is asked for more images at once than validation asks for."""

    def forward(self, x):
        ASKED.append(len(x))
        if len(x) > 8:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(x)


def test_out_of_memory_goes_on_with_half_as_much(tmp_path):
    ASKED.clear()
    trained(tmp_path / "hungry", [quick(SaliencyMaps, method="smoothgrad"), quick(LimePanels)], module=Hungry)
    assert max(ASKED) > 8
    tags = set(events(tmp_path / "hungry").Tags()["images"])
    assert {"probe_01_soup/smoothgrad", "probe_01_soup/lime"} <= tags


def test_memory_that_does_not_suffice_for_one_image(tmp_path):
    class Starving(Project):
        def forward(self, x):
            if self.current_epoch == 1 and not self.training and torch.is_grad_enabled():
                raise torch.OutOfMemoryError("out of memory")
            return super().forward(x)

    with pytest.warns(UserWarning, match=r"(?s)SaliencyMaps could not draw.*out of memory"):
        trained(tmp_path, [SaliencyMaps(probes=2), quick(LimePanels)], module=Starving)
    assert "probe_00_bread/lime" in events(tmp_path).Tags()["images"]


@pytest.fixture
def outside(tmp_path_factory):
    """Runs a scenario outside of the tests' process."""

    def started(scenario, *folders):
        own = tmp_path_factory.mktemp(scenario)
        code = forked(own, main, scenario, *folders)
        return SimpleNamespace(returncode=code, said=(own / "said.txt").read_text())

    return started


def test_a_full_disk(outside, tmp_path):
    small_disk = tmp_path / "disk"
    small_disk.mkdir()
    ended = outside("full", small_disk, tmp_path / "kept")
    assert ended.returncode == 0, ended.said[-3000:]
    assert ended.said.count("could not draw") == 1
    assert "Expected at least 8 MiB free for pictures" in ended.said
    assert "make room" in ended.said
    assert len(list((tmp_path / "kept").glob("*.ckpt"))) == 2
    assert "free at the end: " in ended.said
    assert float(ended.said.rsplit("free at the end: ")[1].split()[0]) > 0.5  # MiB: the others' logs had room


def test_a_log_folder_that_becomes_read_only(outside, tmp_path):
    ended = outside("read_only", tmp_path / "log", tmp_path / "kept")
    assert ended.returncode == 0, ended.said[-3000:]
    assert ended.said.count("could not draw") == 1
    assert "PermissionError" in ended.said
    assert len(list((tmp_path / "kept").glob("*.ckpt"))) == 2
    # Before training and after the first epoch: two probes, their maps and their dreams.
    assert len(list((tmp_path / "log").rglob("*.jpg"))) == 2 * 2 * 3


def test_interrupted_in_a_drawing(outside, tmp_path):
    ended = outside("interrupted", tmp_path / "log", tmp_path / "kept")
    assert ended.returncode == 1  # Lightning's own code for it
    assert "Detected KeyboardInterrupt, attempting graceful shutdown" in ended.said
    assert "could not draw" not in ended.said
    (kept,) = (tmp_path / "kept").glob("*.ckpt")
    state = torch.load(kept, weights_only=True)
    assert state["epoch"] == 0
    Project().load_state_dict(state["state_dict"])


def test_films_of_a_run_that_was_interrupted(outside, tmp_path):
    ended = outside("films", tmp_path / "log", tmp_path / "kept")
    assert ended.returncode == 1, ended.said[-3000:]
    assert (tmp_path / "log" / "films" / "probe_00_bread" / "film_saliency.webp").exists()
    assert ended.said.count("Films stops here") == 1
    assert "could not" not in ended.said


def test_checkpoints_come_before_the_films_of_a_run_that_is_stopped(outside, tmp_path):
    ended = outside("stopped", tmp_path / "log", tmp_path / "kept")
    (kept,) = (tmp_path / "kept").glob("*.ckpt")
    assert torch.load(kept, weights_only=True)["epoch"] >= 2
    log = tmp_path / "log"
    assert (log / "films" / "probe_00_bread" / "filmstrip.jpg").exists()
    films = [path for path in (log / "films").rglob("*") if path.is_file()]
    assert kept.stat().st_mtime_ns < min(path.stat().st_mtime_ns for path in films)
    if "Films stops after 2 s" not in ended.said:  # on a fast machine all are made in time
        assert (log / "films" / "probe_01_soup" / "film_saliency.webp").exists()


def test_films_in_haste_stop_and_say_how_to_make_the_others(tmp_path, monkeypatch, caplog):
    class Fails(Project):
        def on_train_epoch_end(self):
            if self.current_epoch == 1:
                raise RuntimeError("pulled the plug")

    monkeypatch.setattr(films, "PATIENCE", 0.0)
    with caplog.at_level("INFO"), pytest.raises(RuntimeError, match="pulled the plug"):
        fit(tmp_path, [SaliencyMaps(probes=2), Films()], module=Fails)
    assert "Films stops after 0 s. The frames are kept: a resumed run goes on with them, or `python" in caplog.text
    assert f"-m lightning_viz.films {tmp_path}`" in caplog.text
    assert not (tmp_path / "films").exists()
    kept = [file for file in (tmp_path / "frames").rglob("*") if file.suffix in (".jpg", ".npz")]
    assert len(kept) > 4


def test_a_log_folder_that_is_away_while_pictures_are_written(outside, tmp_path):
    ended = outside("away", tmp_path, tmp_path / "kept")
    assert ended.returncode == 0, ended.said[-3000:]
    assert ended.said.count("could not draw") == 1
    assert "FileNotFoundError" in ended.said
    assert len(list((tmp_path / "kept").glob("*.ckpt"))) == 3
    log = events(tmp_path / "log")
    assert [e.step for e in log.Images("probe_00_bread/saliency")] == [-1, 5, 17]
    assert len(log.Scalars("val_loss")) == 3


def test_a_limit_of_file_sizes_leaves_room_for_the_others(outside, tmp_path):
    ended = outside("limit", tmp_path / "log", tmp_path / "kept")
    assert ended.returncode == 0, ended.said[-3000:]
    assert ended.said.count("could not draw") == 1
    assert "ulimit -f" in ended.said
    log = events(tmp_path / "log")
    assert len(log.Scalars("val_loss")) == 4
    assert 1 < len(log.Images("probe_00_bread/saliency")) < 5


class Quota(OSError):
    pass


def test_an_error_while_writing_takes_nothing_else_along(tmp_path, monkeypatch):
    """What a quota says in the midst of a picture, when the trial has gone well."""
    written = log._write

    def write(writer, data):
        if b"probe_01_soup/saliency" in data and b"JFIF" in data:
            writer._writer.write(data[:100])
            raise Quota(errno.EDQUOT, "Disk quota exceeded")
        written(writer, data)

    monkeypatch.setattr(log, "_write", write)
    with pytest.warns(UserWarning, match="Disk quota exceeded") as caught:
        trained(tmp_path, [SaliencyMaps(probes=2)])
    assert len(told(caught, "could not draw")) == 1
    found = events(tmp_path)  # in which half a picture would hide all that comes behind it
    assert len(found.Scalars("val_loss")) == 2
    assert len(found.Images("probe_00_bread/saliency")) == 3
    assert "probe_01_soup/saliency" not in found.Tags()["images"]


def test_room_is_asked_for_before_every_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "RESERVE", 2**60)
    with pytest.warns(UserWarning, match="MiB free") as caught:
        run = fit(tmp_path, [SaliencyMaps(probes=2), quick(LimePanels, on_error="warn")], logger=CSVLogger(tmp_path))
    assert run.current_epoch == 2
    assert len(told(caught, "could not draw")) == 1
    assert not list(tmp_path.rglob("*.jpg"))
