"""Nothing that happens inside the isolation reaches the training around it."""

import random
from collections import deque

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from projects import Net, Project
from torch import nn
from torchmetrics import MeanMetric

from lightning_viz.harness.quiet import quiet


def snapshot(module):
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),
        "torch": torch.get_rng_state().tolist(),
        "modes": [m.training for m in module.modules()],
        "requires_grad": [p.requires_grad for p in module.parameters()],
        "grads": [None if p.grad is None else p.grad.tolist() for p in module.parameters()],
        "state": {k: v.tolist() for k, v in module.state_dict().items()},
        "dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "grad": torch.is_grad_enabled(),
        "instance": sorted(vars(module)),
    }


def misbehave(module, x):
    random.random()
    np.random.rand()
    torch.rand(1)
    module.train()
    for p in module.parameters():
        p.requires_grad_(True)
    module(x).sum().backward()
    module.zero_grad()
    torch.set_default_dtype(torch.float64)
    module.log("loss", 1.0)


@pytest.fixture
def module():
    module = Project()
    module.net[1].eval()  # a frozen batch normalisation
    module.net[0].weight.requires_grad_(False)
    module.net[4].weight.grad = torch.ones_like(module.net[4].weight)
    return module


@pytest.mark.parametrize("raises", [False, True])
def test_everything_is_as_before(module, raises):
    x = torch.rand(4, 3, 16, 16)
    before = snapshot(module)
    grads = [p.grad for p in module.parameters()]
    try:
        with quiet(module):
            misbehave(module, x)
            if raises:
                raise RuntimeError
    except RuntimeError:
        pass
    assert snapshot(module) == before
    assert all(p.grad is g for p, g in zip(module.parameters(), grads, strict=True))


def test_without_isolation_the_same_disturbs(module):
    before = snapshot(module)
    module.log = lambda *args: None
    try:
        misbehave(module, torch.rand(4, 3, 16, 16))
        after = snapshot(module)
    finally:
        torch.set_default_dtype(torch.float32)
    for what in ("python", "numpy", "torch", "modes", "requires_grad", "grads", "state", "dtype"):
        assert after[what] != before[what], what


def test_inside_random_draws_start_from_the_seed():
    draws = []
    for _ in range(2):
        torch.rand(3)
        with quiet(nn.Linear(1, 1), seed=5):
            draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1]


def test_input_gradients_work_where_the_trainer_turned_them_off():
    net, x = Net().eval(), torch.rand(2, 3, 16, 16, requires_grad=True)
    expected = torch.autograd.grad(net(x)[:, 0].sum(), x)[0]
    with torch.inference_mode():
        kept = x.detach()
        with quiet(net):
            y = kept.clone().requires_grad_()
            found = torch.autograd.grad(net(y)[:, 0].sum(), y)[0]
    assert torch.equal(found, expected)


def test_compiled_networks_run_eagerly_inside_and_hooks_fire():
    net = Net().eval()
    compiled = torch.compile(net, backend="eager")
    x = torch.rand(2, 3, 16, 16)
    compiled(x)
    seen = []
    with quiet(net), torch.no_grad():
        handle = net[4].register_forward_hook(lambda *_: seen.append(1))
        compiled(torch.rand(5, 3, 16, 16))
        handle.remove()
    assert seen == [1]


def test_what_modules_remember_beside_buffers_is_kept():
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls, self.seen, self.moved = 0, [], torch.zeros(2)
            self.metric = MeanMetric()
            self.own = torch.Generator().manual_seed(0)

        def forward(self, x):
            self.calls += 1
            self.seen.append(self.calls)
            self.moved += 1
            self.metric.update(x)
            return x + torch.rand((), generator=self.own)

    module = Remembers()
    module(torch.ones(3))
    state = module.own.get_state()
    with quiet(module):
        module(torch.zeros(3))
    assert (module.calls, module.seen, module.moved.tolist()) == (1, [1], [1, 1])
    assert module.metric.compute() == 1
    assert torch.equal(module.own.get_state(), state)


def test_nothing_in_the_module_logs_inside():
    class Chatty(Project):
        def forward(self, x):
            self.log("inside", 1.0)
            return super().forward(x)

    module = Chatty()
    with quiet(module):
        module(torch.rand(1, 3, 16, 16))  # outside a Trainer, the real self.log raises
    assert isinstance(module, pl.LightningModule)
    assert "log" not in vars(module)


def test_what_containers_hold_and_what_a_first_call_makes_is_kept():
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls, self.recent, self.shapes = {"all": 0}, deque([1, 2], maxlen=2), set()
            self.last, self.bank = (0,), [torch.zeros(2)]
            self.register_buffer("scale", None)

        def forward(self, x):
            self.calls["all"] += 1
            self.recent.append(3)
            self.shapes.add(tuple(x.shape))
            self.last = tuple(x.shape)
            self.bank[0] += 1
            self.scale = x.mean()
            self.cache = x
            self.register_buffer("late", x)
            return x

    module = Remembers()
    remembered = [module.calls, module.recent, module.shapes, module.bank[0]]
    with quiet(module):
        module(torch.ones(3))
    assert remembered[:3] == [{"all": 0}, deque([1, 2]), set()]
    assert remembered[3].tolist() == [0, 0]
    assert module.last == (0,)
    assert module.scale is None
    assert not hasattr(module, "cache")
    assert not module.state_dict()
    module(torch.ones(3))  # may register its buffer now


def test_a_buffer_that_was_resized_is_as_before():
    module = nn.BatchNorm2d(2)
    module.register_buffer("range", torch.empty(0))  # as observers of quantisation have them
    before = module.range
    with quiet(module):
        module.range.resize_(2).fill_(1)
    assert module.range is before
    assert module.range.shape == (0,)
