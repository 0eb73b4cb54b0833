import numpy as np
import pytest
import torch
from photos import blocks

from lightning_viz.explain.lime.masks import block_size, draw_masks, masked_scores
from lightning_viz.explain.lime.superpixels import perturb
from lightning_viz.explain.network.chunks import Chunks


def identity(x):
    return x


@pytest.mark.parametrize("design", ["independent", "hadamard"])
def test_masks_are_fair_different_and_leave_global_randomness_alone(design):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    masks = draw_masks(40, 514, seed=3, design=design)
    assert torch.equal(before, torch.get_rng_state())
    assert masks.shape == (514, 40)
    assert torch.equal(masks, draw_masks(40, 514, seed=3, design=design))
    assert not torch.equal(masks, draw_masks(40, 514, seed=4, design=design))
    assert (masks.float().mean(0) - 0.5).abs().max() < 0.1
    assert len(set(map(tuple, masks.tolist()))) > 500


def test_independent_masks_start_whole_as_limes():
    assert draw_masks(40, 5, seed=3)[0].all()


@pytest.mark.parametrize("design", ["independent", "hadamard"])
def test_few_superpixels_are_enumerated(design):
    masks = draw_masks(5, 1000, seed=0, design=design)
    assert sorted(map(tuple, masks.tolist())) == sorted(np.ndindex(*[2] * 5))
    assert masks[0].all()
    assert torch.equal(masks[::2], ~masks[1::2])
    assert len(draw_masks(5, 30, seed=0, design=design)) == 30


@pytest.mark.parametrize("n", [12, 31, 34, 40, 53, 56])
def test_every_block_is_orthogonal_in_itself_and_to_pairs(n):
    size = block_size(n)
    masks = draw_masks(n, 3 * size, seed=0, design="hadamard")
    assert torch.equal(masks[::2], ~masks[1::2])
    for block in masks.split(size):
        signs = block.double() * 2 - 1
        assert torch.equal(signs.T @ signs, size * torch.eye(n, dtype=torch.double))
        assert torch.equal(signs.sum(0), torch.zeros(n, dtype=torch.double))
        pairs = signs[:, :, None] * signs[:, None, :]
        assert torch.einsum("si,sjk->ijk", signs, pairs).abs().max() == 0
    assert not torch.equal(masks[:size], masks[size : 2 * size])


@pytest.mark.parametrize("samples", [2, 3, 50, 128, 129, 300, 511])
def test_any_number_of_hadamard_masks_is_the_beginning_of_more(samples):
    masks = draw_masks(40, samples, seed=5, design="hadamard")
    assert len(masks) == samples // 2 * 2
    assert torch.equal(masks, draw_masks(40, 512, seed=5, design="hadamard")[: len(masks)])


def test_hadamard_masks_leave_as_much_of_the_image_as_coins_do():
    counts = torch.cat([draw_masks(40, 128, seed=s, design="hadamard").sum(1) for s in range(100)]).double()
    assert counts.mean() == 20
    assert counts.var() == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "design"), [((0, 5), "independent"), ((5, 0), "independent"), ((5, 1), "hadamard")]
)
def test_masks_need_a_superpixel_and_a_sample(arguments, design):
    with pytest.raises(ValueError, match="at least 1"):
        draw_masks(*arguments, seed=0, design=design)


def test_masked_scores_do_not_depend_on_the_batches():
    pixels, segments = blocks()
    masks = draw_masks(16, 37, seed=0)
    weight = torch.randn(3 * 256, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def scores(images):
        return images.flatten(1) @ weight

    def ask(size, function=None):
        return masked_scores(
            scores, pixels, segments, masks, normalize=lambda x: (x - 0.4) / 0.2,
            chunks=Chunks(size), probabilities=function,
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
