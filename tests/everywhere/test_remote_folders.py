"""Log folders on another file system, of Lightning's own kind: those of fsspec."""

import logging
import time
from io import BytesIO
from pathlib import Path

import fsspec
import pytest
import torch
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image
from projects import Project, events, fit, loaders, trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from lightning_viz import ConfusionMatrixPanel, Films, SaliencyMaps, Snapshots, findings, replay
from lightning_viz.films import main as make_films
from lightning_viz.harness.folders import append, copied, matches, place, version
from lightning_viz.tensorboard.export import export

STORE = MemoryFileSystem.store


class Shaky(MemoryFileSystem):
    """A file system that can be away, and lets nobody write to a bucket without rights."""

    protocol = "shaky"
    store, pseudo_dirs = {}, [""]
    away, slow, waits = False, 0.0, 0

    def _check(self, path):
        if "/locked/" in path:
            raise PermissionError(13, "Access Denied")
        if Shaky.away:
            Shaky.waits += 1
            time.sleep(Shaky.slow)
            raise RuntimeError("EndpointConnectionError: could not connect")  # as of boto, which is no OSError

    def pipe_file(self, path, value, **more):
        self._check(self._strip_protocol(path))
        super().pipe_file(path, value, **more)

    def open(self, path, mode="rb", **more):
        self._check(self._strip_protocol(path))
        return super().open(path, mode, **more)

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("shaky://", "memory://"))


fsspec.register_implementation("shaky", Shaky, clobber=True)


@pytest.fixture(autouse=True)
def nothing_here(tmp_path, monkeypatch):
    """An empty working directory, in which nothing may appear, and empty stores."""
    STORE.clear()
    Shaky.store.clear()
    Shaky.away, Shaky.slow, Shaky.waits = False, 0.0, 0
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def stored(folder):
    return {name.removeprefix(f"/{folder}/"): len(file.getvalue()) for name, file in STORE.items() if folder in name}


def everything():
    strict = {"on_error": "raise"}
    saliency = SaliencyMaps(probes=2, **strict)
    return [saliency, ConfusionMatrixPanel(**strict), Films(keep_frames=True, **strict), Snapshots()]


@pytest.mark.parametrize("logger", [False, CSVLogger])
def test_pictures_frames_films_and_snapshots_are_where_the_log_is(nothing_here, tmp_path, logger, caplog):
    fit(
        tmp_path / "local",
        everything(),
        logger=logger and logger(tmp_path / "local", "", ""),
        default_root_dir=tmp_path / "local",
        max_epochs=1,
    )
    with caplog.at_level(logging.INFO):
        fit(
            tmp_path,
            everything(),
            logger=logger and logger("memory://runs/a", "", ""),
            default_root_dir="memory://runs/a",
            max_epochs=1,
        )
    local = {
        path.relative_to(tmp_path / "local").as_posix(): path.stat().st_size
        for path in (tmp_path / "local").rglob("*")
        if path.is_file()
    }
    found = stored("runs/a")
    assert found.keys() == local.keys()
    alike = {name for name in local if name.startswith(("explanations/", "films/"))}
    drawn = {"explanations/probe_00_bread/saliency/5.jpg", "explanations/confusion/val/5.png"}
    assert alike >= drawn | {"films/probe_00_bread/film_saliency.webp"}
    assert {name: found[name] for name in alike} == {name: local[name] for name in alike}
    assert "the pictures are files in memory://runs/a/explanations" in caplog.text
    assert list(nothing_here.iterdir()) == []  # no folder of the name "memory:"


def test_tensorboard_reads_it_and_so_do_export_and_findings(tmp_path, nothing_here, caplog):
    with caplog.at_level(logging.INFO):
        fit(tmp_path, everything(), logger=TensorBoardLogger("memory://runs/b", "", ""), max_epochs=1)
    fit(tmp_path, everything(), logger=TensorBoardLogger(tmp_path / "local", "", ""), max_epochs=1)
    assert "--logdir memory://runs/b" in caplog.text
    log, local = events("memory://runs/b"), events(tmp_path / "local")
    assert log.Tags()["images"] == local.Tags()["images"] != []
    for tag in log.Tags()["images"]:
        assert [(e.step, e.encoded_image_string) for e in log.Images(tag)] == [
            (e.step, e.encoded_image_string) for e in local.Images(tag)
        ]
    assert len(log.Scalars("val_loss")) == 1
    assert findings("memory://runs/b").text() == findings(tmp_path / "local").text()
    assert export("memory://runs/b", tmp_path / "page.html") == ["b"]
    assert (tmp_path / "page.html").stat().st_size > 100_000
    assert list(nothing_here.iterdir()) == []


def test_a_run_elsewhere_goes_on_with_its_frames(tmp_path):
    class Fails(Project):
        def on_train_epoch_start(self):
            if self.current_epoch == 1 and Fails.fails:
                raise RuntimeError("it is taken away")

    Fails.fails = True
    saves = lambda: ModelCheckpoint("memory://runs/kept", filename="last")
    films = lambda: [SaliencyMaps(on_error="raise", probes=1), Films(on_error="raise")]
    more = {"enable_checkpointing": True}
    with pytest.raises(RuntimeError, match="taken away"):
        fit(tmp_path, [*films(), saves()], module=Fails, logger=CSVLogger("memory://runs", "c", 0), **more)
    Fails.fails = False
    second = CSVLogger("memory://runs", "c", 1)
    fit(tmp_path, [*films(), saves()], module=Fails, logger=second, ckpt_path="memory://runs/kept/last.ckpt", **more)
    film = Image.open(BytesIO(STORE["/runs/c/version_1/films/probe_00_bread/film_saliency.webp"].getvalue()))
    assert film.n_frames == 3  # untrained and two epochs, of which the second run drew one
    assert any("/version_0/frames/" in name for name in STORE)
    assert not any("/version_1/frames/" in name for name in STORE)  # films are made


def test_films_are_made_from_frames_elsewhere(tmp_path, capsys):
    fit(tmp_path, everything(), logger=CSVLogger("memory://runs/d", "", ""), max_epochs=1)
    made = stored("runs/d/films")
    for name in made:
        del STORE[f"/runs/d/films/{name}"]
    make_films(["memory://runs/d"])
    assert stored("runs/d/films") == made
    assert "memory://runs/d/films/probe_00_bread/film_saliency.webp" in capsys.readouterr().out


def test_replay_of_a_folder_a_pattern_and_a_run_that_has_ended(tmp_path):
    whole = SaliencyMaps(on_error="raise", probes=1)
    fit(tmp_path, [whole, Snapshots()], logger=TensorBoardLogger("memory://runs/e", "", ""), max_epochs=1)
    steps = [e.step for e in events("memory://runs/e").Images("probe_00_bread/saliency")]
    for i, (checkpoints, follow) in enumerate(
        [("memory://runs/e/snapshots", False), ("memory://runs/*/snapshots/*.ckpt", False), ("memory://runs/e", True)]
    ):
        run = trainer(tmp_path / str(i), [SaliencyMaps(on_error="raise", probes=1)])
        replay(run, Project(), checkpoints, follow=follow, **loaders())
        assert [e.step for e in events(tmp_path / str(i)).Images("probe_00_bread/saliency")] == steps
    with pytest.raises(ValueError, match=r"found no file for 'memory://runs/none/\*.ckpt'"):
        replay(trainer(tmp_path, []), Project(), "memory://runs/none/*.ckpt", **loaders())


def told(caught):
    return [str(one.message) for one in caught if "could not" in str(one.message) or "did not take" in str(one.message)]


def test_a_bucket_without_rights(tmp_path, nothing_here):
    callbacks = [SaliencyMaps(probes=1), ConfusionMatrixPanel()]
    with pytest.warns(UserWarning, match="could not draw") as caught:
        run = fit(tmp_path, callbacks, logger=False, default_root_dir="shaky://locked/run")
    bare = fit(tmp_path / "bare", logger=False, default_root_dir=tmp_path)
    assert all(
        map(torch.equal, run.lightning_module.state_dict().values(), bare.lightning_module.state_dict().values())
    )
    (text,) = told(caught)
    kept = nothing_here / "lightning_viz_unsent" / "locked" / "run" / "explanations"
    assert "Access Denied" in text
    assert str(kept) in text
    assert len(list(kept.glob("probe_00_bread/saliency/*.jpg"))) == 3
    assert len(list(kept.glob("confusion/val/*.png"))) == 2


def test_films_and_snapshots_of_a_bucket_without_rights(tmp_path, nothing_here):
    callbacks = [SaliencyMaps(probes=1), Films(), Snapshots()]
    with pytest.warns(UserWarning, match="could not") as caught:
        run = fit(tmp_path, callbacks, logger=False, default_root_dir="shaky://locked/run")
    assert run.current_epoch == 2
    assert sorted(text.split(maxsplit=1)[0] for text in told(caught)) == ["SaliencyMaps", "Snapshots"]


class Away(Project):
    """The network is away from the second epoch on, and back for the fourth."""

    def on_train_epoch_start(self):
        Shaky.away = self.current_epoch in (1, 2)


def test_a_network_that_drops_and_comes_back(tmp_path, nothing_here):
    callbacks = [SaliencyMaps(probes=1), ConfusionMatrixPanel(), Films()]
    with pytest.warns(UserWarning, match="could not draw") as caught:
        fit(tmp_path, callbacks, module=Away, logger=False, default_root_dir="shaky://bucket/run", max_epochs=4)
    assert len(told(caught)) == 1
    here = nothing_here / "lightning_viz_unsent" / "bucket" / "run" / "explanations" / "probe_00_bread" / "saliency"
    there = {name.rpartition("/")[2] for name in Shaky.store if "explanations/probe_00_bread/saliency/" in name}
    assert there == {"-1.jpg", "5.jpg", "23.jpg"}
    assert {file.name for file in here.iterdir()} == {"11.jpg", "17.jpg"}
    assert any(name.endswith("films/probe_00_bread/film_saliency.webp") for name in Shaky.store)


def test_what_takes_long_to_fail_is_left_alone_for_a_while(tmp_path):
    Shaky.slow = 1.1
    with pytest.warns(UserWarning, match="could not draw"):
        fit(tmp_path, [SaliencyMaps(probes=2), ConfusionMatrixPanel()], module=Away, max_epochs=3, **SHAKY)
    assert Shaky.waits <= 2  # of dozens of attempts; a second one where all of it takes long


SHAKY = {"logger": False, "default_root_dir": "shaky://bucket/run"}


def test_the_log_of_tensorboard_has_what_waited_for_the_network(tmp_path, nothing_here):
    """The user's own figures wait in TensorBoard's thread here, which would die with its first error."""

    class Quiet(Away):
        def log(self, *_, **__):
            pass

        def on_train_epoch_end(self):
            self.trainer.logger.experiment._get_file_writer().event_writer._async_writer._byte_queue.join()

    with pytest.warns(UserWarning, match="TensorBoardLogger did not take pictures") as caught:
        fit(
            tmp_path,
            [SaliencyMaps(probes=1)],
            module=Quiet,
            logger=TensorBoardLogger("shaky://bucket/log", "", ""),
            max_epochs=4,
        )
    assert len(told(caught)) == 1
    assert [e.step for e in events("shaky://bucket/log").Images("probe_00_bread/saliency")] == [-1, 5, 11, 17, 23]
    kept = nothing_here / "lightning_viz_unsent" / "bucket" / "log" / "explanations" / "probe_00_bread" / "saliency"
    assert {file.name for file in kept.iterdir()} == {"11.jpg", "17.jpg"}


def test_places_are_told_apart(tmp_path):
    assert place("runs/a") == Path("runs/a")
    assert place(tmp_path.as_uri()) == tmp_path
    assert str(place("s3://bucket/a") / "b" / "c.jpg") == "s3://bucket/a/b/c.jpg"
    assert str(place("simplecache::s3://bucket/a").parent) == "simplecache::s3://bucket"
    assert str((place("s3://bucket/a") / "../../other/x").resolve()) == "s3://other/x"


@pytest.mark.parametrize("where", ["memory://files", None])
def test_files_are_alike_wherever_they_are(where, tmp_path):
    folder = place(where or tmp_path / "files")
    append(folder / "list.txt", "a\n")
    append(folder / "list.txt", "b\n")
    assert (folder / "list.txt").read_text(encoding="utf-8") == "a\nb\n"
    before = version(folder / "list.txt")
    assert version(folder / "list.txt") == before
    time.sleep(0.01)
    append(folder / "list.txt", "c\n")
    assert version(folder / "list.txt") != before
    copied(folder / "list.txt", folder / "deep" / "er" / "copy.txt")
    assert (folder / "deep" / "er" / "copy.txt").read_bytes() == b"a\nb\nc\n"
    assert matches(f"{folder}/**/*.txt") == [folder / "deep" / "er" / "copy.txt", folder / "list.txt"]
    assert (folder / "deep").is_dir()
    with pytest.raises(FileNotFoundError):
        version(folder / "none")


class Shelf(LocalFileSystem):
    """A file system with folders, as sftp and HDFS are, which may break off."""

    protocol = "shelf"
    breaks = False

    def pipe_file(self, path, value, **more):
        super().pipe_file(path, value[:3] if Shelf.breaks else value, **more)
        if Shelf.breaks:
            raise TimeoutError("broken off")

    @classmethod
    def _strip_protocol(cls, path):
        return LocalFileSystem._strip_protocol(path.replace("shelf://", "file://"))


fsspec.register_implementation("shelf", Shelf, clobber=True)


def test_of_a_file_that_breaks_off_nothing_is_seen(tmp_path, monkeypatch):
    file = place(f"shelf://{tmp_path}/a/b.bin")
    file.write_bytes(b"whole")
    monkeypatch.setattr(Shelf, "breaks", True)
    with pytest.raises(TimeoutError, match="broken off"):
        file.write_bytes(b"other")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.bin"]
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"whole"
    (tmp_path / "c").mkdir()
    place(f"shelf://{tmp_path}/c").rmdir()
    assert not (tmp_path / "c").exists()
