"""Pictures from the checkpoints of a run that had no callbacks: those of a run that had them."""

import json
import logging
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from found import CALLBACKS, quick
from projects import Project, Stripes, events, fit, loaders, trainer
from pytorch_lightning.callbacks import LearningRateFinder, ModelCheckpoint
from torch.utils.data import DataLoader, IterableDataset

from lightning_viz import ConfusionMatrixPanel, ExplanationCallback, FilterAscent, Probes, SaliencyMaps, replay

MANIFEST = "lightning_viz/manifest"


def some(**options):
    """Of each kind of schedule and state one."""
    ascent = FilterAscent(steps=2, warm_steps=1, channels=1, on_error="raise", **options)
    return [SaliencyMaps(probes=1, on_error="raise", **options), ascent, ConfusionMatrixPanel(on_error="raise")]


def train(folder, callbacks=(), *, checkpoints=None, **options):
    """A run that keeps its checkpoints in `folder/checkpoints`."""
    saving = ModelCheckpoint(folder / "checkpoints", save_top_k=-1, **{"every_n_epochs": 1, **(checkpoints or {})})
    return fit(folder, [*callbacks, saving], enable_checkpointing=True, **options)


def again(folder, checkpoints, callbacks, *, module=Project, data=None, weights_only=True, **options):
    """Replays."""
    pl.seed_everything(7, verbose=False)
    run = trainer(folder, callbacks, **options)
    replay(run, module(), checkpoints, weights_only=weights_only, **(data or loaders)())


def logged(folder):
    """All pictures, and what goes with them, by tag, with their steps; of the manifest what it says in the end."""
    found = events(folder)
    pictures = {tag: [(e.step, e.encoded_image_string) for e in found.Images(tag)] for tag in found.Tags()["images"]}
    training = ("explain_seconds", "loss", "epoch")
    scalars = [tag for tag in found.Tags()["scalars"] if not tag.startswith(training)]
    figures = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in scalars}
    tensors = {tag: [(e.step, e.tensor_proto) for e in found.Tensors(tag)] for tag in found.Tags()["tensors"]}
    if MANIFEST in tensors:
        tensors[MANIFEST] = [(0, json.loads(tensors[MANIFEST][-1][1].string_val[0]))]
    return pictures | figures | tensors


def steps(folder, tag="probe_00_bread/saliency"):
    return [event.step for event in events(folder).Images(tag)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The checkpoints of a run of two epochs without callbacks, at steps 6 and 12, and the last one twice."""
    folder = tmp_path_factory.mktemp("saved")
    train(folder, checkpoints={"save_last": True})
    return folder / "checkpoints"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The log of the same run with callbacks of each kind, whose checkpoints hold ascents."""
    folder = tmp_path_factory.mktemp("drawn")
    train(folder, some())
    return folder


def test_everything_is_as_in_a_run_with_every_callback(saved, tmp_path):
    callbacks = lambda: [quick(cls, probes=1) for cls in CALLBACKS]
    fit(tmp_path / "with", callbacks())
    again(tmp_path / "replayed", saved, callbacks())
    expected, replayed = logged(tmp_path / "with"), logged(tmp_path / "replayed")
    assert steps(tmp_path / "with") == [-1, 5, 11]
    assert replayed.keys() == expected.keys() >= {"probe_00_bread/lime", "filters/net_4/0", "confusion/val", "val_acc"}
    assert [tag for tag in expected if replayed[tag] != expected[tag]] == []


class Manual(Project):
    """Steps twice in each batch."""

    automatic_optimization = False

    def training_step(self, batch, batch_idx):
        for optimizer in self.optimizers():
            optimizer.zero_grad()
            self.manual_backward(super().training_step(batch, batch_idx))
            optimizer.step()

    def configure_optimizers(self):
        return [torch.optim.SGD(self.parameters(), lr=0.01) for _ in range(2)]


SCHEDULES = {
    "every second epoch": ({"every_n_epochs": 2}, {"every_n_epochs": 2}, {"max_epochs": 4}),
    "every fourth step": ({"every_n_steps": 4}, {"every_n_epochs": 0, "every_n_train_steps": 4}, {}),
    "while validating": ({}, {"monitor": "val_loss", "save_on_train_epoch_end": False, "save_weights_only": True}, {}),
    "accumulating, without validation": ({}, {}, {"accumulate_grad_batches": 4, "limit_val_batches": 0}),
    "two optimizers' steps per batch, bf16-mixed": ({}, {}, {"module": Manual, "precision": "bf16-mixed"}),
}


@pytest.mark.filterwarnings("ignore:There is no validation loader")
@pytest.mark.parametrize("name", SCHEDULES)
def test_steps_and_pictures_are_the_runs_own(name, tmp_path):
    schedule, checkpoints, options = SCHEDULES[name]
    train(tmp_path / "with", some(**schedule), checkpoints=checkpoints, **options)
    again(tmp_path / "replayed", tmp_path / "with" / "checkpoints", some(**schedule), **options)
    expected, replayed = logged(tmp_path / "with"), logged(tmp_path / "replayed")
    drawn = {tag for tag in expected if tag.startswith(("probe", "filters"))}
    assert {tag: expected[tag] for tag in drawn} == {tag: replayed[tag] for tag in drawn}
    assert len(steps(tmp_path / "replayed")) > 2
    for tag in expected.keys() - drawn:  # not every validation has a checkpoint, nor every checkpoint a validation
        then, now = dict(expected[tag]), dict(replayed[tag])
        assert [then[step] for step in then if step in now] == [now[step] for step in then if step in now]
        assert max(then) in now


class Stream(IterableDataset):
    classes = Stripes.classes

    def __iter__(self):
        return iter([Stripes(24, seed=3)[i] for i in range(24)])


def streams():
    return {name: DataLoader(Stream(), batch_size=8) for name in ("train_dataloaders", "val_dataloaders")}


@pytest.mark.parametrize("split", ["train", "val"])
def test_probes_out_of_a_stream_are_those_of_the_run(split, tmp_path):
    def callbacks():
        return [SaliencyMaps(probes=Probes(count=2, split=split), on_error="raise")]

    train(tmp_path / "with", callbacks(), data=streams, max_epochs=1)
    again(tmp_path / "log", tmp_path / "with", callbacks(), data=streams, max_epochs=1)
    assert steps(tmp_path / "log")[-1] == 2
    assert logged(tmp_path / "log") == logged(tmp_path / "with")


def test_a_checkpoint_from_the_midst_of_an_epoch_is_drawn_at_its_own_step(tmp_path):
    train(tmp_path / "run", checkpoints={"every_n_epochs": 0, "every_n_train_steps": 4})
    again(tmp_path / "log", str(tmp_path / "run" / "**" / "*.ckpt"), some())
    assert steps(tmp_path / "log") == [-1, 3, 7, 11]
    assert steps(tmp_path / "log", "confusion/val") == [3, 7, 11]


def test_the_network_of_step_0_is_the_untrained_one(drawn, tmp_path):
    class Start(pl.Callback):
        def on_train_start(self, trainer, pl_module):
            trainer.save_checkpoint(tmp_path / "run" / "start.ckpt")

    train(tmp_path / "run", [Start()])
    run = trainer(tmp_path / "log", some())
    pl.seed_everything(8)
    replay(run, Project(), tmp_path / "run", **loaders())
    assert logged(tmp_path / "log") == logged(drawn)


def test_nothing_is_trained_or_saved_and_nobody_else_takes_part(saved, tmp_path):
    class Other(pl.Callback):
        def on_validation_start(self, trainer, pl_module):
            assert trainer.sanity_checking

        def on_train_epoch_end(self, trainer, pl_module):
            raise AssertionError

    others = [Other(), ModelCheckpoint(tmp_path / "more", save_last=True), LearningRateFinder()]
    run = trainer(tmp_path / "log", [*some(), *others], enable_checkpointing=True, max_epochs=1)
    module = Project()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    replay(run, module, saved, **loaders())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not list(tmp_path.rglob("*.ckpt"))
    assert (run.global_step, run.current_epoch) == (0, 0)
    assert {type(callback) for callback in others} <= {type(callback) for callback in run.callbacks}
    run.callbacks = [callback for callback in run.callbacks if callback not in others]
    run.fit(module, **loaders())
    assert run.global_step == 6


def test_replays_do_not_go_on_from_each_other_nor_from_what_a_checkpoint_holds(saved, drawn, tmp_path):
    pl.seed_everything(7)
    module, callbacks = Project(), some()
    for name, checkpoints in (("first", saved), ("second", drawn / "checkpoints")):
        replay(trainer(tmp_path / name, callbacks), module, checkpoints, **loaders())
        assert logged(tmp_path / name) == logged(drawn)


class Diary(ExplanationCallback):
    """Notes when it is called and what it could know."""

    def __init__(self):
        super().__init__(on_error="raise")
        self.said = []

    def draw(self, scene):
        return []

    def on_train_start(self, trainer, pl_module):
        super().on_train_start(trainer, pl_module)
        self.said.append("start")

    def on_train_epoch_end(self, trainer, pl_module):
        super().on_train_epoch_end(trainer, pl_module)
        self.said.append((trainer.current_epoch, trainer.global_step, float(trainer.callback_metrics["val_acc"])))

    def on_train_end(self, trainer, pl_module):
        super().on_train_end(trainer, pl_module)
        self.said.append(("end", trainer.current_epoch, trainer.global_step))


def test_callbacks_know_what_they_know_in_the_run(saved, tmp_path):
    live, replayed = Diary(), Diary()
    fit(tmp_path / "with", [live])
    again(tmp_path / "log", saved, [replayed])
    assert replayed.said == live.said
    assert live.said[-1] == ("end", 2, 12)


def test_no_drawing_is_too_early_where_nothing_is_trained(saved, tmp_path):
    again(tmp_path, saved, [SaliencyMaps(probes=1, max_overhead=1e-9, on_error="raise")])
    assert steps(tmp_path) == [-1, 5, 11]


class Wide(Project):
    def __init__(self):
        super().__init__(classes=4)


def broken(folder, saved):
    """Files of which none is a checkpoint of the project, each with what is said of it."""
    folder.mkdir()
    good = (saved / "last.ckpt").read_bytes()
    (folder / "a_truncated.ckpt").write_bytes(good[: len(good) // 2])
    (folder / "b_text.ckpt").write_text("no checkpoint")
    fit(folder / "log", [], module=Wide, max_epochs=1).save_checkpoint(folder / "c_wide.ckpt", weights_only=True)
    torch.save(Project().state_dict(), folder / "d_bare.ckpt")
    torch.save({**torch.load(saved / "last.ckpt"), "of": Path("folder")}, folder / "e_objects.ckpt")
    (folder / "f_folder.ckpt").mkdir()
    reasons = (
        "cut short",
        "cannot be read",
        "size mismatch",
        "it is no checkpoint",
        "weights_only=False",
        "cannot be read",
    )
    return {path.name: why for path, why in zip(sorted(folder.glob("*.ckpt")), reasons, strict=True)}


@pytest.mark.filterwarnings("ignore:Environment variable TORCH_FORCE")
def test_broken_ones_are_told_and_left_out_and_the_rest_goes_on(saved, tmp_path):
    reasons = broken(tmp_path / "run", saved)
    names = ("epoch=1-step=12.ckpt", "epoch=0-step=6.ckpt")
    with pytest.warns(UserWarning, match="A checkpoint is left out") as warned:
        again(tmp_path / "log", [tmp_path / "run" / "*.ckpt", *(saved / name for name in names)], some())
    told = [str(w.message) for w in warned if "is left out" in str(w.message)]
    for text, (name, why) in zip(told, reasons.items(), strict=True):
        assert name in text
        assert why in text
        assert len(text.splitlines()) == 1
    assert steps(tmp_path / "log") == [-1, 5, 11]


def test_where_none_is_left_all_are_named_before_the_first_drawing(saved, tmp_path):
    reasons = broken(tmp_path / "run", saved)
    with pytest.raises(ValueError, match="Expected checkpoints of Project") as error:
        again(tmp_path / "log", [tmp_path / "run" / "*.ckpt"], some())
    assert all(name in str(error.value) for name in reasons)
    assert events(tmp_path / "log").Tags()["images"] == []


def test_objects_are_read_where_they_are_trusted(saved, tmp_path):
    torch.save({**torch.load(saved / "last.ckpt"), "of": Path("folder")}, tmp_path / "objects.ckpt")
    again(tmp_path / "log", tmp_path / "objects.ckpt", [SaliencyMaps(probes=1)], weights_only=False)
    assert steps(tmp_path / "log") == [-1, 11]


def test_without_progress_the_own_epoch_and_step_of_a_checkpoint_count(saved, tmp_path):
    checkpoint = torch.load(saved / "epoch=0-step=6.ckpt")
    kept = {name: checkpoint[name] for name in ("state_dict", "epoch", "global_step")}
    torch.save(kept, tmp_path / "kept.ckpt")
    again(tmp_path / "log", tmp_path / "kept.ckpt", some())
    again(tmp_path / "whole", saved / "epoch=0-step=6.ckpt", some())
    assert logged(tmp_path / "log") == logged(tmp_path / "whole")


def test_a_checkpoint_that_was_saved_between_two_epochs_is_of_the_first(drawn, tmp_path):
    class Late(pl.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch > 0:
                trainer.save_checkpoint(tmp_path / "late" / "start.ckpt")

    fit(tmp_path, [Late()]).save_checkpoint(tmp_path / "late" / "after.ckpt")
    again(tmp_path / "log", tmp_path / "late", some())
    assert logged(tmp_path / "log") == logged(drawn)


def test_progress_is_told(saved, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        again(tmp_path, f"{saved}/*.ckpt", [SaliencyMaps(probes=1, on_error="raise")])
    assert "Replaying 1 of 2: epoch=0-step=6.ckpt, epoch 0, step 5" in caplog.messages
    assert "Replaying 2 of 2: epoch=1-step=12.ckpt, epoch 1, step 11" in caplog.messages
    assert f"Left out, since there are others of the same steps: {saved}/last.ckpt" in caplog.messages


@pytest.mark.parametrize("wish", ["nowhere/*.ckpt", "nowhere.ckpt", ".", []])
def test_no_checkpoint_is_an_error_that_says_what_was_looked_for(wish, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"found no file for .*pass checkpoints=") as error:
        again(tmp_path, wish, some())
    assert repr(wish) in str(error.value)


def test_an_empty_pattern_is_not_the_folder_that_one_is_in(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(saved)
    with pytest.raises(ValueError, match=r"found no file for ''"):
        again(tmp_path, "", some())


def test_probes_that_no_longer_exist_are_told_before_the_first_drawing(saved, tmp_path):
    with pytest.raises(ValueError, match=r"below 24, the size of the val set, received \[83\]"):
        again(tmp_path, saved, [SaliencyMaps(probes=1), SaliencyMaps(probes=Probes(indices=[1, 83]))])
    assert not [tag for tag in events(tmp_path).Tags()["images"] if "0083" in tag]
