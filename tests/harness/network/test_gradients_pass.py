"""Gradients pass through forwards that were not written to be asked for them, and leave nothing behind."""

import pytest
import torch
from found import quick
from projects import Project, events, fit
from torch import nn

from lightning_viz import DeepDream, FilterAscent, SaliencyMaps
from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.harness.isolation.isolation import Isolation
from lightning_viz.harness.network.gradients import with_gradient
from lightning_viz.harness.network.subject import find_subject


class FrozenBackbone(Project):
    """Fine-tunes a head, as Lightning's own guide to transfer learning does."""

    def forward(self, x):
        with torch.no_grad():
            for layer in list(self.net)[:-1]:
                x = layer(x)
        return self.net[-1](x)


class Serving(Project):
    """Has a forward for inference only."""

    @torch.no_grad()
    def forward(self, x):
        return self.net(x).softmax(1)

    def training_step(self, batch, batch_idx):
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])


@pytest.mark.parametrize("module", [FrozenBackbone, Serving])
def test_a_forward_without_gradients_is_explained_all_the_same(module, tmp_path):
    run = fit(tmp_path, map(quick, [SaliencyMaps, FilterAscent, DeepDream]), module=module, max_epochs=1)
    assert {"probe_00_bread/saliency", "filters/net_4/0"} <= set(events(tmp_path).Tags()["images"])
    images, labels = torch.rand(3, 3, 16, 16), torch.arange(3)
    with Isolation(run.lightning_module)() as explained:
        found = input_gradient(find_subject(run, explained, None), images, labels)
        plain = explained.net
        expected = input_gradient(plain if module is FrozenBackbone else lambda x: plain(x).softmax(1), images, labels)
    assert torch.allclose(found, expected, atol=1e-6)


def test_whoever_turns_gradients_off_around_a_call_has_them_off():
    net, images = nn.Linear(2, 2).requires_grad_(False), torch.ones(1, 2, requires_grad=True)
    silent = torch.no_grad()(net)
    assert with_gradient(silent, images).requires_grad
    assert not with_gradient(silent, images.detach()).requires_grad
    with torch.no_grad():
        assert not with_gradient(silent, images).requires_grad
    assert not silent(images).requires_grad


def test_what_may_not_be_differentiated_stays_so():
    def norm(x):
        with torch.no_grad():
            size = torch.nn.functional.normalize(x, dim=1, out=torch.empty_like(x))  # refuses gradients
        return x * size

    images = torch.ones(1, 2, requires_grad=True)
    assert with_gradient(norm, images).requires_grad


class RunningMean(Project):
    """Follows the mean of what it sees, in every mode: in a buffer, in a tensor beside, and in one made anew."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))
        self.beside, self.anew = torch.zeros(3), torch.zeros(3)

    def forward(self, x):
        now = x.mean((0, 2, 3))
        with torch.no_grad():
            self.mean.mul_(0.9).add_(now, alpha=0.1)
        self.beside.mul_(0.9).add_(now, alpha=0.1)
        self.anew = 0.9 * self.anew + 0.1 * now
        return self.net(x - (self.mean + self.beside + self.anew)[:, None, None])


def test_statistics_of_the_input_do_not_drag_the_graph_along(tmp_path):
    results = []
    for callbacks in ([], [quick(SaliencyMaps, every_n_steps=2)]):
        module = fit(tmp_path / str(len(results)), callbacks, module=RunningMean, max_epochs=1).lightning_module
        kept = [*module.state_dict().values(), module.beside, module.anew]
        assert not any(t.requires_grad for t in kept)
        results.append([t.tolist() for t in kept])
    assert results[0] == results[1]
