"""Every callback reads every kind of output and of batch."""

from dataclasses import dataclass

import pytest
import torch
import zoo
from everything import CALLBACKS, ONE_OF_A_KIND, READING, draw_everything, outputs_of, train
from torch.nn import functional as F

from lightning_viz import ConfusionPanels, Probes, SaliencyMaps
from lightning_viz.harness.network.spatial.shares import probabilities


@dataclass
class Sample:
    name: str
    picture: torch.Tensor
    kind: int


def answer(x):
    return zoo.Answer(None, x @ x.T @ torch.ones(len(x), 7), x)


OUTPUTS = {
    "probabilities": (lambda s: s.softmax(1), lambda s: s.clamp(1e-6).log()),
    "dictionary": (lambda s: {"features": s @ torch.ones(3, 5), "logits": s}, lambda o: o["logits"]),
    "log-probabilities in a mapping with attributes": (
        lambda s: zoo.Outputs(hidden=s @ torch.ones(3, 5), logits=s.log_softmax(1)),
        lambda o: o.logits,
    ),
    "dataclass": (answer, lambda o: o.logits),
}


class Reads(zoo.Learner):
    """Takes the scores out of what its network returns."""

    def __init__(self, net):
        super().__init__(net)
        self.logits = net.read

    def loss(self, output, labels):
        return F.nll_loss(self.logits(output).log_softmax(1), labels)


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output(name, tmp_path):
    wrap, read = OUTPUTS[name]

    def net():
        made = zoo.Then(zoo.convolutions(), wrap)
        made.read = read
        return made

    only = ONE_OF_A_KIND if name in ("dictionary", "probabilities") else READING
    drawn = draw_everything(tmp_path, net, only=only, learner=Reads)
    images = drawn.scene.probes.images
    expected = read(outputs_of(drawn.module, images)).softmax(1)
    assert torch.allclose(drawn.scene.predictions, expected, atol=1e-5)


@pytest.mark.parametrize("width", [3, 5], ids=["as wide", "wider"])
def test_two_outputs_without_names_are_told_and_read_by_a_function(width, tmp_path):
    def net():
        made = zoo.Then(zoo.convolutions(), lambda s: (s.detach() @ torch.ones(3, width), s))
        made.read = read
        return made

    read = lambda o: o[1]
    with pytest.raises(ValueError, match=rf"2 outputs.*\(1, {width}\) and \(1, 3\).*Probes\(scores="):
        train(tmp_path / "without", net, [SaliencyMaps()], learner=Reads)
    common = {"probes": Probes(count=2, scores=read)}
    only = ONE_OF_A_KIND if width == 5 else READING
    drawn = draw_everything(tmp_path, net, only=only, learner=Reads, common=common)
    expected = read(outputs_of(drawn.module, drawn.scene.probes.images)).softmax(1)
    assert torch.allclose(drawn.scene.predictions, expected, atol=1e-5)


def test_what_scores_makes_must_be_scores(tmp_path):
    net = lambda: zoo.Then(zoo.convolutions(), lambda s: (s, s))
    with pytest.raises(ValueError, match=r"scores=.*\(1, classes\).*received \(3,\)"):
        train(tmp_path, net, [SaliencyMaps(probes=Probes(scores=lambda o: o[0][0]))], num_sanity_val_steps=0)


class EachByItself(zoo.Learner):
    def loss(self, output, labels):
        return F.binary_cross_entropy(output, F.one_hot(labels, 3).float())


def test_a_sigmoid_of_each_class_is_told_as_it_is(tmp_path):
    """A softmax of numbers from 0 to 1 could never say more than 58 % of three classes."""
    net = lambda: zoo.Then(zoo.convolutions(), torch.nn.Sigmoid())
    drawn = draw_everything(tmp_path, net, only=ONE_OF_A_KIND, learner=EachByItself)
    predicted = outputs_of(drawn.module, drawn.scene.probes.images)
    assert torch.allclose(drawn.scene.predictions, predicted, atol=1e-5)
    logits = drawn.scene.subject(drawn.scene.probes.images)
    assert torch.allclose(logits.sigmoid(), predicted, atol=1e-5)


class Binary(zoo.Learner):
    def loss(self, output, labels):
        output = output.reshape(-1)
        loss = F.binary_cross_entropy if self.net.sigmoid else F.binary_cross_entropy_with_logits
        return loss(output, labels.to(output))


LOGITS = {
    "(N,)": (False, lambda s: s[:, 0]),
    "(N, 1)": (False, lambda s: s),
    "probability (N,)": (True, lambda s: torch.sigmoid(s)[:, 0]),
    "probability (N, 1), by a module": (True, torch.nn.Sigmoid()),
}


@pytest.mark.parametrize("name", LOGITS)
def test_every_single_output(name, tmp_path):
    sigmoid, wrap = LOGITS[name]

    def net():
        made = zoo.Then(zoo.convolutions(classes=1), wrap)
        made.sigmoid = sigmoid
        return made

    only = {"(N,)": CALLBACKS, "probability (N,)": ONE_OF_A_KIND}.get(name, READING)
    drawn = draw_everything(tmp_path, net, only=only, learner=Binary, classes=2)
    predicted = outputs_of(drawn.module, zoo.Pictures(seed=2, classes=2).images).reshape(-1)
    second = predicted if sigmoid else predicted.sigmoid()
    assert torch.allclose(drawn.scene.predictions[:, 1], second[list(drawn.scene.probes.indices)], atol=1e-5)
    assert drawn.scalars["recall/val/kind_1"] == pytest.approx((second[1::2] > 0.5).float().mean().item())


BATCHES = {
    "dictionary, float labels": (
        lambda x, y: {"pixel_values": x, "labels": float(y)},
        lambda b: (b["pixel_values"], b["labels"].long()),
    ),
    "named tuple": (lambda x, y: zoo.Pair(y, x), lambda b: (b.picture, b.label)),
    "nested": (lambda x, y: ("a", {"data": {"image": x}, "y": y}), lambda b: (b[1]["data"]["image"], b[1]["y"])),
    "channels last": (
        lambda x, y: (x.permute(1, 2, 0), y),
        lambda b: (b[0].permute(0, 3, 1, 2), b[1]),
    ),
}


@pytest.mark.parametrize("name", BATCHES)
def test_every_batch(name, tmp_path):
    item, read = BATCHES[name]

    class Takes(zoo.Learner):
        def read(self, batch):
            return read(batch)

    if name == "channels last":

        class Takes(zoo.Learner):
            def on_after_batch_transfer(self, batch, dataloader_idx):
                return read(batch)

    drawn = draw_everything(tmp_path, zoo.convolutions, only=[*READING, ConfusionPanels], learner=Takes, item=item)
    data = zoo.Pictures(seed=2)
    assert torch.equal(drawn.scene.probes.images, data.images[list(drawn.scene.probes.indices)])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float64, torch.bfloat16], ids=str)
def test_every_type_of_image(dtype, tmp_path):
    """Bytes are scaled by the network itself, other types are those of its parameters."""
    whole = not dtype.is_floating_point
    net = zoo.Bytes if whole else lambda: zoo.convolutions().to(dtype)
    only = CALLBACKS if dtype in (torch.uint8, torch.bfloat16) else READING
    drawn = draw_everything(tmp_path, net, only=only, item=lambda x, y: ((255 * x if whole else x).to(dtype), y))
    data = zoo.Pictures(seed=2)
    chosen = list(drawn.scene.probes.indices)
    given = (255 * data.images).to(dtype) if whole else data.images.to(dtype)
    assert torch.allclose(drawn.scene.probes.pixels, given.float()[chosen] / (255 if whole else 1), atol=1e-6)
    predicted = outputs_of(drawn.module, given[chosen]).float()
    assert torch.allclose(
        probabilities(predicted), drawn.scene.predictions, atol=1e-2 if dtype == torch.bfloat16 else 1e-5
    )
