"""Networks that keep what they remember in unusual places are explained as they are, and stay as they were."""

import array
import collections
import contextvars
import copy
import ctypes
import functools
import io
import itertools
import random
import threading
import weakref

import pytest
import torch
from torch import nn

from lightning_viz.harness.isolation.isolation import Isolation
from lightning_viz.harness.isolation.things.standins import UntouchableError

X = torch.rand(3, 2, generator=torch.Generator().manual_seed(1))


class Net(nn.Module):
    """Scales what a layer puts out by what it remembers."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(2, 2)
        self.remember()

    def remember(self):
        pass

    def forward(self, x):
        return self.layer(x) * (1 + float(self.next()) / 100)


def kind(remember, following, **attributes):
    """A network of a class of its own, since the class itself may be what remembers."""
    return lambda: type("Own", (Net,), {"remember": remember, "next": following, **copy.deepcopy(attributes)})()


class Private:
    __slots__ = ("__calls",)

    def __init__(self):
        self.__calls = 0

    def call(self):
        self.__calls += 1
        return self.__calls


class Cleans:
    """Does harm when one of it is gone, as what removes its file does."""

    gone = 0

    def __init__(self):
        self.calls, self.before = 0, Cleans.gone

    def __del__(self):
        Cleans.gone += 1

    def call(self):
        assert Cleans.gone == self.before
        return 1


class Asked(collections.abc.Mapping):
    """Changes when it is asked for anything."""

    def __init__(self):
        self.calls = 0

    def __len__(self):
        return 1

    def __iter__(self):
        self.calls += 1
        return iter(["a"])

    def __getitem__(self, key):
        self.calls += 1
        return self.calls


def yielding():
    yield from itertools.count()


def count(self):
    type(self).calls += 1
    return self.calls


def seen(self):
    self.seen.append(1)
    return len(self.seen)


def counted(self):
    self.c["a"] += 1
    return self.c["a"]


def incremented(self):
    self.c[0] += 1
    return self.c[0]


def valued(self):
    self.c.value += 1
    return self.c.value


def written(self):
    return self.c.write(b"a") + self.c.tell()


def context(self):
    self.c.set(self.c.get() + 1)
    return self.c.get()


def on_the_parameter(self):
    self.layer.weight.calls += 1
    return self.layer.weight.calls


def shifted(self):
    self.c.loc.add_(1)
    return self.c.loc


@functools.cache
def cached(number):
    return torch.ones(number)


def kept(**values):
    def remember(self):
        for name, make in values.items():
            setattr(self, name, make())

    return remember


def neighbour(self):
    self.c = weakref.WeakValueDictionary(layer=self.layer)


def gains(self):
    self.c = weakref.WeakKeyDictionary({self.layer: 3.0})


def twice(self):
    self.c = itertools.count()
    self.d = [self.c]


def on_weight(self):
    self.layer.weight.calls = 0


KINDS = {
    "weak values": kind(neighbour, lambda self: self.c["layer"].weight.sum()),
    "weak keys": kind(gains, lambda self: self.c[self.layer]),
    "bound built-in": kind(kept(c=lambda: random.Random(0).random), lambda self: self.c()),
    "class attribute": kind(kept(), count, calls=0),
    "list of the class": kind(kept(), seen, seen=[]),
    "cached method": kind(kept(), functools.lru_cache(1)(lambda self: torch.randn(()))),
    "private slot": kind(kept(c=Private), lambda self: self.c.call()),
    "cleans up": kind(kept(c=Cleans), lambda self: self.c.call()),
    "mapping that is asked": kind(kept(c=Asked), lambda self: self.c["a"]),
    "Counter": kind(kept(c=collections.Counter), counted),
    "bytearray": kind(kept(c=lambda: bytearray(1)), incremented),
    "array": kind(kept(c=lambda: array.array("d", [0.0])), incremented),
    "ctypes": kind(kept(c=ctypes.c_int), valued),
    "BytesIO": kind(kept(c=io.BytesIO), written),
    "ContextVar": kind(kept(c=lambda: contextvars.ContextVar("c", default=0)), context),
    "iterator by two names": kind(twice, lambda self: next(self.c) + next(self.d[0])),
    "attribute of a parameter": kind(on_weight, on_the_parameter),
    "distribution": kind(kept(c=lambda: torch.distributions.Normal(torch.zeros(()), 1.0)), shifted),
    "lock": kind(kept(c=threading.Lock), lambda self: self.c.locked()),
    "local of a thread": kind(kept(c=threading.local), lambda self: vars(self.c).setdefault("calls", 1)),
}


@pytest.mark.parametrize("refusal", [None, "the test wants it so"], ids=["as it can be", "guard"])
@pytest.mark.parametrize("name", KINDS)
def test_a_drawing_computes_what_the_network_would_next_and_leaves_it_to_compute_just_that(name, refusal):
    alone, module = KINDS[name]().eval(), KINDS[name]().eval()
    isolation = Isolation(module, refusal=refusal)
    for epoch in range(3):
        torch.manual_seed(epoch)
        with torch.no_grad():
            expected = alone(X)
        with isolation(seed=epoch) as explained, torch.no_grad():
            drawn = explained(X)
            explained(X)
        torch.manual_seed(epoch)
        with torch.no_grad():
            assert torch.equal(module(X), expected)
        assert torch.allclose(drawn, expected, atol=1e-6)


UNTOUCHABLE = {
    "generator": kind(kept(c=yielding), lambda self: next(self.c)),
    "memoryview": kind(kept(c=lambda: memoryview(bytearray(1))), incremented),
    "SGD": kind(
        lambda self: setattr(self, "c", torch.optim.SGD(self.layer.parameters(), lr=0.1)),
        lambda self: self.c.step() or 1,
    ),
}


@pytest.mark.parametrize("refusal", [None, "the test wants it so"], ids=["as it can be", "guard"])
@pytest.mark.parametrize("name", UNTOUCHABLE)
def test_what_can_be_neither_copied_nor_put_back_is_not_used(name, refusal):
    alone, module = UNTOUCHABLE[name]().eval(), UNTOUCHABLE[name]().eval()
    isolation = Isolation(module, refusal=refusal)
    for _ in range(2):
        with isolation() as explained, pytest.raises(UntouchableError, match=f"{name}.*Pass net="):
            explained(X)
        assert torch.equal(module(X), alone(X))


class Float(float):
    pass


def attribute(first, then):
    def change(module):
        module.value = then

    def remember(self):
        self.value = first

    return kind(remember, lambda self: self.value), change


def doubled(module):
    module.hidden[0][0] = nn.Linear(2, 2)


def longer(module):
    module.hidden[0].append(nn.Tanh())


def without_bias(module):
    module.hidden[0][0].bias = None


def alias(module):
    module.active = module.experts[1]


def another_class(module):
    module.act.__class__ = nn.Tanh


def renamed(module):
    module.named["longer"] = module.named.pop("a")


def hidden(self):
    self.hidden = [nn.Sequential(nn.Linear(2, 2))]


def experts(self):
    self.experts = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    self.active = self.experts[0]


CHANGES = {
    "float of its own": attribute(Float(1), Float(30)),
    "array": attribute(array.array("d", [1.0])[0], 30.0),
    "layer of a hidden network": (kind(hidden, lambda self: self.hidden[0](X).sum()), doubled),
    "one layer more": (kind(hidden, lambda self: self.hidden[0](X).sum()), longer),
    "bias lost": (kind(hidden, lambda self: self.hidden[0](X).sum()), without_bias),
    "another expert": (kind(experts, lambda self: self.active(X).sum()), alias),
    "another class": (kind(kept(act=nn.ReLU), lambda self: self.act(torch.tensor(9.0))), another_class),
    "another name": (
        kind(kept(named=lambda: nn.ModuleDict({"a": nn.Linear(2, 2)})), lambda self: len(next(iter(self.named)))),
        renamed,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_between_two_drawings_is_seen_in_the_second(name):
    make, change = CHANGES[name]
    module = make().eval()
    isolation = Isolation(module)
    with isolation() as explained, torch.no_grad():
        first = explained(X)
    change(module)
    with isolation() as explained, torch.no_grad():
        drawn = explained(X)
    with torch.no_grad():
        assert torch.allclose(drawn, module(X), atol=1e-6)
    assert not torch.allclose(drawn, first)
