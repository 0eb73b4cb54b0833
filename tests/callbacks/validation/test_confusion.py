"""The matrix counts what the validation step said, held against scikit-learn."""

import copy
import pickle
import re

import pytest
import torch
from projects import NAMES, Net, Project, Stripes, events, fit, loaders
from sklearn.metrics import confusion_matrix, recall_score
from torch.nn import functional as F
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.data import DataLoader

from lightning_viz import ConfusionMatrixPanel, Probes


class Recording(ConfusionMatrixPanel):
    """Keeps the counts that are drawn."""

    def draw(self, scene):
        self.drawn = {name: tally.table.tolist() for name, tally in self._tallies.items()}
        yield from super().draw(scene)


class CallsForward(Project):
    """The usual way: the step calls the module itself."""


class CallsNet(Project):
    """Passes the module's own forward by."""

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", F.cross_entropy(self.net(batch[0]), batch[1]))


class TwoViews(Project):
    """Test-time augmentation: two calls in one step."""

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_loss", F.cross_entropy(self(x) + self(x.flip(-1)), y))


class ReturnsLogits(Project):
    def validation_step(self, batch, batch_idx):
        return {"logits": self.net(batch[0])}


class ReturnsClasses(Project):
    def validation_step(self, batch, batch_idx):
        return {"preds": self.net(batch[0]).argmax(1)}


class Compiled(Project):
    def configure_model(self):
        self.net.compile(backend="eager")


MODULES = [CallsForward, CallsNet, TwoViews, ReturnsLogits, ReturnsClasses, Compiled]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
@pytest.mark.parametrize("last", [24, 21])  # a last batch of full size, and one that is smaller
def test_counts_are_those_of_scikit_learn(module, last, tmp_path):
    data = lambda: {**loaders(), "val_dataloaders": DataLoader(Stripes(last, seed=2), batch_size=8)}
    panel = Recording(on_error="raise")
    run = fit(tmp_path, [panel], module=module, data=data, max_epochs=1)
    truth = Stripes(last, seed=2)
    with torch.no_grad():
        predicted = run.lightning_module.eval().net(truth.images).argmax(1)
    assert panel.drawn["val"] == confusion_matrix(truth.targets, predicted).tolist()
    log = events(tmp_path)
    recalls = [log.Scalars(f"recall/val/{n.lower()}")[-1].value for n in NAMES]
    assert recalls == pytest.approx(recall_score(truth.targets, predicted, average=None).tolist())


@pytest.mark.parametrize(("module", "extra"), [(CallsForward, 0), (ReturnsLogits, 0), (CallsNet, 3), (TwoViews, 3)])
def test_the_network_is_asked_again_only_where_it_was_not_overheard(module, extra, tmp_path):
    def calls(callbacks):
        count = []
        # Of all modules, so that the copy counts too.
        hook = register_module_forward_hook(lambda m, *_: count.append(m.training) if isinstance(m, Net) else None)
        fit(tmp_path, callbacks, module=module, max_epochs=1, num_sanity_val_steps=0)
        hook.remove()
        return count.count(False)

    # Choosing the probes asks what the network takes, for its number of classes, and whether the copy is right; drawing
    # asks nothing. Where batches are asked again, the first one tells whether images are enough.
    setup = 3
    assert calls([ConfusionMatrixPanel(on_error="raise")]) - calls([]) == extra + setup + bool(extra)


def test_the_sanity_check_is_not_counted(tmp_path):
    panel = Recording(on_error="raise")
    fit(tmp_path, [panel], num_sanity_val_steps=-1, max_epochs=1)
    assert sum(map(sum, panel.drawn["val"])) == 24
    assert len(events(tmp_path).Images("confusion/val")) == 1


def test_a_run_that_is_interrupted_in_a_validation_batch_keeps_no_ear(tmp_path):
    class Interrupted(Project):
        def validation_step(self, batch, batch_idx):
            assert self._compiled_call_impl is not None  # the panel listens now
            raise RuntimeError("pulled the plug")

    module = Interrupted()
    with pytest.raises(RuntimeError, match="pulled the plug"):
        fit(tmp_path, [ConfusionMatrixPanel()], module=lambda: module, num_sanity_val_steps=0)
    assert "_compiled_call_impl" not in vars(module)


def plain(graph):
    """A graph without the numbers that are given to equal names."""
    return re.sub(r"___torch_mangle_\d+\.", "", str(graph))


def scripted(module, batch):
    return plain(torch.jit.script(module.net).graph), plain(module.to_torchscript().graph)


def traced(module, batch):
    return plain(module.to_torchscript(method="trace", example_inputs=batch[0]).inlined_graph)


def exported(module, batch):
    return str(torch.export.export(module.net, (batch[0],)).graph)


def exported_strictly(module, batch):
    return str(torch.export.export(module.net, (batch[0],), strict=True).graph)


def copied(module, batch):
    another = copy.deepcopy(module)
    return another._compiled_call_impl, len(another._forward_hooks), plain(another.to_torchscript().graph)


def pickled(module, batch):
    saved = pickle.dumps(module)
    another = pickle.loads(saved)
    return b"lightning_viz" in saved, another._compiled_call_impl, plain(another.to_torchscript().graph)


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated", "ignore:.*to_torchscript.* has been deprecated")
@pytest.mark.filterwarnings("ignore:Converting a tensor", "ignore:.*trainer.* reference")
@pytest.mark.parametrize("make", [scripted, traced, exported, exported_strictly, copied, pickled])
def test_a_step_scripts_exports_copies_and_saves_the_network_as_without_us(make, tmp_path):
    def made(callbacks):
        found = []

        class Makes(CallsForward):
            def validation_step(self, batch, batch_idx):
                found.append(make(self, batch))
                return super().validation_step(batch, batch_idx)

        Makes.__qualname__ = "Makes"
        globals()["Makes"] = Makes  # where pickle looks for it
        fit(tmp_path, callbacks, module=Makes, max_epochs=1, num_sanity_val_steps=0, limit_val_batches=1)
        return found

    panel = Recording(on_error="raise")
    with_us, without = made([panel]), made([])
    assert len(with_us) == 1
    assert with_us == without
    assert sum(map(sum, panel.drawn["val"])) == 8


def test_labels_that_are_no_class_are_left_out(tmp_path):
    class Odd(Stripes):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return image, 7 if i == 17 else label  # no probe, so the check before the first batch passes

    class Ignores(Project):
        def validation_step(self, batch, batch_idx):
            self(batch[0])

    panel = Recording(on_error="raise")
    data = lambda: {**loaders(), "val_dataloaders": DataLoader(Odd(24), batch_size=8)}
    with pytest.warns(UserWarning, match="leaves out labels that are no class"):
        fit(tmp_path, [panel], module=Ignores, data=data, max_epochs=1)
    assert sum(map(sum, panel.drawn["val"])) == 23


def brittle(batch):
    if batch[1][0] == 2:  # the second batch begins so, the probes do not
        raise RuntimeError("unreadable")
    return batch


def test_a_batch_that_cannot_be_read_ends_the_count_but_not_the_run(tmp_path):
    with pytest.warns(UserWarning, match=r"(?s)ConfusionMatrixPanel could not draw.*unreadable"):
        run = fit(tmp_path, [ConfusionMatrixPanel(probes=Probes(unpack=brittle))])
    assert run.current_epoch == 2


def test_a_run_without_validation_is_told_that_there_is_nothing_to_count(tmp_path, caplog):
    caplog.set_level("INFO")
    told = "ConfusionMatrixPanel counts what a validation predicts, but this run has none"
    panel = lambda: ConfusionMatrixPanel(probes=Probes(split="train"), on_error="raise")
    fit(tmp_path / "with", [panel()], max_epochs=1)
    assert told not in caplog.text
    fit(tmp_path / "without", [panel()], max_epochs=1, limit_val_batches=0)
    assert caplog.text.count(told) == 1
    assert events(tmp_path / "without").Tags()["images"] == []
