"""Nothing that happens in an isolation reaches the training around it, on a copy of the network or on itself."""

import copy
import functools
import itertools
import random
import weakref
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from projects import Net, Project
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm
from torchmetrics import MeanMetric

from lightning_viz.harness.isolation.isolation import Isolation

IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["copy", "guard"])
def isolated(request):
    """Isolates a module in one of the two ways."""

    def make(module):
        isolation = Isolation(module, refusal="the test wants it so" if request.param == "guard" else None)
        with isolation() as explained:
            assert (explained is module) == (request.param == "guard")
        return isolation

    return make


def snapshot(module):
    _, numbers, *place = np.random.get_state()  # which goes through its numbers before it draws new ones
    return {
        "python": random.getstate(),
        "numpy": (numbers.tolist(), place),
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
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(1.5)
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
def test_everything_is_as_before(isolated, module, raises):
    before = snapshot(module)
    parameters, grads = list(module.parameters()), [p.grad for p in module.parameters()]
    try:
        with isolated(module)() as explained:
            misbehave(explained, IMAGES)
            if raises:
                raise RuntimeError
    except RuntimeError:
        pass
    assert snapshot(module) == before
    assert all(p is q and p.grad is g for p, q, g in zip(module.parameters(), parameters, grads, strict=True))


def test_without_isolation_the_same_disturbs(module):
    before = snapshot(module)
    module.log = lambda *args: None
    try:
        misbehave(module, IMAGES)
        after = snapshot(module)
    finally:
        torch.set_default_dtype(torch.float32)
    for what in ("python", "numpy", "torch", "modes", "requires_grad", "grads", "state", "dtype"):
        assert after[what] != before[what], what


def test_what_is_explained_computes_what_the_network_does_every_time(isolated, module):
    isolation = isolated(module)
    for scale in (1.0, 1.5):
        with torch.no_grad():
            module.net[4].weight.mul_(scale)
        expected = Net()
        expected.load_state_dict(module.net.state_dict())
        with isolation() as explained:
            assert torch.allclose(explained(IMAGES), expected.eval()(IMAGES), atol=1e-6)
            assert not any(m.training for m in explained.modules())
            assert not any(p.requires_grad for p in explained.parameters())
            misbehave(explained, IMAGES)


def test_inside_random_draws_start_from_the_seed(isolated):
    draws = []
    isolation = isolated(nn.Linear(1, 1))
    for _ in range(2):
        torch.rand(3)
        with isolation(seed=5):
            draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1]


def test_input_gradients_work_where_the_trainer_turned_them_off(isolated):
    net = Net().eval()
    x = IMAGES.clone().requires_grad_()
    expected = torch.autograd.grad(net(x)[:, 0].sum(), x)[0]
    with torch.inference_mode():
        kept = IMAGES.clone()
        with isolated(net)() as explained:
            y = kept.clone().requires_grad_()
            found = torch.autograd.grad(explained(y)[:, 0].sum(), y)[0]
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("how", ["around", "in place", "a function"])
def test_compiled_networks_run_eagerly_inside_and_hooks_fire(isolated, how):
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = Net().eval()
            if how == "around":
                self.net = torch.compile(self.net, backend="eager")
            elif how == "in place":
                self.net.compile(backend="eager")
            else:
                self.call = torch.compile(self.net.forward, backend="eager")

        def forward(self, x):
            return self.call(x) if how == "a function" else self.net(x)

    whole, seen = Whole(), []
    whole(IMAGES)
    with isolated(whole)() as explained, torch.no_grad():
        (layer,) = [m for m in explained.modules() if isinstance(m, nn.Conv2d) and m.in_channels == 8]
        handle = layer.register_forward_hook(lambda *_: seen.append(1))
        assert torch.allclose(explained(IMAGES), whole(IMAGES), atol=1e-6)
        handle.remove()
    assert seen == [1] * (1 if explained is not whole else 2)


def test_nothing_in_the_module_logs_inside(isolated):
    class Chatty(Project):
        def forward(self, x):
            self.log("inside", 1.0)
            return super().forward(x)

    module = Chatty()
    with isolated(module)() as explained:
        explained(IMAGES)  # outside a Trainer, the real self.log raises
    assert isinstance(explained, pl.LightningModule)
    assert "log" not in vars(module)


@dataclass
class Memory:
    calls: int = 0
    sizes: list = field(default_factory=list)


class Slots:
    __slots__ = ("calls",)

    def __init__(self):
        self.calls = 0


class Plain:
    pass


class Own(list):
    """A list that counts."""

    added = 0


class Remembers(nn.Module):
    """Keeps things of every kind, all of which change with every call."""

    def __init__(self):
        super().__init__()
        self.calls, self.recent, self.shapes, self.seen = {"all": 0}, deque([1, 2], maxlen=2), set(), []
        self.last, self.bank, self.pair = (0,), [torch.zeros(2)], (torch.zeros(2), Plain())
        self.memory, self.slots, self.plain, self.own = Memory(), Slots(), Plain(), Own()
        self.plain.deep = {"er": [Plain()]}
        self.array, self.objects = np.zeros(3), np.array([[1], None], dtype=object)
        self.numbers, self.cycle = iter([1, 2, 3, 4, 5]), itertools.cycle("ab")
        self.generators = [torch.Generator(), np.random.default_rng(0), random.Random(0), np.random.RandomState(0)]
        self.moved, self.metric = torch.zeros(2), MeanMetric()
        self.hidden = [nn.Linear(2, 2), {"deeper": (nn.BatchNorm1d(2),)}]
        self.teacher = nn.Linear(2, 2).requires_grad_(False)
        self.limited = nn.Linear(2, 2)
        self.layer = nn.Linear(2, 2)
        self.counted, count = [], 0

        def counting(module, args, output):
            nonlocal count
            count += 1
            self.counted.append(count)

        self.layer.register_forward_hook(counting)
        self.layer.register_forward_hook(self.hook)
        self.layer.register_forward_hook(functools.partial(self.other, self.seen))
        self.register_buffer("scale", None)
        self.register_buffer("mean", torch.zeros(2))

    def hook(self, module, args, output):
        self.calls["hook"] = self.calls.get("hook", 0) + 1

    @staticmethod
    def other(seen, module, args, output):
        seen.append(len(seen))

    def forward(self, x):
        self.calls["all"] += 1
        self.recent.append(self.calls["all"])
        self.shapes.add((*x.shape, len(self.shapes)))
        self.last += (self.calls["all"],)
        self.bank[0] += 1
        self.bank.append(x.detach())
        self.pair[0].add_(1)
        self.pair[1].calls = len(self.bank)
        self.memory.calls += 1
        self.memory.sizes.append(len(x))
        self.slots.calls += 1
        self.plain.late = self.plain.deep["er"][0].late = self.calls["all"]
        self.own.append(1)
        self.own.added += 1
        self.array += 1
        self.objects[0].append(1)
        drawn = sum(float(g.random()) for g in self.generators[1:3]) + self.generators[3].rand()
        self.moved += 1
        self.metric.update(x.detach())
        self.scale = x.detach().mean()
        self.cache = x.detach()
        self.register_buffer("late", x.detach())
        with torch.no_grad():
            self.mean.lerp_(x.mean(0), 0.1)
            for slow, fast in zip(self.teacher.parameters(), self.layer.parameters(), strict=True):
                slow.lerp_(fast, 0.1)
            self.hidden[0].weight.mul_(0.9)
        self.limited.weight.data = self.limited.weight.data.clamp(-0.1, 0.1)
        number = next(self.numbers) + ord(next(self.cycle)) + torch.rand((), generator=self.generators[0])
        deep = self.hidden[1]["deeper"][0]
        deep.training = True
        return deep(self.hidden[0](self.layer(x) + self.teacher(x) + self.limited(x))) * (drawn + number)

    def told(self):
        """All of it, as text."""
        generators = self.generators[0].get_state().sum(), self.generators[1].bit_generator.state
        modules = [self, self.hidden[0], self.hidden[1]["deeper"][0]]
        return repr([
            self.calls, self.recent, self.shapes, self.seen, self.last, self.bank, self.pair[0], vars(self.pair[1]),
            self.memory, self.slots.calls, vars(self.plain)["deep"]["er"][0].__dict__, list(vars(self.plain)), self.own,
            vars(self.own), self.array, self.objects, self.numbers.__reduce__(),
            [*itertools.islice(copy.deepcopy(self.cycle), 3)],
            generators, self.generators[2].getstate(), self.generators[3].get_state(), self.moved,
            self.metric.mean_value, self.metric._update_count, self.counted, self.scale, sorted(vars(self)),
            sorted(self._buffers), [(k, v.tolist()) for m in modules for k, v in m.state_dict().items()],
        ])  # fmt: skip


X = torch.rand(3, 2, generator=torch.Generator().manual_seed(1))


def test_whatever_a_forward_changes_stays_as_it_was(isolated):
    torch.manual_seed(0)
    module = Remembers().eval()
    module(X)
    before, isolation = module.told(), isolated(module)
    outputs = []
    for _ in range(3):
        with isolation() as explained:
            outputs.append([explained(X).detach() for _ in range(2)])
        assert module.told() == before
    for drawn in outputs[1:]:  # and every drawing finds the network in the same state
        assert all(map(torch.equal, drawn, outputs[0]))
    torch.manual_seed(0)
    alone = Remembers().eval()
    alone(X)
    for drawn in outputs[0]:
        assert torch.allclose(drawn, alone(X), atol=1e-6)


def test_what_the_training_changes_is_seen(isolated):
    torch.manual_seed(0)
    module = Remembers().eval()
    isolation = isolated(module)
    with isolation() as explained:
        explained(X)
    for _ in range(2):
        module(X)
        module.plain.deep["er"].append(Plain())
    torch.manual_seed(0)
    other = Remembers().eval()
    other(X), other(X)
    with isolation() as explained:
        assert torch.allclose(explained(X), other(X), atol=1e-6)
        assert len(explained.plain.deep["er"]) == 3


def test_a_buffer_that_was_resized_is_as_before(isolated):
    module = nn.BatchNorm2d(2)
    module.register_buffer("range", torch.empty(0))  # as observers of quantisation have them
    before = module.range
    isolation = isolated(module)
    for _ in range(2):
        with isolation() as explained:
            assert explained.range.shape == (0,)
            explained.range.resize_(2).fill_(1)
    assert module.range is before
    assert module.range.shape == (0,)


def normed(make):
    net = Net()
    make(net[0])
    make(net[4])
    return net


class Tied(nn.Module):
    """Uses a weight twice, and a neighbour by a weak reference."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)
        self.two.weight = self.one.weight
        self.flat = [self.one.weight, self.two.bias]
        self.neighbour = weakref.ref(self.two)

    def forward(self, x):
        return self.neighbour()(self.one(x)) + self.flat[0].sum()


ODD = {
    "old weight norm": lambda: normed(weight_norm),
    "old spectral norm": lambda: normed(spectral_norm),
    "weight norm": lambda: normed(parametrizations.weight_norm),
    "spectral norm": lambda: normed(parametrizations.spectral_norm),
    "script": lambda: torch.jit.script(Net()),
    "trace": lambda: nn.Sequential(torch.jit.trace(Net().eval(), IMAGES)),
    "fx": lambda: torch.fx.symbolic_trace(Net()),
    "tied": Tied,
}


@pytest.mark.filterwarnings("ignore:.*deprecated", "ignore:Converting a tensor")
@pytest.mark.parametrize("name", ODD)
def test_odd_networks_are_explained_as_they_are_and_left_alone(name, isolated):
    torch.manual_seed(0)
    module = ODD[name]().eval()
    x = X if name == "tied" else IMAGES
    module(x)
    isolation = isolated(module)
    for _ in range(2):
        before = {k: v.clone() for k, v in module.state_dict().items()}
        with isolation() as explained:
            leaf = x.clone().requires_grad_()
            output = explained(leaf)
            assert torch.autograd.grad(output.sum(), leaf)[0].any()
        assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
        with torch.no_grad():
            assert torch.allclose(output, module(x), atol=1e-5)
            for p in module.parameters():
                p.mul_(0.9)
            module.eval()(x)


def test_a_network_that_has_grown_is_explained_as_it_is_now(isolated):
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).eval()
    module.more = [nn.Linear(2, 2)]
    isolation = isolated(module)
    for grow in (
        lambda: None,
        lambda: module.append(nn.Linear(2, 3)),
        lambda: module.__setitem__(0, nn.Linear(2, 2)),
        lambda: module.more.append(nn.Linear(2, 2)),
        lambda: setattr(module[1], "weight", nn.Parameter(torch.ones(2, 2))),
        lambda: module.double(),
        lambda: module.register_buffer("late", torch.ones(1)),
        lambda: setattr(module[1], "forward", torch.exp),
    ):
        grow()
        x = X.to(module[0].weight.dtype)
        with isolation() as explained, torch.no_grad():
            assert torch.allclose(explained(x), module(x)), grow
            assert len(explained.more) == len(module.more)
            assert [*explained.state_dict()] == [*module.state_dict()]


def test_buffers_of_another_process_may_stand_for_its_own(isolated):
    module = Net()
    own = [b.clone() for b in module.buffers()]
    others = [b + 1 for b in own]
    with isolated(module)(buffers=others) as explained:
        assert all(map(torch.equal, explained.buffers(), others))
    assert all(map(torch.equal, module.buffers(), own))
