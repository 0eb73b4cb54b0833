"""Films and filmstrips: all epochs, in order, on disk, also where a run goes on or goes wrong."""

import io
import logging
import shutil

import numpy as np
import pytest
import pytorch_lightning as pl
from PIL import Image, ImageSequence
from projects import Project, events, fit
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from lightning_viz import (
    ConfusionMatrixPanel,
    ExplanationCallback,
    Films,
    IntegratedGradients,
    LimePanels,
    Picture,
    SaliencyMaps,
)
from lightning_viz.callbacks.films import assembly as reels
from lightning_viz.harness.sinks import room

GREYS = {-1: 0, 0: 50, 1: 100, 2: 150, 3: 200, 4: 250}
SALIENCY, STRIP = "probe_00_bread/film_saliency", "probe_00_bread/filmstrip"


class Grey(ExplanationCallback):
    """One tone per epoch, over a white caption."""

    def __init__(self, tag="grey/tone", **common):
        super().__init__(**{"probes": 1, **common})
        self.tag = tag

    def draw(self, scene):
        image = np.full((40, 60, 3), GREYS[scene.epoch], np.uint8)
        image[30:] = 255
        yield Picture(self.tag, image, caption=10)


def tones(file):
    """The tones of a film, and how long each is seen."""
    with Image.open(file) as film:
        return [round(np.asarray(f.convert("RGB"))[:25].mean() / 50) * 50 for f in ImageSequence.Iterator(film)]


def expected(*epochs):
    return [GREYS[epoch] for epoch in epochs]


def frames(folder):
    return {
        (f.parent.relative_to(folder / "frames").as_posix(), int(f.stem)): f
        for pattern in ("*.jpg", "*.png")
        for f in (folder / "frames").rglob(pattern)
    }


def test_frames_are_the_bytes_that_the_logger_got_whatever_the_order_of_the_callbacks(tmp_path):
    films = Films(keep_frames=True)
    fit(tmp_path, [SaliencyMaps(probes=1, on_error="raise"), films, ConfusionMatrixPanel(on_error="raise")])
    log = events(tmp_path)
    logged = {
        (tag, e.step): e.encoded_image_string
        for tag in log.Tags()["images"]
        if "film" not in tag and not tag.endswith("/saliency")
        for e in log.Images(tag)
    }
    assert {"confusion/val", "probe_00_bread/input"} <= {tag for tag, _ in logged}
    assert min(step for _, step in logged) == -1
    assert {key: file.read_bytes() for key, file in frames(tmp_path).items()} == logged
    maps = [int(file.stem) for file in tmp_path.glob("frames/probe_00_bread/saliency/*.npz")]
    assert sorted(maps) == [e.step for e in log.Images("probe_00_bread/saliency")]


def test_frames_are_gone_when_the_films_are_made(tmp_path):
    mine = tmp_path / "frames" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("not ours")
    fit(tmp_path, [SaliencyMaps(probes=1, on_error="raise"), Films()], max_epochs=1)
    assert (tmp_path / "films" / "probe_00_bread" / "film_saliency.webp").exists()
    assert [*(tmp_path / "frames").rglob("*")] == [mine]
    fit(tmp_path / "other", [Grey(on_error="raise"), Films()], max_epochs=1)
    assert not (tmp_path / "other" / "frames").exists()


class Louder(Project):
    """Its scores are multiplied by another number in each epoch."""

    gain = 0.001

    def forward(self, x):
        return self.gain * self.net(x)

    def on_validation_epoch_end(self):
        self.gain = (1.0, 30.0, 3.0)[self.current_epoch]


def decoded(picture):
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(float)


MAPS = {
    "saliency": SaliencyMaps,
    "integrated_gradients": IntegratedGradients,
    "lime": lambda **k: LimePanels(samples=64, **k),
}


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    """A run with films of all maps, and a run that knew the largest value of each from the beginning."""
    folder = tmp_path_factory.mktemp("scaled")
    common, options = {"probes": 1, "on_error": "raise"}, {"module": Louder, "max_epochs": 3, "num_sanity_val_steps": 0}
    fit(folder / "run", [*(make(**common) for make in MAPS.values()), Films()], **options)
    log, known = events(folder / "run"), []
    for tag, make in MAPS.items():
        bounds = log.Tensors(f"lightning_viz/bound/probe_00_bread/{tag}")
        known.append(make(scale=max(e.tensor_proto.float_val[0] for e in bounds), **common))
    fit(folder / "known", known, **options)
    return folder, log, events(folder / "known")


@pytest.mark.parametrize("tag", MAPS)
def test_a_film_has_one_scale_from_its_beginning_to_its_end(tag, scaled):
    """Its frames are the pictures of the run that knew its largest value."""
    folder, log, known = scaled
    pictures = [e.encoded_image_string for e in known.Images(f"probe_00_bread/{tag}")]
    with Image.open(folder / "run" / "films" / "probe_00_bread" / f"film_{tag}.webp") as film:
        shown = [np.asarray(frame.convert("RGB")).astype(float) for frame in ImageSequence.Iterator(film)]
    assert len(shown) == len(pictures) == 4
    own = [e.encoded_image_string for e in log.Images(f"probe_00_bread/{tag}")]
    for frame, picture in zip(shown, pictures, strict=True):
        assert np.abs(frame - decoded(picture)).mean() < 10
    first = decoded(own[1])  # whose colours were full at what was the largest value until then
    assert np.abs(shown[1] - decoded(pictures[1])).mean() < 0.5 * np.abs(shown[1] - first).mean()


def test_a_scale_of_ones_own_stays_in_the_film(tmp_path):
    fit(tmp_path, [SaliencyMaps(probes=1, scale="own", on_error="raise"), Films(keep_frames=True)], max_epochs=1)
    assert not [*tmp_path.rglob("*.npz")]


def test_a_film_holds_all_epochs_in_order(tmp_path):
    fit(tmp_path, [Films(), Grey(on_error="raise")], max_epochs=3)
    file = tmp_path / "films" / "grey" / "film_tone.webp"
    assert tones(file) == expected(-1, 0, 1, 2)
    assert "grey/film_tone" not in events(tmp_path).Tags()["images"]  # which has every picture already
    with Image.open(file) as film:
        assert film.size == (60, 40)
        film.seek(film.n_frames - 1)
        assert film.info["loop"] == 0
        film.load()
        assert film.info["duration"] > 1000  # the last one stays a while


def test_every_tag_has_its_film_and_every_probe_its_strip(tmp_path):
    fit(tmp_path, [SaliencyMaps(probes=2, on_error="raise"), ConfusionMatrixPanel(), Films()])
    tags = events(tmp_path).Tags()["images"]
    pictures = [tag for tag in tags if "film" not in tag and not tag.endswith("/curves")]  # drawn once
    strips = {f"{tag.partition('/')[0]}/filmstrip" for tag in pictures if tag.startswith("probe_")}
    films = {f"{tag.rpartition('/')[0]}/film_{tag.rpartition('/')[2]}" for tag in pictures}
    made = {file.relative_to(tmp_path / "films").with_suffix("").as_posix() for file in tmp_path.glob("films/*/*.*")}
    assert made == strips | films
    assert {tag for tag in tags if "film" in tag} == strips


def test_a_strip_shows_methods_and_epochs_without_captions(tmp_path):
    fit(tmp_path, [Grey("probe_00_bread/tone", on_error="raise"), SaliencyMaps(probes=1, on_error="raise"), Films()])
    with Image.open(tmp_path / "films" / "probe_00_bread" / "filmstrip.jpg") as image:
        strip = np.asarray(image.convert("L")).astype(int)
    tone = strip[30:100, 120:]  # the first row, right of its label
    columns = [int(round(np.median(tone[:, 160 * i + 78]), -1)) for i in range(3)]
    assert columns == expected(-1, 0, 1)
    assert (strip > 253).mean() < 0.01  # no caption


def test_long_films_and_strips_are_thinned_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(reels, "MOST_FRAMES", 3)
    monkeypatch.setattr(reels, "MOST_COLUMNS", 2)
    fit(tmp_path, [Grey("probe_00_bread/tone", on_error="raise"), Films()], max_epochs=4)
    assert tones(tmp_path / "films" / "probe_00_bread" / "film_tone.webp") == expected(-1, 1, 3)
    with Image.open(tmp_path / "films" / "probe_00_bread" / "filmstrip.jpg") as image:
        assert image.width < 450


@pytest.mark.parametrize(
    "ends",
    [{"max_steps": 15}, {"callbacks": [EarlyStopping("val_loss", patience=1, stopping_threshold=9.0)]}],
    ids=["max_steps", "EarlyStopping"],
)
def test_a_fit_that_ends_early_has_its_films(ends, tmp_path):
    options = {"max_epochs": 5, **{k: v for k, v in ends.items() if k != "callbacks"}}
    fit(tmp_path, [Grey(on_error="raise"), Films(), *ends.get("callbacks", [])], **options)
    assert tones(tmp_path / "films" / "grey" / "film_tone.webp")[:2] == expected(-1, 0)


def test_a_fit_that_fails_has_its_films(tmp_path):
    class Fails(Project):
        def on_train_epoch_start(self):
            if self.current_epoch == 2:
                raise RuntimeError("pulled the plug")

    with pytest.raises(RuntimeError, match="pulled the plug"):
        fit(tmp_path, [Grey(on_error="raise"), Films()], module=Fails, max_epochs=4)
    assert tones(tmp_path / "films" / "grey" / "film_tone.webp") == expected(-1, 0, 1)


def test_films_while_training(tmp_path):
    class Looks(Project):
        seen = {}

        def on_train_batch_start(self, batch, batch_idx):
            file = tmp_path / "films" / "grey" / "film_tone.webp"
            self.seen[self.current_epoch] = tones(file) if file.exists() else []

    fit(tmp_path, [Films(every_n_epochs=2), Grey(on_error="raise")], module=Looks, max_epochs=5)
    assert Looks.seen == {0: [], 1: [], 2: expected(-1, 0, 1), 3: expected(-1, 0, 1), 4: expected(-1, 0, 1, 2, 3)}


def test_an_interval_below_one_is_an_error():
    with pytest.raises(ValueError, match=r"Expected every_n_epochs= as .*of at least 1.*received 0"):
        Films(every_n_epochs=0)


# Resuming

elsewhere = pytest.mark.filterwarnings("ignore:The dirpath has changed")  # ModelCheckpoint's own notice


def kept(folder):
    return ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1)


def run(tmp_path, version, *, epochs, ckpt=None):
    """A run in a folder of its own, as Lightning makes it."""
    logger = TensorBoardLogger(tmp_path, "log", version)
    options = {"logger": logger, "enable_checkpointing": True, "max_epochs": epochs, "ckpt_path": ckpt}
    fit(tmp_path, [Grey(on_error="raise"), Films(keep_frames=True), kept(tmp_path / version)], **options)
    return tmp_path / "log" / version


@elsewhere
def test_a_resumed_run_goes_on_with_its_film(tmp_path):
    first = run(tmp_path, "a", epochs=3)
    before = {key: file.read_bytes() for key, file in frames(first).items()}
    second = run(tmp_path, "b", epochs=5, ckpt=tmp_path / "a" / "epoch=1.ckpt")
    assert tones(second / "films" / "grey" / "film_tone.webp") == expected(-1, 0, 1, 2, 3, 4)
    assert sorted(step for tag, step in frames(second) if tag == "grey/tone") == [-1, 5, 11, 17, 23, 29]
    third = run(tmp_path, "c", epochs=3, ckpt=tmp_path / "b" / "epoch=2.ckpt")  # no epoch is left to train
    fourth = run(tmp_path, "d", epochs=4, ckpt=tmp_path / "b" / "epoch=2.ckpt")
    assert tones(fourth / "films" / "grey" / "film_tone.webp") == expected(-1, 0, 1, 2, 3)
    assert {key: file.read_bytes() for key, file in frames(first).items()} == before
    del third


def test_frames_from_after_the_checkpoint_are_dropped_where_the_run_goes_on_in_its_folder(tmp_path):
    folder = run(tmp_path, "a", epochs=3)
    run(tmp_path, "a", epochs=2, ckpt=tmp_path / "a" / "epoch=0.ckpt")
    assert tones(folder / "films" / "grey" / "film_tone.webp") == expected(-1, 0, 1)
    assert sorted(step for tag, step in frames(folder) if tag == "grey/tone") == [-1, 5, 11]


def test_a_new_run_in_an_old_folder_begins_anew(tmp_path):
    fit(tmp_path, [Grey("old/tone", on_error="raise"), Grey(on_error="raise"), Films(keep_frames=True)], max_epochs=2)
    fit(tmp_path, [Grey(on_error="raise"), Films(keep_frames=True)], max_epochs=1)
    assert {key for key in frames(tmp_path) if "tone" in key[0]} == {("grey/tone", step) for step in (-1, 5)}
    assert tones(tmp_path / "films" / "grey" / "film_tone.webp") == expected(-1, 0)


@elsewhere
def test_where_the_earlier_frames_are_gone_the_film_begins_anew_and_says_so(tmp_path, caplog):
    first = run(tmp_path, "a", epochs=1)
    shutil.rmtree(first)
    with caplog.at_level(logging.INFO):
        second = run(tmp_path, "b", epochs=3, ckpt=tmp_path / "a" / "epoch=0.ckpt")
    assert tones(second / "films" / "grey" / "film_tone.webp") == expected(1, 2)
    assert caplog.text.count("Films begins anew") == 1


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
def test_a_checkpoint_of_a_run_without_films(tmp_path):
    fit(tmp_path, [Grey(on_error="raise"), kept(tmp_path)], enable_checkpointing=True, max_epochs=1)
    fit(tmp_path / "b", [Grey(on_error="raise"), Films()], max_epochs=3, ckpt_path=tmp_path / "epoch=0.ckpt")
    assert tones(tmp_path / "b" / "films" / "grey" / "film_tone.webp") == expected(1, 2)


# What goes wrong


class Vandal(pl.Callback):
    """Spoils a file in mid-run."""

    def __init__(self, file, spoil, epoch=2):
        self.file, self.spoil, self.epoch = file, spoil, epoch

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch:
            self.spoil(self.file)


def cut(file):
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])


def scribble(file):
    file.write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("spoil", "step", "left"),
    [(cut, -1, (0, 1, 2)), (scribble, 5, (-1, 1, 2)), (lambda file: file.unlink(), 5, (-1, 1, 2))],
    ids=["cut", "scribbled", "gone"],
)
def test_a_broken_frame_among_good_ones_is_told_once_and_passed_over(spoil, step, left, tmp_path):
    tag = "probe_00_bread/tone"
    vandal = Vandal(tmp_path / "frames" / tag / f"{step}.jpg", spoil)
    with pytest.warns(UserWarning, match=f"passes over.*{step}.jpg") as caught:
        end = fit(tmp_path, [Grey(tag, on_error="raise"), Films(every_n_epochs=2), vandal], max_epochs=3)
    assert end.current_epoch == 3
    assert len([w for w in caught if "Films" in str(w.message)]) == 1
    assert tones(tmp_path / "films" / "probe_00_bread" / "film_tone.webp") == expected(*left)
    assert (tmp_path / "films" / "probe_00_bread" / "filmstrip.jpg").exists()


def test_a_film_of_which_nothing_is_left_does_not_keep_the_others_from_being_made(tmp_path):
    def all_of_it(folder):
        for file in folder.iterdir():
            scribble(file)

    vandal = Vandal(tmp_path / "frames" / "lost" / "tone", all_of_it, epoch=1)
    callbacks = [Grey("lost/tone", on_error="raise"), Grey(on_error="raise"), vandal, Films(every_n_epochs=1)]
    with pytest.warns(UserWarning, match="Films") as caught:
        fit(tmp_path, callbacks)
    assert tones(tmp_path / "films" / "grey" / "film_tone.webp") == expected(-1, 0, 1)
    (text,) = [str(w.message) for w in caught if "could not" in str(w.message)]
    assert "could not make a film of 'lost/tone'" in text
    assert "Expected at least one picture that can be read among 2" in text


def test_an_index_that_was_cut_off_loses_a_line(tmp_path):
    def tear(index):
        with index.open("a") as file:
            file.write('{"tag": "grey/to\n')

    fit(tmp_path, [Grey(on_error="raise"), Films(), Vandal(tmp_path / "frames" / "index.jsonl", tear, epoch=1)])
    assert tones(tmp_path / "films" / "grey" / "film_tone.webp") == expected(-1, 0, 1)


def test_a_disk_that_fills_up(tmp_path, monkeypatch):
    def fill(_):
        monkeypatch.setattr(room, "RESERVE", 2**60)

    with pytest.warns(UserWarning, match="MiB free") as caught:
        end = fit(tmp_path, [Grey(), Films(), Vandal(None, fill, epoch=1)], max_epochs=3)
    assert end.current_epoch == 3
    told = [str(w.message) for w in caught if "MiB free" in str(w.message)]
    assert [text.split(" could not ")[0] for text in told] == ["Grey", "Films"]
    assert not (tmp_path / "films").exists()


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "frames").write_text("a file")
    with pytest.warns(UserWarning, match="could not") as caught:
        end = fit(tmp_path, [Grey(), Films()])
    assert end.current_epoch == 2
    assert len(caught) <= 3
    assert len(events(tmp_path).Images("grey/tone")) == 3  # the logger has its pictures


def test_a_fast_dev_run_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(tmp_path / "log", [Films(), Grey(on_error="raise")], fast_dev_run=True)
    assert list(tmp_path.iterdir()) == []


def test_validation_alone_makes_no_films(tmp_path):
    from projects import loaders, trainer

    run = trainer(tmp_path, [Films(), SaliencyMaps(probes=1, on_error="raise")])
    run.validate(Project(), loaders()["val_dataloaders"], verbose=False)
    assert events(tmp_path).Tags()["images"]
    assert not (tmp_path / "frames").exists()
    assert not (tmp_path / "films").exists()


# Loggers


@pytest.mark.parametrize("logger", [False, True], ids=["none", "csv"])
def test_where_no_logger_takes_pictures_films_are_files(logger, tmp_path):
    options = {"logger": CSVLogger(tmp_path, "log", "a") if logger else False, "default_root_dir": tmp_path}
    fit(tmp_path, [Grey(on_error="raise"), Films()], **options)
    folder = tmp_path / "log" / "a" if logger else tmp_path
    assert tones(folder / "films" / "grey" / "film_tone.webp") == expected(-1, 0, 1)
    assert (folder / "explanations" / "grey" / "tone" / "5.jpg").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pydantic.warnings.PydanticDeprecatedSince20")
def test_weights_and_biases_takes_films(tmp_path, monkeypatch):
    from pytorch_lightning.loggers import WandbLogger

    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(save_dir=tmp_path, offline=True, project="p")
    fit(tmp_path, [Grey("probe_00_bread/tone", on_error="raise"), Films()], logger=logger)
    logger.experiment.finish()
    (film,) = tmp_path.rglob("media/images/probe_00_bread/film_tone_*.webp")
    assert tones(film) == expected(-1, 0, 1)
    assert film.read_bytes() == next(tmp_path.glob("p/*/films/probe_00_bread/film_tone.webp")).read_bytes()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_mlflow_takes_films(tmp_path, monkeypatch):
    from pytorch_lightning.loggers import MLFlowLogger

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    logger = MLFlowLogger(tracking_uri=f"file:{tmp_path / 'mlruns'}")
    fit(tmp_path, [Grey(on_error="raise"), Films()], logger=logger, default_root_dir=tmp_path)
    (film,) = tmp_path.rglob("artifacts/films/grey/film_tone.webp")
    assert tones(film) == expected(-1, 0, 1)


def test_training_is_the_same_with_films_and_without(tmp_path):
    def weights(callbacks, name):
        return [p.tolist() for p in fit(tmp_path / name, callbacks).lightning_module.parameters()]

    assert weights([], "a") == weights([SaliencyMaps(probes=1, on_error="raise"), Films(every_n_epochs=1)], "b")
