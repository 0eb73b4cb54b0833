"""Attention out of every implementation, while outputs, weights and torch's state stay as they are."""

import threading
from functools import partial

import pytest
import torch
from attending import Transformer, images
from torch import nn
from torch.nn import functional as F
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint

from lightning_viz.explain.attention.recording import gradients_of, recorded_attention
from lightning_viz.explain.network.checkpointing import transparent_checkpoints

MANNERS = ["fast", "explicit", "joined", "torch"]


def recorded(net, x, call=None):
    with recorded_attention(net, x) as seen:
        return (call or net)(x), seen


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("gradients", [False, True])
def test_every_implementation_is_seen_and_puts_out_the_same(manner, gradients):
    net, x, reference = Transformer(manner), images(), recorded(Transformer("explicit"), images())[1]
    with torch.set_grad_enabled(gradients):
        out, seen = recorded(net, x)
        assert torch.allclose(out, net(x), atol=1e-6)
    assert [layer.name for layer in seen.layers] == ["blocks.0.attention", "blocks.1.attention"]
    for layer, other in zip(seen.layers, reference.layers, strict=True):
        assert layer.probabilities.shape == (2, 2, 7, 7)
        assert torch.allclose(layer.probabilities, other.probabilities, atol=1e-5)


@pytest.mark.parametrize("manner", MANNERS)
def test_gradients_reach_what_was_recorded(manner):
    """Held against what the score does if a probability changes a little."""
    net, x, step = Transformer(manner).double(), images(1).double(), 1e-5
    x.requires_grad_()
    with recorded_attention(net, x) as seen:
        score = net(x)[0, 1]
        layer = seen.layers[0]
        gradient = layer.shaped(torch.autograd.grad(score, layer.source)[0])
    other = Transformer("explicit").double()
    for place in ((0, 0, 3), (1, 4, 2)):
        scores = []
        for change in (step, -step):
            other.blocks[0].attention.mixed = partial(nudged, place, change)
            scores.append(other(x.detach())[0, 1].item())
        assert gradient[0][place].item() == pytest.approx((scores[0] - scores[1]) / (2 * step), rel=1e-4)


def nudged(place, change, q, k, v):
    """Attention with one probability (head, query, key) changed."""
    weights = (q @ k.transpose(-2, -1) / 2).softmax(-1)
    weights[0][place] += change
    return weights @ v


def product(**options):
    """What torch's fast function puts out, what it puts out while it is recorded, and the probabilities."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"q": (2, 4, 5, 3), "k": (2, options.pop("groups", 4), 5, 3), "v": (2, 4, 5, 3)}
    shapes["v"] = shapes["k"]
    q, k, v = (torch.randn(shape, generator=generator) for shape in shapes.values())
    net = nn.Identity()
    call = lambda _: F.scaled_dot_product_attention(q, k, v, **options)
    out, seen = recorded(net, torch.zeros(2, 3, 4, 4), call)
    return call(None), out, seen.layers[0].probabilities, (q, k, v)


MASK = torch.tensor([[1, 0, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1], [0, 1, 0, 1, 0]]).bool()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.3},
        {"is_causal": True},
        {"attn_mask": MASK},
        {"attn_mask": MASK.expand(2, 1, 5, 5)},
        {"attn_mask": torch.linspace(-2, 3, 25).reshape(5, 5)},
        {"attn_mask": torch.zeros(5, 5).masked_fill(~MASK, -torch.inf)},
        {"groups": 2, "enable_gqa": True},
    ],
    ids=["plain", "scale", "causal", "bool", "bool of 4", "added", "infinite", "grouped"],
)
def test_the_fast_function_is_computed_by_hand(options):
    expected, out, weights, (_, _, v) = product(**options)
    assert torch.allclose(out, expected, atol=1e-6)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 4, 5))
    assert torch.allclose(weights @ v.repeat_interleave(4 // v.shape[1], 1), expected, atol=1e-6)


@pytest.mark.parametrize("mask", [torch.zeros(5, 5).bool(), torch.full((5, 5), -torch.inf)], ids=["bool", "infinite"])
def test_who_may_attend_to_nothing_has_zeros(mask):
    expected, out, weights, _ = product(attn_mask=mask)
    assert not weights.any()
    assert torch.equal(out, expected)


@pytest.mark.parametrize("by_token", [False, True])
def test_it_is_laid_out_as_by_the_fast_function(by_token):
    q = torch.randn(2, 5, 4, 8).transpose(1, 2) if by_token else torch.randn(2, 4, 5, 8)
    call = lambda _: F.scaled_dot_product_attention(q, q, q)
    out, _ = recorded(nn.Identity(), torch.zeros(2, 3, 4, 4), call)
    assert out.stride() == call(None).stride()


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_torchs_encoder_is_seen_off_its_fast_path_which_stays_open(norm_first, batch_first):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, norm_first=norm_first, batch_first=batch_first)
    net = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval().requires_grad_(False)
    tokens = torch.randn(5, 7, 8) if batch_first else torch.randn(7, 5, 8)
    before = torch.backends.mha.get_fastpath_enabled()
    with torch.no_grad():
        out, seen = recorded(net, tokens)
        assert torch.allclose(out, net(tokens), atol=1e-6)
    assert [layer.name for layer in seen.layers] == ["layers.0.self_attn", "layers.1.self_attn"]
    assert seen.layers[1].probabilities.shape == (5, 2, 7, 7)
    assert torch.backends.mha.get_fastpath_enabled() == before


@pytest.mark.parametrize(("need", "average"), [(True, True), (True, False), (False, True)])
def test_torchs_attention_hands_back_the_weights_that_were_asked_for(need, average):
    net = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    x = torch.randn(3, 5, 8)
    call = lambda x: net(x, x, x, need_weights=need, average_attn_weights=average)
    (out, weights), seen = recorded(net, x, call)
    expected, expected_weights = call(x)
    assert torch.allclose(out, expected, atol=1e-6)
    assert (weights is None) == (expected_weights is None)
    if weights is not None:
        assert torch.allclose(weights, expected_weights, atol=1e-6)
    assert seen.layers[0].probabilities.shape == (3, 2, 5, 5)


def test_other_softmaxes_are_not_attention():
    net = Transformer()
    _, seen = recorded(net, images(), lambda x: (net(x).softmax(1), net.embed(x).softmax(1)))
    assert len(seen.layers) == 2


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_a_checkpoint_runs_again_is_recorded_once(reentrant):
    class Checkpointed(Transformer):
        def forward(self, x):
            x = self.embed(x).flatten(2).transpose(1, 2)
            for block in self.blocks:
                x = checkpoint(block, x, use_reentrant=reentrant)
            return self.head(x[:, 0])

    net, x = Checkpointed(), images().requires_grad_()
    with transparent_checkpoints(), recorded_attention(net, x) as seen:
        found = gradients_of(net(x)[0, 0], [layer.source for layer in seen.layers])
    assert len(seen.layers) == 2
    assert all(bool(gradient.any()) for gradient in found)


def test_each_run_of_the_network_is_told_apart():
    net, x = Transformer(), images()
    _, seen = recorded(net, x, lambda x: (net(x), net(x)))
    assert [len(run) for run in seen.runs] == [2, 2]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_behind(fails):
    net, x = Transformer(), images()
    before = {name: (dict(vars(m)), dict(m._forward_pre_hooks)) for name, m in net.named_modules()}
    functions = F.scaled_dot_product_attention, F.softmax, torch.softmax

    def call(x):
        out = net(x)
        if fails:
            raise RuntimeError("no memory")
        return out

    try:
        recorded(net, x, call)
    except RuntimeError:
        assert fails
    assert before == {name: (dict(vars(m)), dict(m._forward_pre_hooks)) for name, m in net.named_modules()}
    assert functions == (F.scaled_dot_product_attention, F.softmax, torch.softmax)
    assert not _get_current_function_mode_stack()


def test_other_threads_are_not_recorded():
    net, x, outs = Transformer(), images(), []
    expected = net(x)
    with recorded_attention(net, x) as seen:
        thread = threading.Thread(target=lambda: outs.append(net(x)))
        thread.start()
        thread.join()
        assert not seen.layers
        net(x)
    assert torch.equal(outs[0], expected)
    assert [len(run) for run in seen.runs] == [2]


@pytest.mark.parametrize("manner", MANNERS)
def test_in_bfloat16_it_is_the_same_up_to_rounding(manner):
    net, x = Transformer(manner).bfloat16(), images().bfloat16()
    out, seen = recorded(net, x)
    assert out.dtype == torch.bfloat16
    assert torch.allclose(out.float(), net(x).float(), atol=0.05)
    assert len(seen.layers) == 2


def test_under_autocast_too():
    net, x = Transformer(), images()
    with torch.autocast("cpu", torch.bfloat16):
        out, seen = recorded(net, x)
        assert out.dtype == net(x).dtype
        assert torch.allclose(out.float(), net(x).float(), atol=0.05)
    assert len(seen.layers) == 2
