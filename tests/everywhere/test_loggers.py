"""Where the pictures go, for every logger."""

import io
import logging
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image
from projects import Project, events, fit
from pytorch_lightning.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger

from lightning_viz import ConfusionMatrixPanel, ExplanationCallback, Picture, SaliencyMaps, Scalar


def test_without_a_logger_for_images_pictures_are_files(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        fit(tmp_path, [SaliencyMaps(on_error="raise"), ConfusionMatrixPanel()], logger=CSVLogger(tmp_path, "log", "a"))
    folder = tmp_path / "log" / "a" / "explanations"
    assert sorted(f.name for f in (folder / "probe_00_bread" / "saliency").iterdir()) == [
        "-1.jpg",
        "11.jpg",
        "5.jpg",
    ]
    assert sorted(f.name for f in (folder / "confusion" / "val").iterdir()) == ["11.png", "5.png"]
    with Image.open(folder / "probe_00_bread" / "saliency" / "5.jpg") as image:
        assert image.format == "JPEG"
    assert caplog.text.count("the pictures are files in") == 1
    assert str(folder) in caplog.text
    assert "recall/val/egg" in (tmp_path / "log" / "a" / "metrics.csv").read_text()


def test_how_to_look_is_told_once_at_the_first_drawing_and_at_the_end(tmp_path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loggers = [TensorBoardLogger(tmp_path, "my log", "a"), TensorBoardLogger(tmp_path, "second", "b")]
    with caplog.at_level(logging.INFO):
        fit(tmp_path, [SaliencyMaps(on_error="raise"), ConfusionMatrixPanel()], logger=loggers, max_epochs=2)
    told = [record.getMessage() for record in caplog.records if "tensorboard --logdir" in record.getMessage()]
    assert [text.rpartition("tensorboard ")[2] for text in told] == ["--logdir 'my log/a'"] * 2
    assert ["as they come" in text for text in told] == [True, False]
    program = shlex.split(told[0].partition(": ")[2])[0]
    assert shutil.which(program)  # it runs as it stands


@pytest.mark.parametrize("options", [{"logger": False}, {"fast_dev_run": True}])
def test_nothing_is_told_of_what_tensorboard_does_not_have(tmp_path, caplog, options):
    with caplog.at_level(logging.INFO):
        fit(tmp_path, [SaliencyMaps(on_error="raise")], **{"default_root_dir": tmp_path, **options})
    assert "--logdir" not in caplog.text


def test_without_any_logger_pictures_are_files_in_the_root_folder(tmp_path):
    fit(tmp_path, [SaliencyMaps(on_error="raise")], logger=False, default_root_dir=tmp_path, max_epochs=1)
    assert (tmp_path / "explanations" / "probe_00_bread" / "saliency" / "5.jpg").exists()


def test_a_rehearsal_leaves_no_files(tmp_path):
    fit(tmp_path, [SaliencyMaps(on_error="raise")], logger=False, default_root_dir=tmp_path, fast_dev_run=True)
    assert list(tmp_path.iterdir()) == []


def test_files_stay_below_their_folder_whatever_their_tag(tmp_path):
    class Odd(ExplanationCallback):
        def draw(self, scene):
            yield Picture("../../up/a:b?/…/", np.zeros((4, 4, 3), np.uint8))

    fit(tmp_path / "deep" / "log", [Odd(on_error="raise")], logger=False, default_root_dir=tmp_path / "deep" / "log")
    assert len(list((tmp_path / "deep" / "log" / "explanations").rglob("5.jpg"))) > 8
    assert [f.name for f in tmp_path.iterdir()] == ["deep"]


def test_several_loggers_get_every_picture(tmp_path):
    loggers = [TensorBoardLogger(tmp_path, n, "") for n in "ab"] + [CSVLogger(tmp_path, "c", "")]
    fit(tmp_path, [SaliencyMaps(on_error="raise")], logger=loggers, max_epochs=1)
    a, b = (events(tmp_path / n) for n in "ab")
    assert a.Tags()["images"] == b.Tags()["images"] != []
    assert a.Scalars("probability/probe_00_bread/egg")
    assert not list(tmp_path.rglob("explanations"))  # who has images needs no files


class Broken(TensorBoardLogger):
    """Takes figures, but no pictures."""

    @property
    def experiment(self):
        inner = super().experiment

        class Experiment:
            add_image = lambda *_, **__: 1 / 0
            flush, close = inner.flush, inner.close

        return Experiment()

    def log_metrics(self, metrics, step):
        TensorBoardLogger.experiment.fget(self)


@pytest.mark.filterwarnings("ignore:.*could not draw")
def test_a_logger_that_fails_does_not_keep_pictures_from_the_others(tmp_path):
    loggers = [Broken(tmp_path, "a", ""), TensorBoardLogger(tmp_path, "b", "")]
    run = fit(tmp_path, [SaliencyMaps()], logger=loggers, max_epochs=1)
    assert run.current_epoch == 1
    assert "probe_07_soup/saliency" in events(tmp_path / "b").Tags()["images"]


def test_pictures_are_seen_as_soon_as_they_are_drawn(tmp_path):
    class Looks(Project):
        seen = ()

        def on_train_epoch_start(self):
            if self.current_epoch:
                type(self).seen = events(tmp_path).Tags()["images"]

    fit(tmp_path, [SaliencyMaps(on_error="raise")], module=Looks)
    assert "probe_00_bread/saliency" in Looks.seen


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pydantic.warnings.PydanticDeprecatedSince20")
def test_weights_and_biases_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(save_dir=tmp_path, offline=True, project="p")
    run = fit(tmp_path, [SaliencyMaps(on_error="raise")], logger=logger)
    logger.experiment.finish()
    assert run.current_epoch == 2
    pictures = list(tmp_path.rglob("media/images/probe_00_bread/saliency_*.png"))
    assert len(pictures) == 3
    with Image.open(pictures[0]) as image:
        assert image.width == 350
    assert not (tmp_path / "explanations").exists()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_mlflow_in_a_local_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    logger = MLFlowLogger(tracking_uri=f"file:{tmp_path / 'mlruns'}")

    class Accented(ExplanationCallback):
        def draw(self, scene):
            yield Picture("crème/brûlée", np.zeros((4, 4, 3), np.uint8))
            yield Scalar("crème", 1.0)

    fit(tmp_path, [SaliencyMaps(on_error="raise"), Accented(on_error="raise")], logger=logger)
    found = [f.name for f in tmp_path.rglob("images/*.png")]
    assert len([name for name in found if name.startswith("probe_00_bread~saliency+step+")]) == 3
    assert any(name.startswith("cr_me~br_l_e") for name in found)
    (file,) = tmp_path.rglob(next(name for name in found if name.startswith("probe_00_bread~saliency+step+5+")))
    assert Image.open(io.BytesIO(file.read_bytes())).width == 350
