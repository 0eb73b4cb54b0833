"""`lightning.pytorch` and `pytorch_lightning`: the same classes work in both."""

import sys

import lightning.pytorch
import pytest
import pytorch_lightning
import torch
from found import quick
from projects import Net, Stripes, events
from torch.nn import functional as F
from torch.utils.data import DataLoader

import lightning_viz
from lightning_viz import ConfusionMatrixPanel, Films, GradCam, SaliencyMaps

LIGHTNINGS = [lightning.pytorch, pytorch_lightning]


def named(value):
    return getattr(value, "__name__", str(value))


def project(home):
    """The usual project, written against one of the namespaces."""

    class Classifier(home.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Net()

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, batch_idx):
            return F.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", F.cross_entropy(self(batch[0]), batch[1]))

        test_step = validation_step

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.01)

    return Classifier


def data(home):
    class Data(home.LightningDataModule):
        def train_dataloader(self):
            return DataLoader(Stripes(24, seed=1), batch_size=8)

        def val_dataloader(self):
            return DataLoader(Stripes(12, seed=2), batch_size=8)

        test_dataloader = val_dataloader

    return Data


def run(home, folder, callbacks):
    home.seed_everything(7, verbose=False)
    trainer = home.Trainer(
        logger=home.loggers.TensorBoardLogger(folder, "", ""),
        max_epochs=1,
        callbacks=callbacks,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=home is lightning.pytorch,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    model = project(home)()
    trainer.fit(model, data(home)())
    return trainer, model


@pytest.mark.parametrize("home", LIGHTNINGS, ids=lambda h: h.__name__)
@pytest.mark.parametrize("bare", [True, False])
def test_trainers_take_callbacks_bare_and_in_lists(home, bare, tmp_path):
    panels = [SaliencyMaps(probes=2, on_error="raise")]
    more = [quick(GradCam), ConfusionMatrixPanel(on_error="raise"), Films()]
    panels += [] if bare else more
    _, model = run(home, tmp_path / "with", panels[0] if bare else panels)
    tags = events(tmp_path / "with").Tags()["images"]
    kinds = {tag.split("/")[1] for tag in tags if not tag.endswith("/curves")}
    films = {"filmstrip"}  # those that move are files
    assert kinds == {"input", "saliency"} | (set() if bare else {"gradcam_net_4", "val", *films})
    _, without = run(home, tmp_path / "without", [])
    state, expected = model.state_dict(), without.state_dict()
    assert all(torch.equal(state[k], expected[k]) for k in expected)


@pytest.mark.parametrize(("home", "stage"), [*zip(LIGHTNINGS, ["validate", "test"], strict=True)], ids=named)
def test_validation_alone_draws_in_both(home, stage, tmp_path):
    logger = home.loggers.TensorBoardLogger(tmp_path, "", "")
    trainer = home.Trainer(logger=logger, callbacks=quick(SaliencyMaps), accelerator="cpu", barebones=False)
    getattr(trainer, stage)(project(home)(), data(home)(), verbose=False)
    assert len([tag for tag in events(tmp_path).Tags()["images"] if tag.endswith("/saliency")]) == 2


@pytest.mark.parametrize("home", LIGHTNINGS, ids=lambda h: h.__name__)
def test_forward_that_is_not_overridden_takes_the_only_child_in_both(home, tmp_path):
    class Headless(project(home)):
        forward = home.LightningModule.forward

        def training_step(self, batch, batch_idx):
            return F.cross_entropy(self.net(batch[0]), batch[1])

        validation_step = None

    trainer = home.Trainer(
        logger=home.loggers.TensorBoardLogger(tmp_path, "", ""),
        max_epochs=1,
        callbacks=[quick(SaliencyMaps)],
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        log_every_n_steps=1,
    )
    loader = DataLoader(Stripes(16), batch_size=8)
    with pytest.warns(UserWarning, match="probes come from the training data"):
        trainer.fit(Headless(), loader)
    assert events(tmp_path).Tags()["images"]


@pytest.mark.parametrize(("home", "listed"), [*zip(LIGHTNINGS, [True, False], strict=True)], ids=named)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Lightning's own, of its parser
def test_command_lines_take_callbacks_bare_and_in_lists(home, listed, tmp_path, monkeypatch):
    callbacks = "[{class_path: lightning_viz.SaliencyMaps, init_args: {on_error: raise, probes: 2}}]"
    callbacks = callbacks if listed else callbacks.strip("[]")
    (tmp_path / "c.yaml").write_text(f"""
trainer:
  callbacks: {callbacks}
  max_epochs: 1
  accelerator: cpu
  enable_progress_bar: false
  enable_model_summary: false
  enable_checkpointing: false
  log_every_n_steps: 1
  logger: {{class_path: {home.__name__}.loggers.TensorBoardLogger, init_args: {{save_dir: {tmp_path / "log"}}}}}
""")
    monkeypatch.setattr(sys, "argv", ["train.py", "fit", "--config", str(tmp_path / "c.yaml")])
    cli = __import__(f"{home.__name__}.cli", fromlist=["LightningCLI"])
    cli.LightningCLI(project(home), data(home), save_config_callback=None, seed_everything_default=7)
    (events_file,) = (tmp_path / "log").rglob("events*")
    assert "probe_00_bread/saliency" in events(events_file.parent).Tags()["images"]


def test_every_callback_is_one_to_both():
    for name in lightning_viz.__all__:
        cls = getattr(lightning_viz, name)
        if isinstance(cls, type) and issubclass(cls, pytorch_lightning.Callback):
            assert all(issubclass(cls, home.Callback) for home in LIGHTNINGS), name
