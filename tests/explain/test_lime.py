import math

import numpy as np
import pytest
import torch
from lime import lime_image
from photos import HOMEWORK, blocks, photo
from sklearn.metrics import r2_score

from lightning_viz.explain.lime import (
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


@pytest.mark.parametrize(("design", "samples"), [("independent", 1000), ("hadamard", 256)])
def test_an_additive_network_is_explained_by_its_coefficients(design, samples):
    pixels, segments = blocks()
    coefficients = torch.randn(16, 3, generator=torch.Generator().manual_seed(2))
    network = Additive(pixels, segments, coefficients)
    found = explain(
        network, pixels, [2, 0], segments=segments, masks=draw_masks(16, samples, seed=0, design=design),
        held_out_masks=draw_masks(16, 300, seed=1), normalize=identity, batch_size=100_000, alpha=1e-6,
    )  # fmt: skip
    assert network.calls == 1
    for result, label in zip(found, [2, 0], strict=True):
        torch.testing.assert_close(result.weights, coefficients[:, label], rtol=1e-4, atol=1e-4)
        assert result.fidelity == pytest.approx(1, abs=1e-6)
        assert result.intercept == pytest.approx(0, abs=1e-4)


def test_limes_own_penalty_shrinks_the_coefficients_but_keeps_their_order():
    masks = draw_masks(30, 1000, seed=0)
    coefficients = torch.randn(30, generator=torch.Generator().manual_seed(0))
    weights = fit(masks, masks.float() @ coefficients).weights
    assert np.corrcoef(weights, coefficients)[0, 1] > 0.999
    assert 0.98 < weights.norm() / coefficients.norm() < 1


def test_fidelity_is_sklearns_weighted_r2_on_the_fresh_masks():
    masks, fresh = draw_masks(12, 200, seed=0), draw_masks(12, 150, seed=1)
    noise = torch.Generator().manual_seed(0)
    outputs, unseen = (m[:, 0] * m[:, 1] + torch.rand(len(m), generator=noise) for m in (masks, fresh))
    result = fit(masks, outputs, held_out=(fresh, unseen), kernel_width=0.4)
    predicted = fresh.double() @ result.weights.double() + result.intercept
    weights = np.exp(-((1 - np.sqrt(fresh.double().mean(1).numpy())) ** 2) / 0.4**2) ** 0.5
    assert result.fidelity == pytest.approx(r2_score(unseen, predicted, sample_weight=weights), abs=1e-5)


def test_noise_has_no_fidelity_and_a_constant_none_to_speak_of():
    masks, fresh = draw_masks(40, 100, seed=0), draw_masks(40, 400, seed=1)
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(500, generator=random)
    assert fit(masks, noise[:100], held_out=(fresh, noise[100:])).fidelity < 0.05
    constant = torch.full((500,), 3.0)
    assert math.isnan(fit(masks, constant[:100], held_out=(fresh, constant[100:])).fidelity)
    assert math.isnan(fit(masks, noise[:100]).fidelity)


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
    found = explain(network, pixels, [3, 1], segments=segments, masks=masks, normalize=identity)
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
    with pytest.raises(ValueError, match="from 0 to 2, got 3"):
        explain(network, pixels, [3], segments=segments, masks=masks, normalize=identity)
    with pytest.raises(ValueError, match="expected masks"):
        fit(masks, torch.zeros(4))
    with pytest.raises(ValueError, match="kernel_width"):
        fit(masks, torch.zeros(5), kernel_width=0)
