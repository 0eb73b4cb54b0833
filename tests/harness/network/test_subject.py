"""The network is found, runs under the Trainer's precision, and its output is read."""

import math

import pytest
import torch
from found import quick
from projects import Project, events, fit
from torch import nn

from lightning_viz import ConfusionMatrixPanel, DeepDream, FilterAscent, LimePanels, SaliencyMaps
from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.harness.network.spatial.shares import log_odds, probabilities
from lightning_viz.harness.network.subject import Subject


class Plain:
    """A precision that changes nothing."""

    def forward_context(self):
        return torch.enable_grad()

    def convert_input(self, x):
        return x


class Returns(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.linear = nn.Linear(12, 3)
        self.wrap = wrap

    def forward(self, x):
        return self.wrap(self.linear(x.flatten(1)))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: (torch.zeros(()), s),
        lambda s: {"features": torch.zeros(2, 4, 2, 2), "logits": s},
        lambda s: [{"out": (s, s * 0)}],
    ],
)
def test_scores_are_found_in_any_output(wrap):
    net = Returns(wrap)
    x = torch.rand(2, 3, 2, 2)
    assert torch.equal(Subject(net, "", Plain())(x), net.linear(x.flatten(1)))


def test_a_single_logit_is_two_classes():
    net = Returns(lambda s: s[:, :1])
    x = torch.rand(2, 3, 2, 2)
    scores = Subject(net, "", Plain())(x)
    assert scores.shape == (2, 2)
    logit = scores[:, 1] - scores[:, 0]
    assert torch.allclose(probabilities(scores)[:, 1], logit.sigmoid())
    assert torch.equal(logit, net.linear.forward(x.flatten(1))[:, 0])


def test_either_class_of_a_single_logit_has_a_map():
    net = Returns(lambda s: s[:, :1])
    x = torch.rand(1, 3, 2, 2)
    no, yes = (input_gradient(Subject(net, "", Plain()), x, torch.tensor([k])) for k in (0, 1))
    assert torch.allclose(no, -yes)
    assert no.abs().sum() > 0


def test_probabilities_of_logits_log_probabilities_and_probabilities():
    logits = torch.randn(5, 4)
    for given in (logits, logits.log_softmax(1), logits.softmax(1)):
        assert torch.allclose(probabilities(given), logits.softmax(1), atol=1e-6)


def test_log_odds_are_those_of_the_probabilities_and_do_not_saturate():
    logits = 3 * torch.randn(6, 5, dtype=torch.float64)
    p = logits.softmax(1)
    for given in (logits, logits + 7, logits.log_softmax(1), p):
        assert torch.allclose(log_odds(given), (p / (1 - p)).log())
    assert log_odds(torch.tensor([[90.0, 0.0, 0.0]]))[0, 0].item() == pytest.approx(90 - math.log(2))


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_every_precision_draws_everything(precision, tmp_path):
    callbacks = [SaliencyMaps, FilterAscent, LimePanels, DeepDream, ConfusionMatrixPanel]
    fit(tmp_path, [quick(c) for c in callbacks], precision=precision, max_epochs=1)
    assert torch.get_default_dtype() == torch.float32
    assert {"probe_00_bread/lime", "confusion/val"} <= set(events(tmp_path).Tags()["images"])


def test_mixed_precision_is_what_is_explained(tmp_path):
    class Asks(SaliencyMaps):
        def draw(self, scene):
            probes = scene.probes
            found = input_gradient(scene.subject, probes.images, probes.labels)
            # Laid out as explanations have it: with the channels first, some processors sum up in another order.
            x = probes.images.clone(memory_format=torch.channels_last).requires_grad_()
            with torch.autocast("cpu", torch.bfloat16):
                scores = scene.subject.net(x)
            expected = torch.autograd.grad(scores.float().gather(1, probes.labels[:, None]).sum(), x)[0]
            assert torch.equal(found, expected)
            yield from super().draw(scene)

    fit(tmp_path, [quick(Asks)], precision="bf16-mixed", max_epochs=1)


def test_a_network_that_changes_its_input_in_place_leaves_the_probes_alone(tmp_path):
    class InPlace(Project):
        def forward(self, x):
            return self.net(x.mul_(0.5))

        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0].clone()), batch[1])

    seen = []

    class Looking(SaliencyMaps):
        def draw(self, scene):
            seen.append(scene.probes.images.clone())
            yield from super().draw(scene)

    fit(tmp_path, [quick(Looking)], module=InPlace, max_epochs=1)
    assert torch.equal(seen[0], seen[1])


def test_forward_that_is_not_overridden_takes_the_only_child(tmp_path):
    class Bare(Project):
        forward = torch.nn.Module.forward

        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            self.net(batch[0])

    fit(tmp_path, [quick(SaliencyMaps), quick(ConfusionMatrixPanel)], module=Bare, max_epochs=1)
    assert "probe_00_bread/saliency" in events(tmp_path).Tags()["images"]
