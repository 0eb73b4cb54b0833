import csv
import importlib.util
import sys
from pathlib import Path

import pytest
import torch
import yaml
from projects import events
from pytorch_lightning.cli import LightningCLI

from lightning_viz import ExplanationCallback
from lightning_viz.food11 import CLASS_NAMES, FoodClassifier

ROOT = Path(__file__).parents[2]
SMALL = ["--data.size", "32", "--model.width", "2", "--trainer.accelerator", "cpu"]
ONE = ["--probes", "[0]"]
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
    pytest.mark.filterwarnings("ignore:.*The number of training batches"),
]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs train.py's command line in a folder of its own; the parsers of the other subcommands are not built."""
    spec = importlib.util.spec_from_file_location("train", ROOT / "train.py")
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # what Lightning calls of it is not ours to mend
    commands = train.FoodCLI.subcommands()

    def run(*args: object) -> LightningCLI:
        built = {name: skipped for name, skipped in commands.items() if args[0] in (name, "--help")}
        monkeypatch.setattr(train.FoodCLI, "subcommands", staticmethod(lambda: built))
        monkeypatch.setattr(sys, "argv", ["train.py", *map(str, args)])
        return train.main()

    return run


def test_what_it_can_do_is_told(cli, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli("--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert [name for name in ("fit", "validate", "test", "predict", "replay") if f"\n    {name} " not in told] == []


def config(name: str) -> list[str]:
    return ["--config", str(ROOT / "configs" / f"{name}.yaml")]


def table(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("task", ["regions", "values", "boxes"])
def test_tables_are_read_in_every_way(cli, tmp_path: Path, task: str) -> None:
    few = ["--data.train_count", 8, "--data.val_count", 6, "--data.batch_size", 4, "--trainer.max_epochs", 1]
    options = ["--trainer.enable_progress_bar", "false", *SMALL, *ONE, "--data.task", task, *few]
    written = yaml.safe_load(Path(config("tables")[1]).read_text(encoding="utf-8"))
    callbacks = {c["class_path"]: c for c in reversed(written["trainer"]["callbacks"])}  # one of each class
    written["trainer"]["callbacks"] = [c for name, c in callbacks.items() if not name.endswith(("Films", "HowToLook"))]
    for name in ("LimePanels", "ConfusionPanels"):
        callbacks[f"lightning_viz.{name}"]["init_args"] = {"samples": 64}
    (tmp_path / "tables.yaml").write_text(yaml.safe_dump(written))
    ran = cli("fit", "--config", "tables.yaml", *options)
    assert torch.isfinite(ran.trainer.callback_metrics["val_loss"])
    tags = events(Path(ran.trainer.log_dir)).Tags()["images"]
    assert "confusion/val" in tags
    assert any(tag.endswith("/lime") for tag in tags)
    assert any("/saliency" in tag for tag in tags)


CONFIGS = {path.stem for path in (ROOT / "configs").glob("*.yaml")}


@pytest.mark.parametrize("name", sorted(CONFIGS - {"homework"}))
def test_every_config_runs(cli, homework: Path, name: str) -> None:
    # The network is narrower, for its layers' names and the pictures' sizes are those of the file all the same.
    drawn, narrow = ["--data.train_count", 11, "--data.val_count", 11], ["--model.width", 8]
    data = {"demo": drawn + narrow, "food_vit": drawn, "tables": drawn + narrow}
    data = data.get(name, ["--data.root", homework, *narrow])
    ran = cli("fit", *config(name), *data, *ONE, "--trainer.fast_dev_run", "true", "--trainer.accelerator", "cpu")
    assert ran.trainer.global_step == 1
    assert torch.isfinite(ran.trainer.callback_metrics["val_loss"])


def test_the_homework_config_is_the_homework_and_runs(cli, homework: Path) -> None:
    args = ["--data.root", homework, "--trainer.fast_dev_run", "true", "--trainer.accelerator", "cpu"]
    ran = cli("fit", *config("homework"), *args, *SMALL, "--probes", "[3,8]")
    explained = [c.probes.indices for c in ran.trainer.callbacks if isinstance(c, ExplanationCallback)]
    assert explained == [(3, 8)] * 6
    assert torch.isfinite(ran.trainer.callback_metrics["val_loss"])
    written = yaml.safe_load(Path(config("homework")[1]).read_text(encoding="utf-8"))
    options = [callback.get("init_args", {}) for callback in written["trainer"]["callbacks"]]
    probes = [given["probes"] for given in options if "probes" in given]
    assert probes == [{"split": "train", "indices": [83, 4218, 4707, 8598]}] * 5
    assert (written["model"]["width"], written["data"]["size"], written["data"]["batch_size"]) == (64, 128, 128)
    assert ran.datamodule.augment
    optimizer = ran.trainer.optimizers[0]
    assert (type(optimizer), optimizer.param_groups[0]["lr"]) == (torch.optim.Adam, 1e-3)
    assert ran.config["fit"]["trainer"]["max_epochs"] == 30


def test_the_data_size_sets_the_model_size(cli, homework: Path) -> None:
    bare = ["--trainer.callbacks", "[ModelCheckpoint]", "--trainer.fast_dev_run", "true"]
    ran = cli("fit", *config("food11"), "--data.root", homework, *SMALL, *bare)
    assert ran.model.hparams["size"] == 32


def test_fit_then_predict_from_its_checkpoint_writes_one_row_per_file(cli, homework: Path) -> None:
    data = ["--data.root", homework, *SMALL, "--trainer.callbacks", "[ModelCheckpoint]"]
    fitted = cli("fit", *config("food11"), *data, "--trainer.max_epochs", 1, "--trainer.log_every_n_steps", 1)
    checkpoint = fitted.trainer.checkpoint_callback.best_model_path
    with pytest.warns(UserWarning, match="dirpath has changed"):  # the loggers count versions on
        cli("predict", *config("food11"), *data, "--ckpt_path", checkpoint, "--predictions.path", "out/table.csv")
    rows = table("out/table.csv")
    assert list(rows[0]) == ["file", "class", "probability"]
    assert [row["file"] for row in rows] == sorted(map(str, (homework / "testing").iterdir()))
    model = FoodClassifier.load_from_checkpoint(checkpoint, map_location="cpu").eval()
    fitted.datamodule.setup("predict")
    images = next(iter(fitted.datamodule.predict_dataloader()))[0]
    best, labels = model(images).softmax(1).max(1)
    assert [row["class"] for row in rows] == [CLASS_NAMES[label] for label in labels.tolist()]
    assert [float(row["probability"]) for row in rows] == pytest.approx(best.tolist(), abs=1e-5)


def pictures(folder: str) -> dict[tuple[str, int], bytes]:
    log = events(Path(folder))
    return {(tag, e.step): e.encoded_image_string for tag in log.Tags()["images"] for e in log.Images(tag)}


def test_replay_draws_the_pictures_of_a_run_that_had_no_callbacks(cli, tmp_path: Path) -> None:
    written = yaml.safe_load(Path(config("demo")[1]).read_text(encoding="utf-8"))
    few = (
        "ModelCheckpoint",
        "lightning_viz.SaliencyMaps",
        "lightning_viz.FilterAscent",
        "lightning_viz.ConfusionMatrixPanel",
    )
    written["trainer"]["callbacks"] = [c for c in written["trainer"]["callbacks"] if c["class_path"] in few]
    written["trainer"]["callbacks"][0]["init_args"]["save_top_k"] = -1
    written["trainer"]["callbacks"][3]["init_args"].update(steps=8, channels=[0, 5])
    written["data"].update(train_count=11, val_count=11)
    (tmp_path / "with.yaml").write_text(yaml.safe_dump(written))
    written["trainer"]["callbacks"] = written["trainer"]["callbacks"][:1]
    (tmp_path / "bare.yaml").write_text(yaml.safe_dump(written))
    options = [*SMALL, *ONE, "--trainer.max_epochs", 2, "--trainer.log_every_n_steps", 1]
    expected = cli("fit", "--config", "with.yaml", *options).trainer
    bare = cli("fit", "--config", "bare.yaml", *options).trainer
    checkpoints = f"{bare.log_dir}/checkpoints/*.ckpt"
    replayed = cli("replay", "--config", "with.yaml", *options, "--checkpoints", checkpoints).trainer
    assert pictures(replayed.log_dir) == pictures(expected.log_dir)
    assert {tag for tag, _ in pictures(replayed.log_dir)} >= {"probe_00_bread/smoothgrad", "filters/cnn_12/0"}
    assert pictures(bare.log_dir) == {}
    assert Path(replayed.log_dir) == Path("runs/demo/version_2")
    assert not list(Path(replayed.log_dir).rglob("*.ckpt"))


def test_replay_says_what_it_looked_for(cli) -> None:
    with pytest.raises(ValueError, match=r"found no file for 'nowhere/\*.ckpt'"):
        cli("replay", *config("demo"), *SMALL, "--checkpoints", "nowhere/*.ckpt")


def test_drawn_predictions_are_numbered_and_untrained_weights_are_mentioned(cli) -> None:
    drawn = ["--data.val_count", 13, "--data.batch_size", 5, "--trainer.logger", "false"]
    with pytest.warns(UserWarning, match="no --ckpt_path given"):
        cli("predict", *drawn, *SMALL)
    rows = table("predictions.csv")
    assert [row["file"] for row in rows] == [str(index) for index in range(13)]


def test_a_folder_as_predictions_path_is_refused_first(cli, tmp_path: Path) -> None:
    with (
        pytest.warns(UserWarning, match="no --ckpt"),
        pytest.raises(ValueError, match="Expected path to name a file"),
    ):
        cli("predict", "--data.val_count", 1, *SMALL, "--predictions.path", tmp_path)


def test_a_data_error_is_one_line_that_names_the_folder(cli, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"received {tmp_path}/nowhere, which does not exist") as error:
        cli("fit", "--data.root", tmp_path / "nowhere", "--trainer.max_epochs", 1, *SMALL)
    assert "\n" not in str(error.value)
