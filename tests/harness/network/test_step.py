"""One call of a network by its step is understood by the parts of its batch, and made again with another batch."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from lightning_viz.harness.network.extras import IMAGES, Extras, Rows
from lightning_viz.harness.network.step import StepCalls


class Takes(nn.Module):
    def forward(self, *args, **kwargs):
        return None


@dataclass
class Sample:
    image: torch.Tensor
    table: torch.Tensor


def batch(seed, count=4):
    generator = torch.Generator().manual_seed(seed)
    x, table = torch.rand(count, 3, 4, 4, generator=generator), torch.rand(count, 2, generator=generator)
    return {
        "x": x,
        "more": [table.double(), {"names": [f"{seed} {i}" for i in range(count)]}],
        "y": torch.arange(count),
    }


def understood(step, seen, images=lambda b: b["x"], labels=lambda b: b["y"]):
    """What is learnt of a step that has this batch."""
    net, calls = Takes(), StepCalls()
    calls.watch(net, "", net)
    step(net, seen)
    calls.learn(net, "", lambda: (images(seen), Extras.of(seen, images(seen), labels(seen))), seen)
    assert "_compiled_call_impl" not in vars(net)
    assert calls.knows(net, "")
    return calls.of(net, "")


def again(call, other):
    return call.of(Extras.of(other, other["x"], other["y"]))


STEPS = {
    "by name": (lambda net, b: net(pixels=b["x"]), lambda b: ((), {"pixels": IMAGES})),
    "in another type": (
        lambda net, b: net(b["x"].double(), b["more"][0].float(), 3, scale=0.5),
        lambda b: ((IMAGES, b["more"][0].float(), 3), {"scale": 0.5}),
    ),
    "in another nesting": (
        lambda net, b: net({"a": [b["x"], b["more"][1]["names"]]}, b["y"]),
        lambda b: (({"a": [IMAGES, b["more"][1]["names"]]}, b["y"]), {}),
    ),
    "the whole": (lambda net, b: net(b), lambda b: (({**b, "x": IMAGES},), {})),
    "the second call": (lambda net, b: (net(b["y"]), net(b["x"])), lambda b: ((IMAGES,), {})),
}


def plain(found):
    """Rows as what they hold."""
    if isinstance(found, Rows):
        return plain(found.values)
    if isinstance(found, torch.Tensor):
        return found.dtype, found.tolist()
    if isinstance(found, dict):
        return {key: plain(value) for key, value in found.items()}
    return type(found)(map(plain, found)) if isinstance(found, (list, tuple)) else found


@pytest.mark.parametrize("name", STEPS)
def test_the_same_call_is_made_with_another_batch(name):
    step, expected = STEPS[name]
    call = understood(step, batch(0))
    other = batch(1, count=3)
    assert plain(again(call, other)) == plain(expected(other))


@pytest.mark.parametrize(
    "step",
    [
        lambda net, b: None,
        lambda net, b: net(b["x"] * 2),  # images of its own
        lambda net, b: net(b["x"], torch.rand(4, 2)),  # what belongs to each image and is not of the batch
        lambda net, b: net(b["y"]),
    ],
)
def test_a_call_that_the_batch_does_not_explain_counts_as_none(step):
    assert understood(step, batch(0)) is None


def test_a_batch_that_is_unlike_has_no_such_call():
    call = understood(lambda net, b: net(b["x"], b["more"][0]), batch(0))
    x, y = torch.rand(2, 3, 4, 4), torch.arange(2)
    assert call.of(Extras.of({"x": x, "y": y}, x, y)) is None
    assert call.of(Extras.of((x, y), x, y)) is None


def test_fields_of_a_dataclass_are_parts_too():
    read = {"images": lambda b: b.image, "labels": lambda b: None}
    sample = lambda: Sample(torch.rand(2, 3, 4, 4), torch.rand(2, 5))
    call, other = understood(lambda net, b: net(b.table, b.image), sample(), **read), sample()
    args, kwargs = call.of(Extras.of(other, other.image, None))
    assert (args[1], kwargs) == (IMAGES, {})
    assert torch.equal(args[0].values, other.table)


def test_a_network_is_listened_to_for_one_batch():
    net, calls = Takes(), StepCalls()
    calls.watch(net, "", net)
    calls.learn(net, "", lambda: pytest.fail("nothing was heard"), batch(0))
    calls.watch(net, "", net)
    assert "_compiled_call_impl" not in vars(net)
    assert calls.of(net, "") is None
