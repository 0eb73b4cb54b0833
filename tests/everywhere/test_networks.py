"""Every callback draws on every kind of network, and no training notices."""

import pytest
import torch
import zoo
from everything import CALLBACKS, ONE_OF_A_KIND, READING, draw_everything, outputs_of, train
from found import quick
from projects import events
from sklearn.metrics import recall_score
from torch import nn

from lightning_viz import (
    ConfusionMatrixPanel,
    DeepDream,
    FilterActivations,
    FilterAscent,
    FilterWall,
    GradCam,
    LimePanels,
    SaliencyMaps,
)

NETWORKS = {
    "shared in-place relu, depthwise": zoo.SharedReLU,
    "norms, dropout, channels last": lambda: zoo.Norms().to(memory_format=torch.channels_last),
    "tied weights, partly bfloat16 and lazy, module in a module": lambda: zoo.Learner(zoo.Learner(zoo.Tied())),
}


def check(drawn, data):
    """The probes are the data set's own, the probabilities the network's, the recall that of its predictions."""
    probes = drawn.scene.probes
    images = torch.stack([data.images[i] for i in probes.indices])
    assert torch.allclose(probes.pixels, images, atol=1e-6)
    predicted = outputs_of(drawn.module, data.images)
    assert torch.allclose(drawn.scene.predictions, predicted.softmax(1)[list(probes.indices)], atol=1e-5)
    expected = recall_score(data.targets, predicted.argmax(1), average=None, labels=range(len(data.classes)))
    shown = [drawn.scalars[f"recall/val/kind_{k}"] for k in range(len(data.classes))]
    assert shown == pytest.approx(expected.tolist())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_drawn_and_trains_as_without(name, tmp_path):
    only = CALLBACKS if name == "shared in-place relu, depthwise" else ONE_OF_A_KIND
    check(draw_everything(tmp_path, NETWORKS[name], only=only), zoo.Pictures(seed=2))


SHAPES = [(1, 40, 12), (2, 16, 16), (13, 12, 40)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_in_every_shape_saliency_is_where_the_network_looks(shape, tmp_path):
    """By a network that sees one corner only."""
    channels, height, width = shape

    class Corner(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = zoo.convolutions(channels)

        def forward(self, x):
            return self.net(x[..., : height // 4, : width // 4])

    only = CALLBACKS if channels == 13 else ONE_OF_A_KIND
    options = {"SaliencyMaps": {"scale": "own"}}
    drawn = draw_everything(tmp_path, Corner, only=only, shape=shape, options=options)
    check(drawn, zoo.Pictures(seed=2, shape=shape))
    for picture in drawn.pictures["SaliencyMaps"].values():
        wide = 350 if width > height else 173
        tall = min(round(wide * height / width), 350)
        left = (wide - round(tall * width / height)) // 2
        seen = picture[: tall - 2, left : wide - left - 2].max(2)
        inside = seen[: len(seen) // 5, : seen.shape[1] // 5]
        outside = seen[len(seen) // 3 :, seen.shape[1] // 3 :]
        assert inside.max() > 100
        assert outside.max() < 20


class Compiled(nn.Module):
    """Its middle is scripted or traced."""

    def __init__(self, compile):
        super().__init__()
        self.first, self.last, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8, 3)
        self.middle = compile(nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2)))

    def forward(self, x):
        return self.head(self.last(self.middle(self.first(x))).relu().mean((2, 3)))


def traced(module):
    return torch.jit.trace(module, torch.rand(2, 8, 14, 14), check_trace=False)


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated")
@pytest.mark.filterwarnings("ignore:Converting a tensor to a Python boolean")
@pytest.mark.parametrize("compile", [torch.jit.script, traced], ids=["script", "trace"])
def test_scripted_and_traced_parts(compile, tmp_path):
    only = CALLBACKS if compile is torch.jit.script else ONE_OF_A_KIND
    drawn = draw_everything(tmp_path, lambda: Compiled(compile), only=only)
    assert "filters/net_last/0" in drawn.pictures["FilterAscent"]


@pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated")
def test_a_wholly_scripted_network(tmp_path):
    scripted = lambda: torch.jit.script(zoo.convolutions())
    only = [SaliencyMaps, LimePanels, ConfusionMatrixPanel]
    draw_everything(tmp_path / "looks", scripted, only=only, common={"net": "net"})
    with pytest.raises(ValueError, match=r"Conv2d is scripted or traced.*choose"):
        train(tmp_path / "layer", scripted, [FilterAscent(layer="net.3")])


class Silent(zoo.Learner):
    """Its forward is for predictions only."""

    @torch.no_grad()
    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        return self.loss(self.net(batch[0]), batch[1])


class Cut(zoo.Learner):
    """Its forward lets no gradient through."""

    def forward(self, x):
        return self.net(x.detach())


def test_a_forward_without_gradients_is_refused_where_one_is_needed(tmp_path):
    for callback in (SaliencyMaps, FilterAscent, DeepDream):
        with pytest.raises(ValueError, match=r"gradients.*Cut.*detaches.*net="):
            train(tmp_path / "raise", zoo.convolutions, [callback(on_error="raise")], learner=Cut)
    with pytest.warns(UserWarning, match=r"SaliencyMaps .*left out.*gradients.*Cut.*detaches.*net="):
        train(tmp_path, zoo.convolutions, [SaliencyMaps(), FilterAscent(), DeepDream(), quick(LimePanels)], learner=Cut)
    tags = {tag.rpartition("/")[2] for tag in events(tmp_path).Tags()["images"]}
    assert tags == {"input", "lime", "curves"}


def perceptron():
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))


def test_a_perceptron_has_all_but_grad_cam(tmp_path):
    only = [FilterActivations, *(cls for cls in ONE_OF_A_KIND if cls is not GradCam)]
    drawn = draw_everything(tmp_path / "all", perceptron, only=only)
    assert "filters/net_3/0" in drawn.pictures["FilterAscent"]
    assert "probe_00_kind_0/activations_net_3" in drawn.pictures["FilterActivations"]
    with pytest.warns(UserWarning, match="left out") as told:
        train(tmp_path, perceptron, [GradCam(), GradCam(method="gradcam++"), quick(SaliencyMaps)])
    assert len([one for one in told if "left out" in str(one.message)]) == 1
    with pytest.raises(ValueError, match="no layer to take"):
        train(tmp_path / "raise", perceptron, [GradCam(on_error="raise")])


def test_a_size_that_is_refused_leaves_no_trace(tmp_path):
    """A network adapts to smaller images, and would stay so."""

    class Windows(nn.Module):
        size = 16

        def forward(self, x):
            self.size = min(self.size, *x.shape[-2:])
            if self.size != 16:
                raise RuntimeError("the windows have another size")
            return x

    net = lambda: nn.Sequential(Windows(), *zoo.convolutions())
    options = {"DeepDream": {"octaves": 3}, "FilterWall": {"size": 8}}
    drawn = draw_everything(tmp_path, net, only=[DeepDream, FilterWall], options=options)
    assert drawn.pictures["DeepDream"]


@pytest.mark.parametrize("below", [{}, {"net": "net"}], ids=["itself", "net="])
def test_a_forward_without_gradients_and_what_is_below_are_drawn(below, tmp_path):
    drawn = draw_everything(tmp_path, zoo.convolutions, learner=Silent, only=ONE_OF_A_KIND, common=below)
    check(drawn, zoo.Pictures(seed=2))


def test_a_network_that_was_not_run_yet_is_drawn_once_it_has_shapes(tmp_path, caplog):
    with caplog.at_level("INFO"):
        drawn = draw_everything(tmp_path, zoo.lazy, only=ONE_OF_A_KIND, num_sanity_val_steps=0)
    check(drawn, zoo.Pictures(seed=2))
    assert caplog.text.count("has lazy parameters") == 1
    assert not any("untrained" in tag for tags in drawn.pictures.values() for tag in tags)


def mixed(items):
    """Images and labels of a training batch, mixed in pairs."""
    images, labels = torch.stack([x for x, _ in items]), nn.functional.one_hot(torch.tensor([y for _, y in items]), 3)
    return (images + images.flip(0)) / 2, (labels + labels.flip(0)) / 2


def test_labels_that_are_mixed_in_training_only(tmp_path):
    check(draw_everything(tmp_path, zoo.convolutions, only=READING, training=mixed), zoo.Pictures(seed=2))


def test_many_classes_make_no_flood(tmp_path):
    classes = 1000
    net = lambda: zoo.convolutions(classes=classes)
    drawn = draw_everything(tmp_path, net, classes=classes, count=300, batch_size=150)
    assert len(drawn.scalars) <= 20
    assert sum(map(len, drawn.pictures.values())) <= 2 * len(CALLBACKS)
    assert "confusion/val" in drawn.pictures["ConfusionMatrixPanel"]
