"""Networks whose copies are no networks like them are explained all the same, and callbacks may be copied too."""

import copy
import io
import pickle

import pytest
import torch
from PIL import Image
from projects import Net, Project, Stripes, events, fit
from torch import nn

from lightning_viz import ConfusionMatrixPanel, ExplanationCallback, Films, FilterAscent, SaliencyMaps, Scalar


class Scores(ExplanationCallback):
    """What the network puts out for the first probe, as a figure."""

    def draw(self, scene):
        yield Scalar("score", float(scene.subject(scene.probes.images)[0, 0]))


class ById(Project):
    """Knows its layers by what they are, of which a copy has others."""

    def __init__(self):
        super().__init__()
        self.gain = {id(layer): 1.0 for layer in self.net}

    def forward(self, x):
        for layer in self.net:
            x = layer(x) * self.gain[id(layer)]
        return x


class Halved(nn.Linear):
    """Copied to a layer that does something else."""

    def __deepcopy__(self, memo):
        return nn.Linear(self.in_features, self.out_features)

    def forward(self, x):
        return super().forward(x) / 2


class AnotherClass(Project):
    def __init__(self):
        super().__init__()
        self.net[-1] = Halved(16, 3)


class Scaled(nn.Linear):
    """Copied with another scale."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.scale = 2.0

    def __deepcopy__(self, memo):
        other = Scaled(self.in_features, self.out_features)
        other.load_state_dict(self.state_dict())
        other.scale = 1.0
        return other

    def forward(self, x):
        return self.scale * super().forward(x)


class WithoutScale(Project):
    """Of its copy all is brought up to date."""

    def __init__(self):
        super().__init__()
        self.net[-1] = Scaled(16, 3)


class WithAnother(Project):
    """What it computes depends on which network it is."""

    def __init__(self):
        super().__init__()
        self.first = id(self.net)

    def forward(self, x):
        return self.net(x) * (1 if id(self.net) == self.first else 2)


class LateView(Project):
    """Gets something in its second epoch that nobody can copy."""

    def on_train_epoch_start(self):
        if self.current_epoch == 1:
            self.late = {}.keys()


@pytest.mark.parametrize(
    ("kind", "told"), [(ById, 1), (AnotherClass, 1), (WithoutScale, 0), (WithAnother, 1), (LateView, 1)]
)
def test_where_a_copy_is_not_the_network_the_network_itself_is_explained(kind, told, tmp_path, caplog):
    with caplog.at_level("INFO"):
        run = fit(tmp_path / "with", [Scores(probes=1, on_error="raise")], module=kind)
    assert caplog.text.count("The network is explained in its place") == told
    plain = fit(tmp_path / "without", module=kind)
    state, expected = run.lightning_module.state_dict(), plain.lightning_module.state_dict()
    assert all(torch.equal(state[name], value) for name, value in expected.items())
    probe = run.lightning_module.eval()
    last = events(tmp_path / "with").Scalars("score")[-1].value
    with torch.no_grad():
        scores = probe(Stripes(24, seed=2).images)[:, 0]
    assert (scores - last).abs().min() < 1e-5


class Yields(Project):
    """Draws its noise from a function that yields, which nobody can wind back."""

    def __init__(self):
        super().__init__()
        self.noise = (0.01 * i for i in range(10**6))

    def forward(self, x):
        return self.net(x) + next(self.noise)


def test_a_network_that_can_be_neither_copied_nor_put_back_trains_without_pictures(tmp_path):
    with pytest.warns(UserWarning, match="which can neither be copied nor put back"):
        run = fit(tmp_path / "with", [SaliencyMaps(probes=1)], module=Yields)
    plain = fit(tmp_path / "without", module=Yields)
    assert next(run.lightning_module.noise) == next(plain.lightning_module.noise)
    assert float(run.callback_metrics["val_loss"]) == float(plain.callback_metrics["val_loss"])
    assert not events(tmp_path / "with").Tags()["images"]


def own():
    return [
        SaliencyMaps(probes=1, on_error="raise"),
        FilterAscent(channels=1, steps=1, on_error="raise"),
        ConfusionMatrixPanel(on_error="raise"),
        Films(),
    ]


class Copied(Project):
    """Copies and pickles the callbacks of its Trainer while it trains."""

    def on_train_epoch_end(self):
        callbacks = self.trainer.callbacks
        self.others = [copy.deepcopy(callbacks), pickle.loads(pickle.dumps(callbacks))]
        assert len(copy.deepcopy(self.trainer).callbacks) == len(callbacks)


@pytest.mark.filterwarnings("ignore")
def test_callbacks_can_be_copied_and_pickled_in_the_middle_of_a_run_and_used_again(tmp_path):
    run = fit(tmp_path / "one", own(), module=Copied, max_epochs=1)
    tags = events(tmp_path / "one").Tags()["images"]
    for number, callbacks in enumerate(run.lightning_module.others):
        ours = [
            c for c in callbacks if type(c).__module__.startswith("lightning_viz") and c.__class__.__name__[0] != "_"
        ]
        fit(tmp_path / str(number), ours, module=Project, max_epochs=1)
        assert events(tmp_path / str(number)).Tags()["images"] == tags


class Counts(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return x


class Keeps(nn.Module):
    def forward(self, x):
        self.last = x.detach()
        return x


class Still(Project):
    """Does not learn, whatever its layers remember of a batch."""

    def __init__(self, layer):
        super().__init__()
        self.net = nn.Sequential(layer, *(m for m in Net() if not isinstance(m, nn.BatchNorm2d)))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Louder(nn.Module):
    """A plain number that a forward computes with, and which grows."""

    gain = 1.0

    def forward(self, x):
        return self.gain * x


class Grows(Still):
    def on_train_epoch_end(self):
        self.net[0].gain *= 1.5


def pixels(encoded):
    """The upper rows of a picture, without the line of text beneath, which names the epoch."""
    image = Image.open(io.BytesIO(encoded))
    return image.crop((0, 0, image.width, 100)).tobytes()


def pictures(folder, module):
    callbacks = [
        SaliencyMaps(probes=1, on_error="raise"),
        FilterAscent(channels=1, steps=4, warm_steps=2, on_error="raise"),
    ]
    fit(folder, callbacks, module=module)
    log = events(folder)
    return {tag: [pixels(e.encoded_image_string) for e in log.Images(tag)] for tag in log.Tags()["images"]}


@pytest.mark.parametrize("layer", [Counts, Keeps])
def test_a_network_that_computes_the_same_has_the_same_pictures_whatever_it_remembers(layer, tmp_path):
    found = pictures(tmp_path, lambda: Still(layer()))
    assert found
    assert all(len(set(images)) == 1 for images in found.values())


def test_a_network_that_computes_something_else_has_others_though_no_tensor_of_it_changed(tmp_path):
    found = pictures(tmp_path, lambda: Grows(Louder()))
    ascents = {tag: images for tag, images in found.items() if "filter" in tag}
    assert ascents
    assert all(len(set(images)) > 1 for images in ascents.values())
