"""Every attribution callback, alone with a network: what it asks, what it draws, what it refuses."""

import sys
from importlib.abc import MetaPathFinder

import captum.attr
import numpy as np
import pytest
import torch
from found import CALLBACKS
from projects import NAMES, Net, Project, events, fit
from pytorch_lightning.plugins.precision import Precision
from torch import nn
from torch.nn import functional as F

from lightning_viz import (
    AttributionCallback,
    CaptumAttribution,
    GradCam,
    IntegratedGradients,
    Occlusion,
    Picture,
    SaliencyMaps,
    Scene,
)
from lightning_viz.explain.attribution.baselines import blurred
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.harness.network.spatial.shares import probabilities
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.spec import ProbeBatch
from lightning_viz.harness.run.claims import Claims
from lightning_viz.harness.run.processes import Share
from lightning_viz.harness.sinks.results import Mean
from lightning_viz.render.color import diverging, sequential, symmetric
from lightning_viz.render.fonts import plain

LABELS = torch.tensor([0, 1, 0])
MEAN, STD = 0.4, 0.25


@pytest.fixture
def net():
    torch.manual_seed(0)
    made = Net()
    made(torch.rand(64, 3, 16, 16) * 3 - 1)  # statistics for the batch normalisation
    nn.init.normal_(made[9].weight)
    return made.eval().requires_grad_(False)


def scene_of(net, labels=LABELS, share=None):
    images = torch.rand(len(labels), 3, 16, 16, generator=torch.Generator().manual_seed(1))
    subject = Subject(net, "", Precision())
    count = tuple(range(len(labels)))
    mean, std = torch.full((3, 1, 1), MEAN), torch.full((3, 1, 1), STD)
    probes = ProbeBatch((images - MEAN) / STD, labels, tuple(NAMES), count, count, mean, std)
    with torch.no_grad():
        predicted = probabilities(subject(probes.images))
    return Scene(subject, probes, lambda: predicted, 0, 0, share or Share())


def drawn(callback, scene):
    """Prepares and draws a callback; returns its maps, its pictures and by tag what each probe adds to its figures."""

    class Keeping(type(callback)):
        def attribute(self, *arguments):
            self.maps = super().attribute(*arguments)
            return self.maps

    Keeping.__name__ = type(callback).__name__
    callback.__class__ = Keeping
    callback.prepare(scene)
    callback.figures.prepared(Claims(), callback.probes, callback.tag, scene.probes)
    results = list(callback.draw(scene))
    pictures = {r.tag: r.image for r in results if isinstance(r, Picture)}
    figures = {}
    for part in (r for r in results if isinstance(r, Mean)):
        figures.setdefault(part.tag, []).append(part.value)
    return callback.maps, pictures, figures


class Difference(nn.Module):
    """Scores by how much each class beats the last one."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        scores = self.net(x)
        return scores - scores[:, 2:]


METHODS = {
    "gradient": (SaliencyMaps, {}),
    "smoothgrad": (SaliencyMaps, {"method": "smoothgrad", "samples": 3}),
    "smoothgrad squared": (SaliencyMaps, {"method": "smoothgrad_squared", "samples": 3}),
    "vargrad": (SaliencyMaps, {"method": "vargrad", "samples": 3}),
    "integrated gradients": (IntegratedGradients, {"steps": 3, "baseline": ["white", "noise"]}),
    "Grad-CAM": (GradCam, {}),
    "Grad-CAM++": (GradCam, {"method": "gradcam++"}),
    "occlusion": (Occlusion, {"cover": "blurred"}),
    "captum": (CaptumAttribution, {}),
    "captum DeepLift": (CaptumAttribution, {"method": "captum.attr.DeepLift"}),
    "captum of a layer": (CaptumAttribution, {"method": "captum.attr.LayerGradCam"}),
    "captum with noise": (CaptumAttribution, {"method": "captum.attr.Saliency", "noise": {"nt_samples": 3}}),
    "captum Lime": (CaptumAttribution, {"method": "captum.attr.KernelShap", "arguments": {"n_samples": 40}}),
}
each_method = pytest.mark.parametrize(("callback", "options"), METHODS.values(), ids=METHODS)


def test_no_attribution_is_left_out():
    public = {c for c in CALLBACKS if issubclass(c, AttributionCallback)}
    assert {callback for callback, _ in METHODS.values()} == public


@each_method
def test_a_contrast_is_the_map_of_the_difference(callback, options, net):
    found, pictures, _ = drawn(callback(against="Soup", **options), scene_of(net))
    expected, _, _ = drawn(callback(**options), scene_of(Difference(net)))
    plain, _, _ = drawn(callback(**options), scene_of(net))
    largest = expected.abs().max()
    assert torch.allclose(found / largest, expected / largest, atol=1e-4)
    assert not torch.allclose(found / largest, plain / largest, atol=1e-2)
    assert all(tag.endswith("_against_soup") for tag in pictures)


def test_a_contrast_of_a_linear_network_is_the_difference_of_its_weights():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(768, 3)).requires_grad_(False)
    weight = linear[1].weight.view(3, 3, 16, 16)
    found, _, _ = drawn(SaliencyMaps(target="Egg", against=2), scene_of(linear))
    assert torch.allclose(found, (weight[1] - weight[2]).expand(3, -1, -1, -1), atol=1e-6)


class Says(nn.Module):
    """The same scores for every image."""

    def __init__(self, *scores):
        super().__init__()
        self.scores = torch.tensor(scores)

    def forward(self, x):
        return self.scores + 0 * x.mean((1, 2, 3))[:, None]


QUESTIONS = [
    ({"against": "rival"}, "against_rival", ["Bread against Soup (its rival)", "Egg against Bread (its rival)"]),
    ({"against": "predicted"}, "against_predicted", ["Bread against Soup (its rival)", "Egg against Bread"]),
    (
        {"target": "predicted", "against": "label"},
        "predicted_against_label",
        ["Bread against Soup (its rival)", "Bread against Egg"],
    ),
    ({"target": "Soup", "against": "1"}, "soup_against_1", ["Soup against Egg", "Soup against Egg"]),
    ({"target": "Egg"}, "egg", ["Egg", "Egg"]),
]


@pytest.mark.parametrize(("options", "tag", "about"), QUESTIONS, ids=[tag for _, tag, _ in QUESTIONS])
def test_tag_and_caption_say_both_classes(options, tag, about):
    scene = scene_of(Says(5.0, 1.0, 3.0), LABELS[:2])
    callback = SaliencyMaps(**options)
    _, pictures, _ = drawn(callback, scene)
    assert set(pictures) == {f"probe_00_bread/saliency_{tag}", f"probe_01_egg/saliency_{tag}"}
    _, columns, predicted = callback._question(scene, callback.asked(scene))
    assert [plain(text) for text in predicted] == about
    assert columns.max() < 5  # one column for each distinct pair


def test_the_rival_of_a_network_that_is_not_finite_is_another_class():
    scene = scene_of(Says(float("nan"), float("nan"), float("nan")))
    callback = SaliencyMaps(against="rival")
    callback.prepare(scene)
    _, _, predicted = callback._question(scene, callback.asked(scene))
    assert not any(text.startswith(text.split(" against ")[1].split(" (")[0]) for text in predicted)


@pytest.mark.parametrize("baselines", ["black", ["white", "blurred"]])
def test_delta_is_what_is_missing_to_the_difference_of_the_scores(baselines, net):
    scene = scene_of(net)
    maps, pictures, figures = drawn(IntegratedGradients(baseline=baselines, steps=2), scene)
    ends = {"black": torch.zeros(3, 3, 16, 16), "white": torch.ones(3, 3, 16, 16)}
    if baselines == "black":
        starts, end = [(ends["black"] - MEAN) / STD], ""
    else:
        sigma, steps = 1.0, torch.arange(-3, 4.0)
        kernel = (-0.5 * (steps[:, None] ** 2 + steps**2) / sigma**2).exp()
        padded = F.pad(scene.probes.images, (3, 3, 3, 3), mode="replicate")
        blurred = F.conv2d(padded, (kernel / kernel.sum()).expand(3, 1, 7, 7), groups=3)
        starts, end = [(ends["white"] - MEAN) / STD, blurred], "_white_blurred"
    gained = torch.stack([net(scene.probes.images) - net(start) for start in starts]).mean(0)
    expected = maps.sum((1, 2, 3)) - gained[torch.arange(3), LABELS]
    assert figures[f"explanations/integrated_gradients{end}/delta"] == pytest.approx(expected.abs().tolist(), abs=1e-4)
    assert f"probe_00_bread/integrated_gradients{end}" in pictures


def test_processes_share_the_probes(net):
    whole, _, every = drawn(IntegratedGradients(), scene_of(net))
    part, own, figures = drawn(IntegratedGradients(), scene_of(net, share=Share(1, 2)))
    assert torch.allclose(part, whole[1:2], atol=1e-6)
    assert list(own) == ["probe_01_egg/integrated_gradients"]
    assert set(figures) == set(every) >= {f"explanations/integrated_gradients/{m}" for m in ("delta", "entropy", "sum")}
    for tag, values in every.items():
        assert figures[tag] == pytest.approx(values[1:2], abs=1e-5)
    assert list(drawn(SaliencyMaps(), scene_of(net, LABELS[:1]))[1]) == ["probe_00_bread/saliency"]
    assert list(IntegratedGradients().draw(scene_of(net, LABELS[:1], share=Share(1, 2)))) == []


def test_noise_of_captum_does_not_depend_on_who_draws(net):
    options = {"method": "captum.attr.Saliency", "noise": {"nt_samples": 3}}
    whole, _, _ = drawn(CaptumAttribution(**options), scene_of(net))
    part, _, _ = drawn(CaptumAttribution(**options), scene_of(net, share=Share(1, 2)))
    assert torch.equal(part, whole[1:2])


def test_occlusion_has_49_windows_whatever_the_shape():
    calls = []

    class Counts(nn.Module):
        def forward(self, x):
            calls.append(len(x))
            return x.mean((2, 3))

    drawn(Occlusion(), scene_of(Counts(), LABELS[:1]))
    assert sum(calls[1:]) == 1 + 49  # the first call is for the probabilities


def test_a_gradcam_of_zeros_is_told(net):
    net[4].weight.zero_()
    net[4].bias.fill_(-1.0)
    callback, scene = GradCam(), scene_of(net)
    maps, _, _ = drawn(callback, scene)
    assert callback.paint(scene.probes.pixels[0], maps[0], 1.0)[1].startswith(", all zero")
    assert callback.paint(scene.probes.pixels[0], maps[0] + 1, 1.0)[1] == ""


def test_where_signs_alternate_the_one_that_prevails_is_drawn():
    places = torch.arange(64)
    checks = ((places[:, None] + places) % 2 * 2 - 1.0)[None]
    checks[:, 20:40, 20:40] += 0.5
    (colours, _), _ = IntegratedGradients().paint(torch.zeros(3, 64, 64), checks, 1.0)
    red, blue = colours[..., 0].astype(int), colours[..., 2].astype(int)
    inside, outside = (red - blue)[24:36, 24:36], (red - blue)[50:]
    assert inside.min() > 60
    assert abs(outside.mean()) < 10


def by_hand(net, images):
    """captum as its documentation has it, one image at a time."""
    attr, grid = captum.attr, {"sliding_window_shapes": (3, 4, 4), "strides": (3, 2, 2), "baselines": 0.5}
    one = lambda i: {"inputs": images[i : i + 1].clone().requires_grad_(), "target": LABELS[i : i + 1]}
    pixels = (images * STD + MEAN).clamp(0, 1)
    layer = net[4]
    return {
        "DeepLift": ({}, lambda i: attr.DeepLift(net).attribute(**one(i))),
        "Occlusion": ({"arguments": grid}, lambda i: attr.Occlusion(net).attribute(**one(i), **grid)),
        "LayerGradCam": ({}, lambda i: attr.LayerGradCam(net, layer).attribute(**one(i))),
        "LayerConductance": (
            {"layer": "0", "arguments": {"n_steps": 3}},
            lambda i: attr.LayerConductance(net, net[0]).attribute(**one(i), n_steps=3),
        ),
        "GuidedGradCam": ({"layer": "4"}, lambda i: attr.GuidedGradCam(net, layer).attribute(**one(i))),
        "IntegratedGradients": (
            {"init": {"multiply_by_inputs": False}, "arguments": {"n_steps": 3}},
            lambda i: attr.IntegratedGradients(net, multiply_by_inputs=False).attribute(**one(i), n_steps=3),
        ),
        "FeatureAblation": (
            {},
            lambda i: attr.FeatureAblation(net).attribute(**one(i), feature_mask=superpixels(pixels[i])),
        ),
    }


@pytest.mark.parametrize("name", by_hand(Net(), torch.zeros(3, 3, 16, 16)))
@pytest.mark.filterwarnings("ignore:Setting .*hooks")
def test_it_is_what_captum_says_by_hand(name, net):
    net = nn.Sequential(*[nn.ReLU() if isinstance(layer, nn.ReLU) else layer for layer in net])  # not in place
    scene = scene_of(net)
    options, call = by_hand(net, scene.probes.images)[name]
    found, _, _ = drawn(CaptumAttribution(f"captum.attr.{name}", **options), scene)
    expected = torch.cat([call(i).detach() for i in range(3)]).sum(1, keepdim=True)
    expected = F.interpolate(expected, (16, 16), mode="bilinear") if expected.shape[2] < 16 else expected
    assert torch.allclose(found, expected[:, 0].float(), atol=1e-5)


HOOKED = ["DeepLift", "GuidedBackprop", "LayerGradCam", "LayerIntegratedGradients"]


def hooks(module):
    return [len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in module.modules()]


@pytest.mark.parametrize("name", HOOKED)
def test_captums_hooks_are_gone_also_after_a_failure(name, net):
    class Fails(Net):
        fails = False

        def forward(self, x):
            scores = super().forward(x)
            if self.fails:
                raise RuntimeError("in the midst of it")
            return scores

    failing, scene = Fails(), scene_of(net)
    failing.load_state_dict(net.state_dict())
    failing.eval().requires_grad_(False)
    callback, scene = CaptumAttribution(f"captum.attr.{name}"), scene_of(failing)
    drawn(callback, scene)
    assert sum(hooks(failing)) == 0
    failing.fails = True
    with pytest.raises(RuntimeError, match="in the midst"):
        list(callback.draw(scene))
    assert sum(hooks(failing)) == 0


def test_training_is_not_disturbed_by_what_captum_hooks(tmp_path):
    callbacks = [CaptumAttribution(f"captum.attr.{name}", probes=2, on_error="raise") for name in HOOKED]
    runs = [fit(tmp_path / "with", callbacks), fit(tmp_path / "without")]
    ours, theirs = ({k: v.clone() for k, v in run.lightning_module.state_dict().items()} for run in runs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert {"probe_00_bread/captum_deeplift", "probe_00_bread/captum_layergradcam_net_4"} <= set(
        events(tmp_path / "with").Tags()["images"]
    )


SIGNS = [
    ("Saliency", {}, False),
    ("Saliency", {"arguments": {"abs": False}}, True),
    ("Saliency", {"noise": {"nt_samples": 3}}, False),
    ("InputXGradient", {}, True),
    ("InputXGradient", {"noise": {"nt_samples": 3, "nt_type": "smoothgrad"}}, True),
    ("InputXGradient", {"noise": {"nt_samples": 3, "nt_type": "vargrad"}}, False),
    ("InputXGradient", {"noise": {"nt_samples": 3, "nt_type": "smoothgrad_sq"}}, False),
    ("LayerGradCam", {"layer": "4"}, True),
    ("LayerGradCam", {"layer": "4", "arguments": {"relu_attributions": True}}, False),
]


@pytest.mark.parametrize(("method", "options", "signed"), SIGNS)
def test_values_of_captum_without_a_sign_are_drawn_as_magnitudes(method, options, signed, net):
    scene = scene_of(net)
    callback = CaptumAttribution(f"captum.attr.{method}", **options)
    found, _, _ = drawn(callback, scene)
    assert bool((found < 0).any()) == signed
    assert callback.grain == 0 or signed
    for pixels, values in zip(scene.probes.pixels, found, strict=True):
        blurs = blurred(values[None, None], callback.grain * 16)[0, 0] if callback.grain else values
        heat, full = symmetric(blurs.numpy())
        tile = callback.paint(pixels, values, full)[0][0]
        assert np.array_equal(tile, diverging(heat) if signed else sequential(heat))


class NotInstalled(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "captum":
            raise ModuleNotFoundError("No module named 'captum'", name=name)


def test_without_captum_the_mend_is_told(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "captum"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NotInstalled(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match=r"InputXGradient.*pip install 'lightning-viz\[captum\]'"):
        CaptumAttribution()


WRONG = [
    (SaliencyMaps, {"method": "loss", "against": "rival"}, ("no against=", "'rival'")),
    (SaliencyMaps, {"method": "guided"}, ("'vargrad'", "'guided'")),
    (IntegratedGradients, {"steps": 0}, ("steps=", "at least 1", "0")),
    (IntegratedGradients, {"baseline": "grey"}, ("'blurred'", "'grey'")),
    (IntegratedGradients, {"baseline": []}, ("baseline=", "none")),
    (GradCam, {"method": "cam"}, ("'gradcam++'", "'cam'")),
    (Occlusion, {"window": 0}, ("window=", "0")),
    (Occlusion, {"stride": [1, 2, 3, 4]}, ("stride=", "[1, 2, 3, 4]")),
    (Occlusion, {"cover": "red"}, ("cover=", "'red'")),
    (CaptumAttribution, {"method": "DeepLift"}, ("'captum.attr.DeepLift'",)),
    (CaptumAttribution, {"method": "captum.attr.DeepLifts"}, ("DeepLift", "'DeepLifts'")),
]


@pytest.mark.parametrize(("callback", "options", "words"), WRONG)
def test_arguments_are_checked_where_they_are_written(callback, options, words):
    with pytest.raises(ValueError) as caught:
        callback(**options)
    assert [word for word in words if word not in str(caught.value)] == []


UNFIT = [
    (SaliencyMaps, {"against": "Soups"}, ("'Soups'", "'Soup'")),
    (SaliencyMaps, {"against": "label"}, ("two classes", "target='label'", "'rival'")),
    (SaliencyMaps, {"target": "Egg", "against": 1}, ("two classes", "'Egg'", "1")),
    (Occlusion, {"window": 17}, ("window", "(17, 17)", "(16, 16)")),
    (Occlusion, {"window": 4, "stride": 5}, ("stride", "(5, 5)", "(4, 4)")),
    (GradCam, {"layer": "net.40"}, ("'net.40'", "'net.4'")),
    (GradCam, {"layer": "net.9"}, ("'net.9'", "spatial", "('N', 3)", "layer=")),
    (CaptumAttribution, {"layer": "net.4"}, ("no layer=", "InputXGradient")),
    (CaptumAttribution, {"init": {"nonsense": 1}}, ("nonsense", "InputXGradient", "(inputs, target")),
    (CaptumAttribution, {"arguments": {"n_steps": 1}}, ("n_steps", "(inputs, target")),
    (CaptumAttribution, {"method": "captum.attr.LayerGradCam", "layer": "net.9"}, ("LayerGradCam", "layer")),
    (CaptumAttribution, {"method": "captum.attr.nothing"}, ("'nothing'",)),
]


@pytest.mark.parametrize(("callback", "options", "words"), UNFIT)
def test_what_does_not_fit_is_refused_before_the_first_batch(callback, options, words, tmp_path):
    class Counting(Project):
        batches = 0

        def training_step(self, batch, batch_idx):
            Counting.batches += 1
            return super().training_step(batch, batch_idx)

    with pytest.raises(ValueError) as caught:
        fit(tmp_path, [callback(**options)], module=Counting)
    assert [word for word in words if word not in str(caught.value)] == []
    assert Counting.batches == 0
