"""Similarity, entropy and sum of maps, against scipy, scikit-image and closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy as scipy_entropy
from scipy.stats import rankdata, spearmanr
from skimage.metrics import structural_similarity as skimage_ssim

from lightning_viz.explain.measures.similarity import (
    entropy,
    magnitudes,
    rank_correlation,
    ranks,
    structural_similarity,
)

ZERO, FLAT = torch.zeros(8, 8), torch.full((8, 8), 0.3)
BROKEN = torch.ones(8, 8).index_fill(0, torch.tensor([2]), math.nan)


def maps(size, ties=False, seed=0):
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(size, generator=generator)
    b = 0.5 * a + torch.randn(size, generator=generator)
    return ((2 * a).round(), (2 * b).round()) if ties else (a, b)


@pytest.mark.parametrize("ties", [False, True])
def test_rank_correlation_is_scipys(ties):
    a, b = maps((16, 24), ties)
    assert ranks(a).numpy() == pytest.approx(rankdata(a.abs().numpy()))
    expected = spearmanr(a.abs().flatten(), b.abs().flatten()).statistic
    assert rank_correlation(a, b) == pytest.approx(expected, abs=1e-12)
    assert 0.05 < abs(expected) < 0.9


def test_rank_correlation_of_a_map_with_itself_is_one_whatever_its_scale_and_sign():
    a, _ = maps((16, 16))
    assert rank_correlation(a, -1e-20 * a) == pytest.approx(1)
    assert rank_correlation(a, 1 / a) == pytest.approx(-1)


@pytest.mark.parametrize("size", [(16, 24), (7, 7), (6, 9), (3, 40)])
def test_structural_similarity_is_scikit_images(size):
    a, b = maps(size)
    scaled = [m.double().abs().numpy() / m.double().abs().max().item() for m in (a, b)]
    window = next(n for n in (7, 5, 3) if n <= min(size))
    expected = skimage_ssim(*scaled, data_range=1.0, win_size=window)
    assert structural_similarity(a, b) == pytest.approx(expected, abs=1e-12)
    assert expected < 0.9
    assert structural_similarity(a, -7 * a) == pytest.approx(1)


def test_entropy_goes_from_one_pixel_to_all_of_them():
    one = torch.zeros(8, 8)
    one[3, 4] = -5.0
    assert entropy(one) == 0
    assert entropy(FLAT) == pytest.approx(math.log(64))
    a, _ = maps((16, 24))
    assert entropy(a) == entropy(4 * a) == pytest.approx(scipy_entropy(a.abs().double().flatten()))


def test_sum_is_that_of_the_magnitudes():
    a, _ = maps((16, 24))
    assert magnitudes(a) == pytest.approx(np.abs(a.numpy()).sum())
    assert magnitudes(ZERO) == 0


@pytest.mark.parametrize("other", [FLAT, FLAT + torch.eye(8)], ids=["constant", "not constant"])
def test_what_has_no_order_or_no_pattern_is_not_a_number(other):
    for nothing in (ZERO, FLAT, BROKEN):
        assert math.isnan(rank_correlation(nothing, other))
        assert math.isnan(rank_correlation(other, nothing))
    for nothing in (ZERO, BROKEN):
        assert math.isnan(structural_similarity(nothing, other))
        assert math.isnan(structural_similarity(other, nothing))
    assert structural_similarity(FLAT, FLAT) == pytest.approx(1)
    assert math.isnan(entropy(ZERO))
    assert math.isnan(entropy(BROKEN))
    assert math.isnan(magnitudes(BROKEN))
    assert math.isnan(structural_similarity(torch.ones(2, 9), torch.ones(2, 9)))
