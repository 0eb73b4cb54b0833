"""Maps and walls of attention, drawn while transformers train."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from projects import Project, events, fit
from torch import nn

from lightning_viz import AttentionMaps, AttentionWall, Picture, Scalar
from lightning_viz.explain.attention.maps import attention_maps
from lightning_viz.harness.sinks.results import Mean

METHODS = ["rollout", "heads", "relevance", "legrad"]


class Fast(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.token = nn.Conv2d(3, 12, 4, stride=4), nn.Parameter(torch.zeros(1, 1, 12))
        self.position = nn.Parameter(0.3 * torch.randn(1, 17, 12))
        encoder = nn.TransformerEncoderLayer(12, 3, 24, dropout=0.1, batch_first=True)
        self.blocks, self.head = nn.Sequential(Fast(12, 3), encoder), nn.Linear(12, 3)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.position
        return self.head(self.blocks(x)[:, 0])


class Attending(Project):
    def __init__(self):
        super().__init__()
        self.net = Transformer()


def keeping(cls, results, **arguments):
    """A callback that also notes the scene and all that it yields."""

    class Keeping(cls):
        def draw(self, scene):
            for result in super().draw(scene):
                results.append((scene, result))
                yield result

    Keeping.__name__ = cls.__name__ + arguments.get("method", "")
    return Keeping(probes=3, on_error="raise", **arguments)


def everything(results):
    return [*(keeping(AttentionMaps, results, method=m) for m in METHODS), keeping(AttentionWall, results)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two epochs with every method and the wall, and all that was drawn."""
    folder, results = tmp_path_factory.mktemp("run"), []
    trained = fit(folder, everything(results), module=Attending)
    return trained, folder, results


def test_training_is_not_disturbed(run, tmp_path):
    without = fit(tmp_path, [], module=Attending)
    ours, theirs = (r.lightning_module.state_dict() for r in (run[0], without))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert without.logged_metrics.items() <= run[0].logged_metrics.items()


def test_every_probe_has_a_picture_of_every_method_at_every_epoch(run):
    log = events(run[1])
    for method in METHODS:
        tag = f"probe_00_bread/attention_{method}"
        assert [e.step for e in log.Images(tag)] == [-1, 5, 11]
    assert [e.step for e in log.Images("attention/wall")] == [5, 11]


def test_maps_have_figures_like_those_of_any_method(run):
    tags = {result.tag for _, result in run[2] if isinstance(result, Mean)}
    assert {f"explanations/attention_{m}/{what}" for m in METHODS for what in ("entropy", "rank_untrained")} <= tags


def test_the_wall_tells_of_every_layer_and_of_heads_that_do_nothing(run):
    found = {result.tag: result.value for _, result in run[2] if isinstance(result, Scalar)}
    layers = ["net_blocks_0", "net_blocks_1_self_attn"]
    measures = [f"attention/{layer}/{measure}" for layer in layers for measure in ("entropy", "distance", "strongest")]
    assert set(found) >= {*measures, "attention/uniform", "attention/blind"}
    assert all(0 < found[m] <= np.log(17) for m in measures if m.endswith("entropy"))
    assert all(0 < found[m] < 3 * 2**0.5 for m in measures if m.endswith("distance"))
    assert all(3 / 17 * 0.5 < found[m] <= 1 for m in measures if m.endswith("strongest"))


def test_the_map_is_that_of_the_network(run):
    scene = run[2][-1][0]
    images, labels = scene.probes.images, scene.probes.labels
    net = run[0].lightning_module.eval().requires_grad_(False)
    maps = attention_maps(net, net, images, labels, method="relevance")
    callback = AttentionMaps(method="relevance")
    drawn = callback.attribute(scene.subject, images, labels)
    expected = F.interpolate(maps[:, None], size=(16, 16), mode="bilinear")[:, 0]
    assert torch.allclose(drawn, expected, atol=1e-6)


def test_heads_are_drawn_side_by_side(run):
    pictures = [r for _, r in run[2] if isinstance(r, Picture) and r.tag.endswith("attention_heads")]
    assert all(picture.image.shape[1] == 350 for picture in pictures)
    assert len({picture.image.shape for picture in pictures}) == 1


@pytest.mark.parametrize(
    ("arguments", "tag"),
    [
        ({"layers": [-1]}, "attention_rollout_layers_1"),
        ({"layers": ["blocks.0"], "heads": [0, 2]}, "attention_rollout_layers_blocks_0_heads_0_2"),
        ({"method": "legrad", "target": "Soup", "against": "rival"}, "attention_legrad_soup_against_rival"),
    ],
)
def test_layers_heads_and_classes_are_in_the_tag(arguments, tag, tmp_path):
    fit(tmp_path, [AttentionMaps(probes=1, on_error="raise", **arguments)], module=Attending, max_epochs=1)
    assert f"probe_00_bread/{tag}" in events(tmp_path).Tags()["images"]


@pytest.mark.parametrize("make", [AttentionMaps, AttentionWall])
def test_without_attention_the_error_comes_before_the_first_batch(make, tmp_path):
    class Counting(Project):
        batches = 0

        def training_step(self, batch, batch_idx):
            Counting.batches += 1
            return super().training_step(batch, batch_idx)

    with pytest.raises(ValueError, match=r"no attention was seen in Counting: .*GradCam\(layer="):
        fit(tmp_path, [make()], module=Counting)
    assert Counting.batches == 0


@pytest.mark.parametrize("make", [AttentionMaps, AttentionWall])
def test_layers_that_are_not_there_are_told_before_the_first_batch(make, tmp_path):
    with pytest.raises(ValueError, match=r"net.blocks.0.*received 'blocks.7', which is no layer"):
        fit(tmp_path, [make(layers=["blocks.7"])], module=Attending)


def test_a_head_that_attends_to_everything_alike_is_counted(tmp_path):
    class Idle(Attending):
        def __init__(self):
            super().__init__()
            self.net.blocks[0].qkv.weight.data[:4] = 0  # queries of the first of three heads
            self.net.blocks[0].qkv.bias.data[:4] = 0

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    results = []
    fit(tmp_path, [keeping(AttentionWall, results, layers=[0])], module=Idle, max_epochs=1)
    found = {result.tag: result.value for _, result in results if isinstance(result, Scalar)}
    assert found["attention/uniform"] >= 1 / 3
