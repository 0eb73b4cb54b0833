import numpy as np
import pytest
import torch
from photos import blocks

from lightning_viz.explain.masks import (
    draw_masks,
    masked_scores,
)
from lightning_viz.explain.superpixels import perturb


def identity(x):
    return x


@pytest.mark.parametrize("design", ["independent", "hadamard"])
def test_masks_start_whole_are_fair_and_leave_global_randomness_alone(design):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    masks = draw_masks(40, 513, seed=3, design=design)
    assert torch.equal(before, torch.get_rng_state())
    assert masks.shape == (513, 40)
    assert masks[0].all()
    assert torch.equal(masks, draw_masks(40, 513, seed=3, design=design))
    assert not torch.equal(masks, draw_masks(40, 513, seed=4, design=design))
    assert (masks.float().mean(0) - 0.5).abs().max() < 0.1
    assert len(set(map(tuple, masks.tolist()))) > 500


def test_few_superpixels_are_enumerated():
    masks = draw_masks(5, 1000, seed=0)
    assert sorted(map(tuple, masks.tolist())) == sorted(np.ndindex(*[2] * 5))
    assert masks[0].all()
    assert torch.equal(draw_masks(5, 7, seed=0), masks[:7])


def test_hadamard_columns_are_orthogonal_in_themselves_and_in_pairs():
    signs = draw_masks(20, 65, seed=0, design="hadamard")[1:].double() * 2 - 1
    assert torch.equal(signs.T @ signs, 64 * torch.eye(20, dtype=torch.double))
    pairs = signs[:, :, None] * signs[:, None, :]
    assert torch.einsum("si,sjk->ijk", signs, pairs).abs().max() == 0


@pytest.mark.parametrize("arguments", [(0, 5), (5, 0)])
def test_masks_need_a_superpixel_and_a_sample(arguments):
    with pytest.raises(ValueError, match="at least 1"):
        draw_masks(*arguments, seed=0)


def test_too_few_samples_for_hadamard_say_how_many_it_takes():
    with pytest.raises(ValueError, match="needs 128 samples, got 64"):
        draw_masks(40, 64, seed=0, design="hadamard")
    assert len(draw_masks(40, 128, seed=0, design="hadamard")) == 128


def test_masked_scores_do_not_depend_on_the_batches():
    pixels, segments = blocks()
    masks = draw_masks(16, 37, seed=0)
    weight = torch.randn(3 * 256, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def scores(images):
        return images.flatten(1) @ weight

    def ask(size, function=None):
        return masked_scores(
            scores, pixels, segments, masks, normalize=lambda x: (x - 0.4) / 0.2,
            batch_size=size, probabilities=function,
        )  # fmt: skip

    one = torch.stack([scores((perturb(pixels, segments, m[None]) - 0.4) / 0.2)[0] for m in masks])
    assert not ask(64).requires_grad
    torch.testing.assert_close(ask(8), one.detach(), rtol=1e-4, atol=1e-3)
    softmax = ask(64, lambda s: s.softmax(1))
    torch.testing.assert_close(softmax.sum(1), torch.ones(37))


def test_scores_that_are_not_finite_are_named():
    pixels, segments = blocks()
    with pytest.raises(ValueError, match="not all finite"):
        masked_scores(lambda x: x.flatten(1) / 0, pixels, segments, draw_masks(16, 5, seed=0), normalize=identity)
