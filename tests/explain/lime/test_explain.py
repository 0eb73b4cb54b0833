import math

import numpy as np
import pytest
import torch
from lime import lime_image
from photos import HOMEWORK, blocks, photo
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from lightning_viz.explain.lime.explain import (
    draw_masks,
    explain,
    fit,
    mean_fill,
    superpixels,
    top_superpixels,
)


class Additive:
    """A network that sees each superpixel shown or not, and adds up: no interaction, no noise."""

    def __init__(self, pixels, segments, coefficients):
        self.blank, self.segments, self.coefficients = mean_fill(pixels, segments), segments, coefficients
        self.calls = 0

    def shown(self, images):
        moved = (images - self.blank).abs().sum(1).flatten(1)
        hot = torch.nn.functional.one_hot(self.segments.flatten()).float()
        return (moved @ hot > 1e-4).float()

    def __call__(self, images):
        self.calls += 1
        return self.shown(images) @ self.coefficients


def identity(x):
    return x


def crossed(masks, seed=0):
    """Effects of single superpixels, pairs and triples, weaker the higher they go."""
    signs = 2 * masks.double() - 1
    random, n = torch.Generator().manual_seed(seed), masks.shape[1]
    total = signs @ torch.randn(n, generator=random).double()
    for order, strength in [(2, 0.35), (3, 0.35)]:
        chosen = torch.rand(3 * n, n, generator=random).argsort(1)[:, :order]
        effects = torch.randn(3 * n, generator=random).double()
        total += strength * (signs[:, chosen].prod(dim=2) @ effects)
    return total


@pytest.mark.parametrize(("design", "samples"), [("independent", 1000), ("hadamard", 256)])
def test_an_additive_network_is_explained_by_its_coefficients(design, samples):
    pixels, segments = blocks()
    coefficients = torch.randn(16, 3, generator=torch.Generator().manual_seed(2))
    network = Additive(pixels, segments, coefficients)
    found = explain(
        network, pixels, [2, 0], segments=segments, masks=draw_masks(16, samples, seed=0, design=design),
        normalize=identity, batch_size=100_000, alpha=1e-6,
    )  # fmt: skip
    assert network.calls == 1
    for result, label in zip(found, [2, 0], strict=True):
        torch.testing.assert_close(result.weights, coefficients[:, label], rtol=1e-4, atol=1e-4)
        assert result.fidelity == pytest.approx(1, abs=1e-6)
        assert result.intercept == pytest.approx(0, abs=1e-4)
        assert result.errors.max() < 1e-4
        assert result.certain.all()
        assert result.samples == samples


@pytest.mark.parametrize("design", ["independent", "hadamard"])
@pytest.mark.parametrize("samples", [128, 1000])
def test_weights_are_those_of_scikit_learns_ridge_with_a_penalty_that_grows_with_the_sample(design, samples):
    masks = draw_masks(30, samples, seed=0, design=design)
    outputs = crossed(masks)
    sample_weights = np.exp(-((1 - np.sqrt(masks.double().mean(1).numpy())) ** 2) / 0.4**2) ** 0.5
    expected = Ridge(alpha=samples / 1000).fit(masks.numpy(), outputs.numpy(), sample_weights)
    found = fit(masks, outputs, kernel_width=0.4)
    np.testing.assert_allclose(found.weights, expected.coef_, rtol=1e-5, atol=1e-6)
    assert found.intercept == pytest.approx(expected.intercept_)


@pytest.mark.parametrize("samples", [80, 1000])
def test_the_penalty_shrinks_few_samples_as_much_as_limes_own_does_a_thousand(samples):
    masks = draw_masks(30, samples, seed=0, design="hadamard")
    coefficients = torch.randn(30, generator=torch.Generator().manual_seed(0))
    weights = fit(masks, masks.float() @ coefficients).weights
    assert np.corrcoef(weights, coefficients)[0, 1] > 0.9999
    assert weights.norm() / coefficients.norm() == pytest.approx(0.992, abs=0.003)


@pytest.mark.parametrize(("design", "samples"), [("independent", 96), ("hadamard", 64), ("hadamard", 192)])
def test_fidelity_is_the_weighted_r2_on_fresh_masks(design, samples):
    fresh = draw_masks(20, 4000, seed=99)
    outputs = crossed(fresh)
    weights = np.exp(-((1 - np.sqrt(fresh.double().mean(1).numpy())) ** 2) / 0.25**2) ** 0.5
    told, seen = [], []
    for seed in range(60):
        masks = draw_masks(20, samples, seed=seed, design=design)
        found = fit(masks, crossed(masks))
        predicted = fresh.double() @ found.weights.double() + found.intercept
        told.append(found.fidelity)
        seen.append(r2_score(outputs, predicted, sample_weight=weights))
    assert 0.3 < np.mean(seen) < 0.8
    assert np.mean(told) == pytest.approx(np.mean(seen), abs=0.05)


@pytest.mark.parametrize(("design", "samples"), [("independent", 96), ("hadamard", 64), ("hadamard", 192)])
def test_errors_are_how_far_weights_vary_between_draws(design, samples):
    draws = [draw_masks(20, samples, seed=seed, design=design) for seed in range(80)]
    found = [fit(masks, crossed(masks)) for masks in draws]
    told = torch.stack([x.errors for x in found]).square().mean().sqrt()
    weights = torch.stack([x.weights for x in found])
    assert told == pytest.approx(float(weights.var(dim=0).mean().sqrt()), rel=0.15)
    many = draw_masks(20, 16_384, seed=99)
    exact = fit(many, crossed(many)).weights
    sure = torch.stack([x.certain for x in found])
    assert (weights.sign() == exact.sign())[sure].float().mean() > 0.95
    correlations = [np.corrcoef(x, exact)[0, 1] for x in weights]
    assert np.mean([x.reliability for x in found]) == pytest.approx(np.mean(correlations), abs=0.03)


def test_all_masks_leave_no_doubt():
    masks = draw_masks(6, 500, seed=0)
    outputs = crossed(masks)
    found = fit(masks, outputs)
    weights = np.exp(-((1 - np.sqrt(masks.double().mean(1).numpy())) ** 2) / 0.25**2) ** 0.5
    predicted = masks.double() @ found.weights.double() + found.intercept
    assert found.errors.tolist() == [0.0] * 6
    assert found.reliability == 1
    assert found.fidelity == pytest.approx(r2_score(outputs, predicted, sample_weight=weights), abs=1e-6)


def test_too_few_masks_tell_no_errors():
    masks = draw_masks(40, 100, seed=0, design="hadamard")
    found = fit(masks, crossed(masks))
    assert found.errors.tolist() == [math.inf] * 40
    assert not found.certain.any()
    assert found.reliability == 0
    assert math.isnan(found.fidelity)


def test_noise_has_no_fidelity_and_a_constant_none_to_speak_of():
    masks = draw_masks(40, 200, seed=0, design="hadamard")
    noise = [torch.randn(200, generator=torch.Generator().manual_seed(seed)) for seed in range(20)]
    found = [fit(masks, outputs) for outputs in noise]
    assert np.mean([x.fidelity for x in found]) < 0.05
    assert torch.stack([x.certain for x in found]).float().mean() < 0.1
    assert np.mean([x.reliability for x in found]) < 0.5
    assert math.isnan(fit(masks, torch.full((200,), 3.0)).fidelity)


class Counting:
    """Scores from masks alone: reads the superpixels off the image, and counts what it is asked."""

    def __init__(self, pixels, segments, function):
        self.seeing, self.function, self.asked = Additive(pixels, segments, torch.eye(16)), function, 0

    def __call__(self, images):
        self.asked += len(images)
        return self.function(self.seeing.shown(images))


def noisy(masks):
    # Of every mask another number, as good as random.
    return torch.stack([((masks @ torch.arange(1.0, 17) ** 2) * k).sin() for k in (1e3, 7e3)], dim=1)


@pytest.mark.parametrize(
    ("function", "least", "most"),
    [(lambda m: m @ torch.randn(16, 2, generator=torch.Generator().manual_seed(0)), 48, 48),
     (lambda m: torch.stack([crossed(m), crossed(m, 1)], dim=1), 128, 448),
     (noisy, 512, 512)],
)  # fmt: skip
def test_it_stops_when_the_ranking_is_stable_and_never_beyond_its_masks(function, least, most):
    pixels, segments = blocks()
    asked = []
    for _ in range(2):
        network = Counting(pixels, segments, function)
        masks = draw_masks(16, 512, seed=0, design="hadamard")
        found = explain(network, pixels, [0, 1], segments=segments, masks=masks, normalize=identity, enough=0.97)
        asked.append(network.asked)
    assert asked[0] == asked[1] == found[0].samples == found[1].samples
    assert least <= asked[0] <= most
    if asked[0] < 512:
        assert min(x.reliability for x in found) >= 0.97
    one = explain(network, pixels, [0, 1], segments=segments, masks=masks[: asked[0]], normalize=identity, batch_size=7)
    for early, whole in zip(found, one, strict=True):
        torch.testing.assert_close(early.weights, whole.weights, rtol=1e-4, atol=1e-4)


def test_a_stop_at_99_percent_is_as_near_to_the_answer_of_16384_samples():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 5, 2), torch.nn.ReLU(), torch.nn.Conv2d(16, 16, 3, 2), torch.nn.ReLU(),
        torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4),
    ).eval().requires_grad_(False)  # fmt: skip
    pixels, segments = blocks()

    def weights(masks, labels, **options):
        return explain(
            network, pixels, labels, segments=segments, masks=masks, normalize=lambda x: 8 * (x - 0.5), **options
        )

    exact = weights(draw_masks(16, 16_384, seed=99), range(4), batch_size=1024)
    stopped, asked = [], []
    for seed in range(6):
        masks = draw_masks(16, 1024, seed=seed, design="hadamard")
        for label in range(4):
            (found,) = weights(masks, [label], enough=0.99)
            stopped.append(np.corrcoef(found.weights, exact[label].weights)[0, 1])
            asked.append(found.samples)
    assert max(asked) < 1024
    assert np.mean(stopped) > 0.99
    assert min(stopped) > 0.975


def test_what_moves_by_rounding_alone_has_no_weights():
    masks = draw_masks(40, 100, seed=0)
    rounding = 1 + 1e-7 * torch.randn(100, generator=torch.Generator().manual_seed(0))
    found = fit(masks, rounding)
    assert found.weights.tolist() == [0.0] * 40
    assert found.intercept == pytest.approx(1)
    assert fit(masks, 1 + 1e-3 * masks[:, 3]).weights.argmax() == 3


def lime_package(pixels, segments, network, samples, labels):
    """The lime package's explanation, and the masks that it drew."""
    explainer = lime_image.LimeImageExplainer(random_state=0)
    image = pixels.double().permute(1, 2, 0).numpy()

    def classify(batch):
        return network(torch.from_numpy(batch).permute(0, 3, 1, 2).float()).double().numpy()

    explanation = explainer.explain_instance(
        image, classify, labels=labels, top_labels=None, num_samples=samples, random_seed=0,
        segmentation_fn=lambda _: segments.numpy(),
    )  # fmt: skip
    # The explainer draws nothing but the masks, so its generator can be played again.
    n = int(segments.max()) + 1
    masks = np.random.RandomState(0).randint(0, 2, samples * n).reshape(samples, n)
    masks[0] = 1
    return explanation, torch.from_numpy(masks).bool()


def test_same_masks_give_the_lime_packages_explanation_and_its_picture(capfd):
    pixels = photo(64)
    segments = superpixels(pixels, **HOMEWORK)
    n = int(segments.max()) + 1
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(3 * 64 * 64, 4, generator=random).double()

    def network(images):
        return (images.double().flatten(1) @ weight).sin()

    explanation, masks = lime_package(pixels, segments, network, 200, (3, 1))
    capfd.readouterr()
    found = explain(network, pixels, [3, 1], segments=segments, masks=masks, normalize=identity, alpha=1.0)
    assert capfd.readouterr() == ("", "")
    for label, result in zip([3, 1], found, strict=True):
        expected = dict(explanation.local_exp[label])
        difference = np.array([expected[k] for k in range(n)]) - result.weights.numpy()
        assert np.abs(difference).max() < 1e-6
        assert result.intercept == pytest.approx(explanation.intercept[label], abs=1e-5)
        for positive, count, least in [(False, 11, 0.05), (True, 5, 0.0), (False, 10_000, 0.02)]:
            _, mask = explanation.get_image_and_mask(
                label, positive_only=positive, hide_rest=False, num_features=count, min_weight=least
            )
            chosen = top_superpixels(result.weights, count=count, min_weight=least, positive_only=positive)
            assert np.array_equal(chosen[segments].numpy(), mask)
            assert chosen.any()


def test_labels_and_shapes_that_do_not_fit_are_named():
    pixels, segments = blocks()
    masks = draw_masks(16, 5, seed=0)
    network = Additive(pixels, segments, torch.ones(16, 3))
    with pytest.raises(ValueError, match="from 0 to 2, received 3"):
        explain(network, pixels, [3], segments=segments, masks=masks, normalize=identity)
    with pytest.raises(ValueError, match="Expected masks"):
        fit(masks, torch.zeros(4))
    with pytest.raises(ValueError, match="kernel_width"):
        fit(masks, torch.zeros(5), kernel_width=0)
    with pytest.raises(ValueError, match="alpha"):
        fit(masks, torch.zeros(5), alpha=0)
