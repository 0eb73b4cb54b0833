"""Where the pictures go, for every logger."""

import io
import logging
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from found import quick
from PIL import Image
from projects import Project, events, fit
from pytorch_lightning.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from torch.utils.tensorboard.writer import FileWriter

from lightning_viz import ConfusionMatrixPanel, ExplanationCallback, Films, Picture, SaliencyMaps, Scalar


def test_without_a_logger_for_images_pictures_are_files(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        fit(tmp_path, [quick(SaliencyMaps), ConfusionMatrixPanel()], logger=CSVLogger(tmp_path, "log", "a"))
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
        fit(tmp_path, [quick(SaliencyMaps), ConfusionMatrixPanel()], logger=loggers, max_epochs=1)
    told = [record.getMessage() for record in caplog.records if "tensorboard --logdir" in record.getMessage()]
    assert [text.rpartition("tensorboard ")[2] for text in told] == ["--logdir 'my log/a'"] * 2
    assert ["as they come" in text for text in told] == [True, False]
    program = shlex.split(told[0].partition(": ")[2])[0]
    assert shutil.which(program)  # it runs as it stands


@pytest.mark.parametrize("options", [{"logger": False}, {"fast_dev_run": True}])
def test_nothing_is_told_of_what_tensorboard_does_not_have(tmp_path, caplog, options):
    with caplog.at_level(logging.INFO):
        fit(tmp_path, [quick(SaliencyMaps)], **{"default_root_dir": tmp_path, "max_epochs": 1, **options})
    assert "--logdir" not in caplog.text


def test_without_any_logger_pictures_are_files_in_the_root_folder(tmp_path):
    fit(tmp_path, [quick(SaliencyMaps)], logger=False, default_root_dir=tmp_path, max_epochs=1)
    assert (tmp_path / "explanations" / "probe_00_bread" / "saliency" / "5.jpg").exists()


def test_a_rehearsal_leaves_no_files(tmp_path):
    fit(tmp_path, [quick(SaliencyMaps)], logger=False, default_root_dir=tmp_path, fast_dev_run=True)
    assert list(tmp_path.iterdir()) == []


def test_files_stay_below_their_folder_whatever_their_tag(tmp_path):
    class Odd(ExplanationCallback):
        def draw(self, scene):
            yield Picture("../../up/a:b?/…/", np.zeros((4, 4, 3), np.uint8))

    fit(
        tmp_path / "deep" / "log",
        [Odd(on_error="raise")],
        logger=False,
        default_root_dir=tmp_path / "deep" / "log",
        max_epochs=1,
    )
    assert len(list((tmp_path / "deep" / "log" / "explanations").rglob("5.jpg"))) > 8
    assert [f.name for f in tmp_path.iterdir()] == ["deep"]


def test_several_loggers_get_every_picture(tmp_path):
    loggers = [TensorBoardLogger(tmp_path, n, "") for n in "ab"] + [CSVLogger(tmp_path, "c", "")]
    fit(tmp_path, [quick(SaliencyMaps)], logger=loggers, max_epochs=1)
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


def test_a_logger_that_fails_does_not_keep_pictures_from_the_others_and_its_own_are_files(tmp_path):
    loggers = [Broken(tmp_path, "a", ""), TensorBoardLogger(tmp_path, "b", "")]
    with pytest.warns(UserWarning, match="Broken did not take pictures, so they are files in") as caught:
        run = fit(tmp_path, [SaliencyMaps(probes=2), ConfusionMatrixPanel()], logger=loggers, max_epochs=1)
    (text,) = (str(one.message) for one in caught if "did not take" in str(one.message))
    assert "ZeroDivisionError" in text
    assert str(tmp_path / "a" / "explanations") in text
    assert run.current_epoch == 1
    assert "probe_01_soup/saliency" in events(tmp_path / "b").Tags()["images"]
    kept = tmp_path / "a" / "explanations"
    assert sorted(file.name for file in (kept / "probe_01_soup" / "saliency").iterdir()) == ["-1.jpg", "5.jpg"]
    assert (kept / "confusion" / "val" / "5.png").exists()


class Own(Logger):
    """A logger of a user's own, without an experiment."""

    name, version, save_dir = "own", 0, None

    def __init__(self, fails=()):
        super().__init__()
        self.seen, self.fails = [], fails

    def log_metrics(self, metrics, step=None):
        pass

    def log_hyperparams(self, params):
        pass

    def log_image(self, key, images, step=None):
        if step in self.fails:
            raise ConnectionError("no network")
        self.seen.append((key, step, images[0]))


def maps_and_films(folder, logger):
    fit(
        folder,
        [quick(SaliencyMaps, probes=1), Films(on_error="raise")],
        logger=logger,
        default_root_dir=folder,
    )


def test_a_logger_of_ones_own_gets_pictures_and_films(tmp_path):
    own = Own()
    maps_and_films(tmp_path, own)
    steps = [step for key, step, _ in own.seen if key == "probe_00_bread/saliency"]
    assert steps == [-1, 5, 11]
    assert {image.dtype for _, _, image in own.seen if not isinstance(image, str)} == {np.dtype(np.uint8)}
    films = {key: file for key, _, file in own.seen if isinstance(file, str)}
    assert {"probe_00_bread/film_saliency", "probe_00_bread/filmstrip"} <= films.keys()
    with Image.open(films["probe_00_bread/film_saliency"]) as film:
        assert film.n_frames == 3


def test_a_logger_without_network_for_an_epoch_is_asked_again(tmp_path):
    own = Own(fails=[5])
    with pytest.warns(UserWarning, match="(?s)ConnectionError.*Own did not take pictures"):
        fit(tmp_path, [SaliencyMaps(probes=1)], logger=own, default_root_dir=tmp_path)
    assert [step for key, step, _ in own.seen if key == "probe_00_bread/saliency"] == [-1, 11]
    assert [file.name for file in tmp_path.rglob("probe_00_bread/saliency/*.jpg")] == ["5.jpg"]


def opened(data):
    content = Path(data).read_bytes() if isinstance(data, str) else data.read()
    return Image.open(io.BytesIO(content))


class Comets(Own):
    """With an experiment that takes what is in files, as Comet's does."""

    @property
    def log_image(self):
        raise AttributeError("only the experiment has it")

    @property
    def experiment(self):
        class Experiment:
            log_image = lambda _, data, name, step: self.seen.append((name, step, opened(data)))

        return Experiment()


def test_an_experiment_that_takes_files_gets_them_as_they_are(tmp_path):
    comet = Comets()
    maps_and_films(tmp_path, comet)
    shown = [(step, image.format, image.width) for tag, step, image in comet.seen if tag == "probe_00_bread/saliency"]
    assert shown == [(-1, "JPEG", 350), (5, "JPEG", 350), (11, "JPEG", 350)]
    (film,) = [image for tag, _, image in comet.seen if tag == "probe_00_bread/film_saliency"]
    assert (film.format, film.n_frames) == ("WEBP", 3)


def test_who_listens_to_tensorboard_hears_of_pictures(tmp_path, monkeypatch):
    """As ClearML does."""
    add_event, heard = FileWriter.add_event, []

    def listening(self, event, step=None, walltime=None):
        heard.extend((value.tag, step) for value in event.summary.value if value.HasField("image"))
        add_event(self, event, step, walltime)

    monkeypatch.setattr(FileWriter, "add_event", listening)
    fit(tmp_path, [quick(SaliencyMaps, probes=1)])
    log = events(tmp_path)
    assert [step for tag, step in heard if tag == "probe_00_bread/saliency"] == [-1, 5, 11]
    assert len(heard) == sum(len(log.Images(tag)) for tag in log.Tags()["images"])


def test_pictures_are_seen_as_soon_as_they_are_drawn(tmp_path):
    class Looks(Project):
        seen = ()

        def on_train_epoch_start(self):
            if self.current_epoch:
                type(self).seen = events(tmp_path).Tags()["images"]

    fit(tmp_path, [quick(SaliencyMaps)], module=Looks)
    assert "probe_00_bread/saliency" in Looks.seen


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pydantic.warnings.PydanticDeprecatedSince20")
def test_weights_and_biases_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(save_dir=tmp_path, offline=True, project="p")
    run = fit(tmp_path, [quick(SaliencyMaps)], logger=logger)
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

    fit(tmp_path, [quick(SaliencyMaps), Accented(on_error="raise")], logger=logger)
    found = [f.name for f in tmp_path.rglob("images/*.png")]
    assert len([name for name in found if name.startswith("probe_00_bread~saliency+step+")]) == 3
    assert any(name.startswith("cr_me~br_l_e") for name in found)
    (file,) = tmp_path.rglob(next(name for name in found if name.startswith("probe_00_bread~saliency+step+5+")))
    assert Image.open(io.BytesIO(file.read_bytes())).width == 350
