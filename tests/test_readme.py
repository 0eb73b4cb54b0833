"""What README and the documentation show works: Python runs on a small project, YAML and commands are what there is."""

import ast
import doctest
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from balls import ByFrame, Deep, OfVolumes, clips, volumes
from PIL import Image
from projects import Finds, Places, Project, Segments, Stripes, events, fit, things
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn
from torch.utils.data import DataLoader

import lightning_viz
from lightning_viz import (
    AttentionMaps,
    AttentionWall,
    ExplanationCallback,
    Films,
    Probes,
    SaliencyMaps,
)

ROOT = Path(__file__).parents[1]
CHECKPOINTS = Path("runs/demo/version_0/checkpoints")


DOCS = sorted(
    page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "tutorials"
)  # run with the notebooks
PAGES = [ROOT / "README.md", *DOCS]


def snippets(language):
    text = "\n".join(page.read_text() for page in PAGES)
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


PYTHON = snippets("python")


class Food(Stripes):
    """As many pictures as the README counts on, of classes that it names."""

    classes = ["Egg", "Soup", "Bread"]


class Named(Food):
    """Batches by name."""

    def __getitem__(self, i):
        return {"pixels": self.images[i], "target": self.targets[i]}


class MyModule(Project):
    """A network with the layers and the channels that the README names; batches are pairs, or by name."""

    def __init__(self):
        super().__init__()
        widths = [(3, 8), (8, 8), (8, 8), (8, 40)]
        blocks = [(nn.Conv2d(*w, 3, padding=1), nn.BatchNorm2d(w[1]), nn.ReLU(), nn.MaxPool2d(2)) for w in widths]
        self.net = nn.Sequential()
        self.net.cnn = nn.Sequential(*(layer for block in blocks for layer in block))
        self.net.fc = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 3))

    def training_step(self, batch, batch_idx):
        return super().training_step(pair(batch), batch_idx)

    def validation_step(self, batch, batch_idx):
        return super().validation_step(pair(batch), batch_idx)


class Attends(nn.Module):
    """A small vision transformer that reads its scores from the mean of its patches."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, stride=8)
        self.blocks = nn.Sequential(*(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True) for _ in range(2)))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.blocks(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


class Plates(Places):
    """Places, of classes that the README names."""

    classes = ["background", "Egg", "Bread"]


class PlatesData(pl.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(Plates(12), batch_size=6)

    val_dataloader = train_dataloader


class MyTransformer(MyModule):
    """The same project with a transformer."""

    def __init__(self):
        super().__init__()
        self.net = Attends()


def pair(batch):
    return (batch["pixels"], batch["target"]) if isinstance(batch, dict) else batch


TRAINING, VALIDATION = Food(4300), Food(24)


class MyData(pl.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(TRAINING, batch_size=8)

    def val_dataloader(self):
        return DataLoader(VALIDATION, batch_size=8)


class NamedData(pl.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(Named(24), batch_size=8)

    val_dataloader = train_dataloader


class Quick(pl.Trainer):
    """A Trainer that is done at once, whatever the snippet says or leaves out."""

    settings = {"fast_dev_run": True}

    def __init__(self, **arguments):
        quiet = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}
        super().__init__(**{**quiet, **self.settings, **arguments})


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What snippets may name: the whole public face, a project of theirs, its checkpoints and files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pl, "Trainer", Quick)
    Path("pictures").mkdir()
    Image.new("RGB", (16, 16), "red").save("pictures/strawberries.jpg")
    public = {name: getattr(lightning_viz, name) for name in lightning_viz.__all__}
    project = {"Trainer": Quick, "MyModule": MyModule, "MyData": MyData, "embeddings": torch.eye(3).tolist()}
    return {"__name__": "readme", **public, **project}


def execute(code, names):
    """Runs a snippet; what its lines make on the way, and do not give a name to, comes back."""
    made = []
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.Expr):
            made.append(eval(compile(ast.Expression(statement.value), "README.md", "eval"), names))
        else:
            exec(compile(ast.Module([statement], []), "README.md", "exec"), names)
    return made


def callbacks_of(code, names):
    """The callbacks that a snippet makes, and one of each class that it defines, but for those that its Trainer has."""
    made = [one for one in execute(code, names) if isinstance(one, pl.Callback)]
    classes = [one for one in names.values() if isinstance(one, type) and one.__module__ == names["__name__"]]
    return made + [cls() for cls in classes if issubclass(cls, ExplanationCallback)]


def noting(callback, drawn):
    """Has it noted what a callback draws."""
    draw = callback.draw

    def noted(scene):
        for result in draw(scene):
            drawn.append(result)
            yield result

    callback.draw = noted


def kind(callback):
    """What decides which project a callback is for."""
    probes = callback.probes
    return probes.unpack is not None, isinstance(callback, (AttentionMaps, AttentionWall)), probes.axes, probes.task


def alike(callbacks):
    """The callbacks in groups that can train together: for one project, and no two that draw the same pictures."""
    groups, seen = {}, Counter()
    for callback in callbacks:
        pictures = type(callback), getattr(callback, "method", None)
        groups.setdefault((kind(callback), seen[pictures]), []).append(callback)
        seen[pictures] += 1
    return groups.values()


def attach(trainer):
    """Trains with what a snippet made: every callback draws, and (warnings are errors) none fails."""
    drawn = {}
    for callback in trainer.callbacks:
        if isinstance(callback, ExplanationCallback):
            noting(callback, drawn.setdefault(callback, []))
    by_name = [c for c in drawn if c.probes.unpack is not None]
    attends = any(isinstance(c, (AttentionMaps, AttentionWall)) for c in drawn)
    axes, tasks = {c.probes.axes for c in drawn} - {None}, {c.probes.task for c in drawn}
    if axes:
        frames = "TCHW" in axes
        trainer.fit(OfVolumes(ByFrame if frames else Deep), **(clips if frames else volumes)())
    elif "regions" in tasks:
        trainer.fit(Segments(), datamodule=PlatesData())
    elif "boxes" in tasks:
        trainer.fit(Finds(), **{name: _named(loader) for name, loader in things().items()})
    else:
        trainer.fit(MyTransformer() if attends else MyModule(), datamodule=NamedData() if by_name else MyData())
    assert drawn
    assert all(drawn.values())


def _named(loader):
    """The same loader with the names that the README has."""
    loader.dataset.classes = ["Egg", "Bread"]
    return loader


def kept_checkpoints(tmp_path):
    """Trains without callbacks, so that there is something to replay."""
    checkpoint = ModelCheckpoint(CHECKPOINTS, save_top_k=-1)
    data = {"train_dataloaders": MyData().val_dataloader(), "val_dataloaders": MyData().val_dataloader()}
    fit(tmp_path / "log", [checkpoint], module=MyModule, data=lambda: data, enable_checkpointing=True, max_epochs=1)
    assert list(CHECKPOINTS.glob("*.ckpt"))


def told(page):
    """The names whose arguments a page lists."""
    return re.findall(r"^::: lightning_viz\.(\w+)", page.read_text(), flags=re.MULTILINE)


def is_callback(name):
    public = getattr(lightning_viz, name)
    return isinstance(public, type) and issubclass(public, pl.Callback)


def title(code):
    """The first of its lines that is no import."""
    return next(line for line in code.splitlines() if re.match(r"(?!from|import|\s|\))", line)).split("(")[0]


def test_probes_are_made(names):
    (code,) = [code for code in PYTHON if title(code) == "Probes"]
    assert {type(one) for one in execute(code, names)} == {Probes}


OTHERS = ("replay", "findings", "Films", "Snapshots")
DRAW = [c for c in PYTHON if not any(name in c for name in OTHERS) and title(c) != "Probes"]


@pytest.mark.parametrize("code", DRAW, ids=title)
def test_callbacks_draw(code, names):
    made = callbacks_of(code, names)
    for together in alike(made):
        attach(Quick(callbacks=together))
    if "trainer" in names:
        attach(names["trainer"])
    assert made or "trainer" in names


def test_films_are_made(names, tmp_path, monkeypatch):
    (code,) = [code for code in PYTHON if "Films" in code]
    monkeypatch.setattr(Quick, "settings", {"max_epochs": 1, "limit_train_batches": 1, "enable_checkpointing": False})
    films = callbacks_of(code, names)
    assert [type(one) for one in films] == [Films, Films, Films]
    Quick(callbacks=[SaliencyMaps(probes=1), *films], log_every_n_steps=1).fit(MyModule(), datamodule=MyData())
    assert len(list(tmp_path.rglob("films/probe_00_egg/film_saliency.webp"))) == 1


def test_snapshots_are_kept(names, tmp_path, monkeypatch):
    (code,) = [code for code in PYTHON if "Snapshots" in code]
    monkeypatch.setattr(Quick, "settings", {"max_epochs": 1, "limit_train_batches": 1, "enable_checkpointing": False})
    every, fifth = callbacks_of(code, names)
    assert (every.every_n_epochs, fifth.every_n_epochs) == (1, 5)
    Quick(callbacks=[every], log_every_n_steps=1).fit(MyModule(), datamodule=MyData())
    assert len(list(tmp_path.rglob("snapshots/*.ckpt"))) == 2  # untrained, and of the one epoch


def test_every_callback_has_a_page():
    shown = {name for page in (ROOT / "docs" / "callbacks").glob("*.md") for name in told(page)}
    callbacks = {name for name in lightning_viz.__all__ if is_callback(name)}
    assert callbacks - {"AttributionCallback", "ExplanationCallback"} <= shown


def test_a_replay_draws(names, tmp_path, monkeypatch):
    (code,) = [code for code in PYTHON if "replay(trainer" in code]
    monkeypatch.setattr(Quick, "settings", {"max_epochs": 1, "log_every_n_steps": 1})
    kept_checkpoints(tmp_path)
    execute(code, names)
    assert "probe_00_egg/lime" in events(names["trainer"].log_dir).Tags()["images"]


def test_findings_are_told(names, capsys):
    (code,) = [code for code in PYTHON if "findings(" in code]
    logger = TensorBoardLogger("runs", "demo", "version_0")
    still = MyModule()
    still.configure_optimizers = lambda: torch.optim.SGD(still.parameters(), 0.0)
    short = {"fast_dev_run": False, "max_epochs": 3, "limit_train_batches": 2}
    quick = Quick(callbacks=[SaliencyMaps(probes=2)], logger=logger, **short)
    quick.fit(still, datamodule=MyData())
    capsys.readouterr()
    execute(code, names)
    assert "those of 2 of 2 probes stay" in capsys.readouterr().out


def test_a_cli_gets_the_subcommand(names, tmp_path, monkeypatch):
    pytest.importorskip("jsonargparse")
    (code,) = [code for code in PYTHON if "class CLI" in code]
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # what Lightning calls of it is not ours to mend
    monkeypatch.setattr(pl, "Trainer", Quick.__base__)  # its arguments are those of the command line
    kept_checkpoints(tmp_path)
    execute(code, names)
    options = {"accelerator": "cpu", "enable_progress_bar": "false", "log_every_n_steps": 1, "max_epochs": 1}
    quiet = [f"--trainer.{name}={value}" for name, value in options.items()]
    callbacks = "--trainer.callbacks=lightning_viz.SaliencyMaps"
    monkeypatch.setattr(sys, "argv", ["train.py", "replay", f"--checkpoints={CHECKPOINTS}/*.ckpt", callbacks, *quiet])
    (call,) = re.findall(r"# (CLI\(.*\))", code)
    trainer = eval(call, names).trainer
    assert "probe_00_egg/saliency" in events(trainer.log_dir).Tags()["images"]


def test_sessions_put_out_what_they_show():
    (session,) = snippets("pycon")
    run = doctest.DocTestRunner().run(doctest.DocTestParser().get_doctest(session, {}, "docs", None, None))
    assert (run.attempted, run.failed) == (6, 0)


def test_yaml_parses():
    yaml = pytest.importorskip("yaml")
    for text in snippets("ya?ml"):
        assert yaml.safe_load(text) is not None


def test_commands_are_targets():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    commands = re.findall(r"^(?:\$ )?make ([a-z-]+)", "\n".join(snippets("(?:bash|sh|shell|console)")), re.MULTILINE)
    assert set(commands) <= targets
