"""Maps of what a transformer attends to, the same in every implementation; or the reason why there is none."""

import pytest
import torch
from attending import GRID, SHAPE, Transformer, images
from torch import nn
from torch.nn import functional as F

from lightning_viz.explain.attention.maps import attention_maps, head_maps
from lightning_viz.explain.attention.methods import relevance, rollout
from lightning_viz.explain.attention.reading import NoMapError, asking_tokens, read_gradients, read_layers

METHODS = ["rollout", "heads", "relevance", "legrad"]
TARGETS = torch.tensor([1, 2])


def maps(net, method, targets=TARGETS, x=None, **how):
    return attention_maps(net, net, images() if x is None else x, targets, method=method, **how)


@pytest.mark.parametrize("manner", ["explicit", "joined", "torch"])
@pytest.mark.parametrize("method", METHODS)
def test_the_same_weights_make_the_same_map_in_every_implementation(manner, method):
    found, other = maps(Transformer("fast"), method), maps(Transformer(manner), method)
    assert found.shape == (2, *GRID)
    assert bool((found >= 0).all())
    assert float(found.std()) > 0
    assert torch.allclose(found, other, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "differ"), [("rollout", False), ("heads", False), ("relevance", True), ("legrad", True)]
)
def test_maps_of_two_classes_differ_where_they_are_about_classes(method, differ):
    net = Transformer()
    one, other = (maps(net, method, torch.tensor([k, k])) for k in (0, 2))
    assert torch.equal(one, other) != differ


def test_a_map_is_the_class_tokens_row_without_that_token():
    net = Transformer(front=5)
    layers = read_layers(net, net, images())[1]
    row = rollout([layer.probabilities for layer in layers])[:, 0, 5:]
    assert torch.allclose(maps(net, "rollout"), row.reshape(2, *GRID))
    value = lambda scores: scores[0, 1] + scores[1, 2]
    layers, gradients = read_gradients(net, net, images(), value)
    row = relevance([layer.probabilities for layer in layers], gradients)[:, 0, 5:]
    assert torch.allclose(maps(net, "relevance"), row.reshape(2, *GRID), atol=1e-6)


@pytest.mark.parametrize(
    ("front", "pooled", "asked"), [(1, False, [0]), (5, False, [0]), (0, True, range(6)), (4, True, range(4, 10))]
)
def test_which_tokens_the_scores_are_read_from_is_seen(front, pooled, asked):
    net = Transformer(front=front, pooled=pooled)
    tokens = asking_tokens(net, net, images())
    assert tokens.nonzero()[:, 0].tolist() == list(asked)
    layers = read_layers(net, net, images())[1]
    mean = rollout([layer.probabilities for layer in layers])[:, list(asked), front:].mean(1)
    assert torch.allclose(maps(net, "rollout", tokens=tokens), mean.reshape(2, *GRID))


def test_with_a_head_of_zeros_nobody_can_tell():
    net = Transformer()
    nn.init.zeros_(net.head.weight), nn.init.zeros_(net.head.bias)
    assert asking_tokens(net, net, images()) is None


@pytest.mark.parametrize("method", METHODS)
def test_an_images_map_does_not_depend_on_the_others(method):
    net, x, targets = Transformer(), images(5), torch.tensor([0, 1, 2, 0, 1])
    whole = maps(net, method, targets, x)
    assert torch.allclose(whole, maps(net, method, targets, x, batch_size=2), atol=1e-6)
    assert torch.allclose(whole[3:4], maps(net, method, targets[3:4], x[3:4]), atol=1e-6)


def test_layers_and_heads_can_be_chosen():
    net = Transformer(depth=3)
    layers = read_layers(net, net, images())[1]
    last = layers[2].probabilities[:, 1:2]
    expected = rollout([layers[0].probabilities[:, 1:2], last])[:, 0, 1:].reshape(2, *GRID)
    assert torch.allclose(maps(net, "rollout", layers=[0, -1], heads=[1]), expected)
    assert torch.allclose(maps(net, "rollout", layers=["blocks.2.attention", "0.attention"], heads=[1]), expected)
    assert torch.equal(maps(net, "heads", heads=[1]), last[:, 0, 0, 1:].reshape(2, *GRID))


@pytest.mark.parametrize("how", [{"layers": [3]}, {"layers": ["blocks.9"]}, {"layers": ["attention"]}, {"heads": [2]}])
def test_those_that_are_not_there_are_told(how):
    with pytest.raises(ValueError, match=r"Expected (layers|heads)= .*from (-2|0) to 1"):
        maps(Transformer(), "rollout", **how)


def test_an_unknown_method_is_told():
    with pytest.raises(ValueError, match=r"Expected a method of \['rollout', .*, received 'flow'"):
        maps(Transformer(), "flow")


def test_heads_have_maps_and_figures_of_their_own():
    net, x = Transformer(), images()
    found = head_maps(net, net, x)
    layer = read_layers(net, net, x)[1][-1]
    assert torch.allclose(found.maps, layer.probabilities[:, :, 0, 1:].reshape(2, 2, *GRID))
    assert found.entropy.shape == found.distance.shape == (2, 2)


@pytest.mark.parametrize("method", METHODS)
def test_the_network_stays_as_it_is(method):
    net, x = Transformer("torch"), images()
    before, expected = {k: v.clone() for k, v in net.state_dict().items()}, net(x)
    maps(net, method, x=x)
    assert torch.equal(x, images())
    assert torch.equal(net(x), expected)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in net.parameters())


def test_a_network_that_turns_gradients_off_is_told():
    class Inference(Transformer):
        @torch.no_grad()
        def forward(self, x):
            return super().forward(x)

    net = Inference()
    assert maps(net, "rollout").shape == (2, *GRID)
    with pytest.raises(ValueError, match="do not depend on the images"):
        maps(net, "relevance")


class Windowed(Transformer):
    """Attends within windows of 2 x 3 patches."""

    def forward(self, x):
        x = self.embed(x).permute(0, 2, 3, 1)
        windows = x.unflatten(1, (-1, 2)).unflatten(3, (-1, 3)).permute(0, 1, 3, 2, 4, 5).flatten(0, 2).flatten(1, 2)
        return self.head(self.blocks(windows).unflatten(0, (len(x), -1)).mean((1, 2)))


class Reduced(Transformer):
    """Patches attend to a quarter as many."""

    def forward(self, x):
        x = self.embed(x)
        few, x = (part.flatten(2).transpose(1, 2) for part in (F.avg_pool2d(x, 2), x))
        return self.head(F.scaled_dot_product_attention(x, few, few).mean(1))


class Linear(Transformer):
    """Attention without a softmax over keys."""

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        return self.head((x @ (x.transpose(1, 2) @ x)).mean(1))


class Rows(Transformer):
    """Attends among the image's lines."""

    def forward(self, x):
        x = x.permute(0, 2, 1, 3).flatten(2)[:, :7, :8]
        return self.head(F.scaled_dot_product_attention(x, x, x).mean(1))


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (Windowed, (3, 16, 24), r"'blocks.0.attention' attends within windows of 6 tokens.*GradCam\(layer="),
        (Reduced, (3, 16, 24), r"received \(24, 6\).*fewer than the queries.*GradCam"),
        (Linear, SHAPE, r"no attention was seen in Linear: .*linear attention.*GradCam"),
        (Rows, SHAPE, r"patches of the 8 x 12 image, received \(7, 7\).*GradCam"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_without_a_map_of_the_image_the_reason_is_told(make, shape, words, method):
    with pytest.raises(NoMapError, match=words):
        maps(make(), method, x=images(2, shape))


def test_layers_of_the_whole_image_among_windows_can_be_chosen():
    class Mixed(Windowed):
        def forward(self, x):
            tokens = self.embed(x).flatten(2).transpose(1, 2)
            return super().forward(x) + self.head(self.blocks[1](tokens).mean(1))

    net, x = Mixed(), images(2, (3, 16, 24))
    assert maps(net, "legrad", x=x, layers=[0]).shape == (2, 4, 6)
    with pytest.raises(NoMapError, match="windows"):
        maps(net, "legrad", x=x)
