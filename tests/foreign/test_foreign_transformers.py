"""Attention of the transformers that most people use: timm's, in both of its ways, and Hugging Face's."""

import importlib

import pytest
import torch
from borrowed import installed
from projects import Project, events, fit

from lightning_viz import AttentionMaps, AttentionWall
from lightning_viz.explain.attention.maps import attention_maps
from lightning_viz.explain.attention.reading import NoMapError, asking_tokens
from lightning_viz.explain.attention.recording import recorded_attention
from lightning_viz.explain.network.patches import Grid

METHODS = ["rollout", "heads", "relevance", "legrad"]


@pytest.fixture(scope="module")
def transformers():
    with installed():
        yield importlib.import_module("transformers")


@pytest.fixture(scope="module")
def timm(transformers):  # which asks for torchvision by other ways, and so comes first
    with installed("torchvision"):  # of which timm's transformers use nothing
        found = importlib.import_module("timm")
        importlib.import_module("timm.layers")
        yield found


@pytest.fixture(params=[True, False], ids=["fused", "explicit"])
def vit(request, timm):
    """Makes one of timm's networks for images of 64 x 96, with torch's attention or its own."""
    before = timm.layers.use_fused_attn()
    timm.layers.set_fused_attn(request.param)

    def make(name, **options):
        torch.manual_seed(0)
        net = timm.create_model(name, img_size=(64, 96), patch_size=16, num_classes=5, **options)
        torch.nn.init.normal_(net.head.weight)
        return net.eval().requires_grad_(False)

    yield make
    timm.layers.set_fused_attn(bool(before))


def images(*size, count=2):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(1))


SMALL = {"depth": 2, "embed_dim": 24, "num_heads": 3}
OF_TIMM = {
    "vit_tiny_patch16_224": (1, [0]),
    "deit_tiny_distilled_patch16_224": (2, [0, 1]),
    "vit_base_patch14_reg4_dinov2": (5, [0]),
    "vit_medium_patch16_reg4_gap_256": (4, range(4, 28)),
    "vit_base_patch16_siglip_224": (0, range(24)),
}


@pytest.mark.parametrize("name", OF_TIMM)
def test_timm(name, vit):
    """timm 1.0.31 (2026): all kinds of tokens are counted, on images that are not square."""
    net, x, (before, asked) = vit(name, **SMALL), images(64, 96), OF_TIMM[name]
    with torch.no_grad(), recorded_attention(net, x) as seen:
        out = net(x)
    assert torch.allclose(out, net(x), atol=1e-5)
    found = seen.layers
    assert [layer.name for layer in found if layer.name.startswith("blocks")] == ["blocks.0.attn", "blocks.1.attn"]
    assert found[0].seen.grid(found[0].probabilities.shape[-1]) == Grid(4, 6, before=before)
    tokens = asking_tokens(net, net, x)
    assert tokens.nonzero()[:, 0].tolist() == list(asked)
    for method in METHODS:
        maps = attention_maps(net, net, x, torch.tensor([0, 4]), method=method, tokens=tokens)
        assert maps.shape == (2, 4, 6)
        assert float(maps.std()) > 0


@pytest.mark.parametrize(
    ("name", "side", "words"),
    [
        ("swin_tiny_patch4_window7_224", 224, "within windows of 49 tokens"),
        ("maxvit_rmlp_pico_rw_256", 256, "within windows of 64 tokens"),
        ("pvt_v2_b0", 64, r"\(256, 4\) of 'stages.0.blocks.0.attn'.*keys are fewer"),
        ("levit_128s", 224, "keys are fewer"),
        ("xcit_nano_12_p16_224", 64, r"\(32, 32\) of 'blocks.0.attn'.*no patches"),
        ("mixer_s32_224", 224, "no attention was seen in MlpMixer"),
        ("resnet18", 64, "no attention was seen in ResNet"),
    ],
)
def test_what_makes_no_map_of_the_image_is_told(name, side, words, timm):
    net = timm.create_model(name, num_classes=5).eval().requires_grad_(False)
    with pytest.raises(NoMapError, match=words + r".*GradCam\(layer="):
        attention_maps(net, net, images(side, side, count=1), torch.tensor([0]))


def test_a_hybrid_has_the_grid_of_its_convolutions(timm):
    net = timm.create_model("vit_tiny_r_s16_p8_224", num_classes=5).eval().requires_grad_(False)
    assert attention_maps(net, net, images(224, 224), torch.tensor([0, 1])).shape == (2, 7, 7)


OF_HUGGING_FACE = {"ViT": 1, "DeiT": 2, "Dinov2WithRegisters": 5, "Beit": 1}


def made(transformers, name, implementation):
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(
        image_size=64,
        patch_size=16,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=32,
        num_labels=5,
        attn_implementation=implementation,
    )
    return getattr(transformers, f"{name}ForImageClassification")(config).eval().requires_grad_(False)


@pytest.mark.parametrize("name", OF_HUGGING_FACE)
def test_hugging_face(name, transformers):
    """transformers 5.24.0 (2026): what it hands out as `attentions` is what is recorded, and "sdpa" is like "eager"."""
    eager, sdpa, x = made(transformers, name, "eager"), made(transformers, name, "sdpa"), images(64, 64)
    with torch.no_grad(), recorded_attention(eager, x) as seen:
        given = eager(x, output_attentions=True).attentions
    assert [torch.equal(layer.probabilities, a) for layer, a in zip(seen.layers, given, strict=True)] == [True, True]
    assert seen.layers[0].seen.grid(given[0].shape[-1]) == Grid(4, 4, before=OF_HUGGING_FACE[name])
    for method in METHODS:
        one, other = (
            attention_maps(lambda x, net=net: net(x).logits, net, x, torch.tensor([0, 4]), method=method)
            for net in (eager, sdpa)
        )
        assert float(one.std()) > 0
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-7)


def test_both_are_drawn_and_trained_as_if_nobody_looked(timm, transformers, tmp_path):
    class OfTimm(Project):
        def __init__(self):
            super().__init__()
            self.net = timm.create_model(
                "vit_tiny_patch16_224", img_size=16, patch_size=4, num_classes=3, drop_rate=0.1, **SMALL
            )

    class OfHuggingFace(Project):
        def __init__(self):
            super().__init__()
            config = transformers.ViTConfig(
                image_size=16,
                patch_size=4,
                hidden_size=24,
                num_hidden_layers=2,
                num_attention_heads=3,
                intermediate_size=32,
                num_labels=3,
            )
            self.net = transformers.ViTForImageClassification(config)

        def forward(self, x):
            return self.net(x).logits

    for kind in (OfTimm, OfHuggingFace):
        callbacks = [AttentionMaps(method=m, probes=2, on_error="raise") for m in METHODS]
        callbacks.append(AttentionWall(probes=2, on_error="raise"))
        drawn = fit(tmp_path / kind.__name__, callbacks, module=kind, max_epochs=1)
        bare = fit(tmp_path / "bare" / kind.__name__, [], module=kind, max_epochs=1)
        ours, theirs = (run.lightning_module.state_dict() for run in (drawn, bare))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
        tags = set(events(tmp_path / kind.__name__).Tags()["images"])
        assert {"attention/wall", *(f"probe_00_bread/attention_{m}" for m in METHODS)} <= tags
