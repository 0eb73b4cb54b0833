import numpy as np
import pytest
import torch
from lime.wrappers.scikit_image import SegmentationAlgorithm
from photos import HOMEWORK, blocks, photo

from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.lime.superpixels import (
    perturb,
    superpixels,
)


@pytest.mark.parametrize(("side", "channels"), [(8, 3), (28, 1), (32, 3), (64, 4), (48, 2), (128, 3)])
def test_superpixels_are_numbered_without_gaps_and_repeat(side, channels):
    pixels = photo(side, channels)
    labels = superpixels(pixels)
    assert labels.shape == (side, side)
    assert labels.unique().tolist() == list(range(int(labels.max()) + 1))
    assert labels.max() >= 3
    assert torch.equal(labels, superpixels(pixels))


@pytest.mark.parametrize("shape", [(3, 2, 2), (1, 1, 4), (3, 7, 1), (3, 32, 32), (1, 5, 3), (3, 3, 40)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_one_colour_and_tiny_images_give_at_least_four(shape, value):
    labels = superpixels(torch.full(shape, value))
    assert labels.unique().tolist() == list(range(int(labels.max()) + 1))
    assert labels.max() >= 3


@pytest.mark.parametrize("segments", [None, 64])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (4, 5), (5, 5), (6, 6)])
def test_blanking_changes_every_superpixel_of_a_tiny_image(height, width, segments):
    for seed in range(8):
        pixels = torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
        labels = superpixels(pixels, segments=segments)
        assert int(labels.max()) + 1 >= 4
        blanked = perturb(pixels, labels, torch.zeros(1, int(labels.max()) + 1, dtype=torch.bool))[0]
        changed = (blanked != pixels).any(0)
        assert sorted(labels[changed].unique().tolist()) == list(range(int(labels.max()) + 1))


@pytest.mark.parametrize("method", ["merged", "slic", "quickshift", "felzenszwalb", "grid"])
@pytest.mark.parametrize("segments", [12, 30])
def test_every_method_cuts_about_as_many_as_wanted_along_the_colours(method, segments):
    pixels = torch.kron(torch.rand(3, 6, 6, generator=torch.Generator().manual_seed(1)), torch.ones(16, 16))
    labels = superpixels(pixels, segments=segments, method=method)
    assert 0.6 * segments < int(labels.max()) + 1 < 1.5 * segments
    assert labels.unique().tolist() == list(range(int(labels.max()) + 1))
    assert torch.equal(labels, superpixels(pixels, segments=segments, method=method))


@pytest.mark.parametrize("method", ["merged", "slic", "quickshift", "felzenszwalb"])
def test_superpixels_follow_the_colours_where_a_grid_does_not(method):
    y, x = torch.meshgrid(torch.arange(90), torch.arange(90), indexing="ij")
    disc = ((y - 40) ** 2 + (x - 50) ** 2 < 500).long()
    pixels = torch.stack([0.2 + 0.6 * disc, 0.7 - 0.5 * disc, 0.5 * torch.ones(90, 90)])

    def impurity(method):
        labels = superpixels(pixels, segments=20, method=method)
        counts = torch.bincount(2 * labels.flatten() + disc.flatten(), minlength=2 * int(labels.max()) + 2)
        return counts.reshape(-1, 2).min(dim=1).values.sum() / disc.sum()

    assert impurity(method) < 0.1 < 0.2 < impurity("grid")


def test_quickshift_hangs_every_pixel_on_one_root_of_its_own_superpixel():
    labels = superpixels(photo(48), segments=25, method="quickshift")
    assert int(labels.max()) == 24


def test_a_function_cuts_as_it_likes_and_gets_the_image_as_limes_do():
    seen = []

    def stripes(image):
        seen.append(image)
        return 7 * (np.arange(48)[:, None] // 8) + np.zeros((48, 48), dtype=int)

    pixels = photo(48)
    labels = superpixels(pixels, method=stripes)
    assert labels[:, 0].tolist() == [row // 8 for row in range(48)]
    np.testing.assert_allclose(seen[0], pixels.permute(1, 2, 0), atol=1e-6)


@pytest.mark.parametrize("method", [lambda image: image, lambda image: np.zeros(5, int)])
def test_a_function_that_gives_no_labels_is_told_what_to_give(method):
    with pytest.raises(ValueError, match=r"whole numbers \(48, 48\), received (float64|int64)"):
        superpixels(photo(48), method=method)


def test_an_unknown_method_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'merged', 'slic', .*, 'grid', or a function, received 'otsu'"):
        superpixels(photo(48), method="otsu")


def test_homework_superpixels_equal_those_of_the_lime_package_but_for_the_first_number():
    pixels = photo(128)
    slic = SegmentationAlgorithm("slic", n_segments=100, compactness=1, sigma=1, start_label=0)
    expected = slic(pixels.double().permute(1, 2, 0).numpy())
    assert np.array_equal(superpixels(pixels, **HOMEWORK).numpy(), expected)


@pytest.mark.parametrize(
    ("pixels", "keywords"),
    [
        (torch.zeros(3, 0, 3), {}),
        (torch.zeros(1, 2, 3, 8, 8), {}),
        (torch.zeros(3, 8, 8), {"segments": 3}),
    ],
)
def test_superpixels_refuse_what_they_cannot_cut(pixels, keywords):
    with pytest.raises(ValueError, match=r"Expected (pixels|segments) to be"):
        superpixels(pixels, **keywords)


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 1, 2), (3, 1, 3)])
def test_less_than_four_pixels_are_a_superpixel_each(shape):
    assert superpixels(torch.rand(shape)).flatten().tolist() == list(range(shape[2]))


def test_values_that_are_not_finite_are_cut_like_black_and_white():
    pixels, _ = blocks()
    spoilt, plain = pixels.clone(), pixels.clone()
    spoilt[:, 2:5, 3:7], plain[:, 2:5, 3:7] = float("inf"), 1.0
    spoilt[:, 8:12, 3:7], plain[:, 8:12, 3:7] = float("nan"), 0.0
    assert torch.equal(superpixels(spoilt), superpixels(plain))


def test_perturb_keeps_what_stays_and_blanks_the_rest():
    pixels, segments = blocks()
    masks = draw_masks(16, 9, seed=0)
    images, black = perturb(pixels, segments, masks), perturb(pixels, segments, masks, fill=0.0)
    assert torch.equal(images[0], pixels)
    for mask, image, dark in zip(masks, images, black, strict=True):
        for k in range(16):
            here = segments == k
            if mask[k]:
                assert torch.equal(image[:, here], pixels[:, here])
            else:
                torch.testing.assert_close(image[:, here].T, pixels[:, here].mean(1).expand(16, 3))
                assert not dark[:, here].any()


def test_perturb_takes_a_colour_and_names_a_fill_that_does_not_fit():
    pixels, segments = blocks()
    nothing = torch.zeros(1, 16, dtype=torch.bool)
    image = perturb(pixels, segments, nothing, fill=torch.tensor([0.1, 0.2, 0.3]))
    assert torch.equal(image[0, :, 5, 7], torch.tensor([0.1, 0.2, 0.3]))
    with pytest.raises(ValueError, match="Expected fill to be"):
        perturb(pixels, segments, nothing, fill=torch.zeros(4))
    with pytest.raises(ValueError, match=r"Expected masks to be \(samples, 16\)"):
        perturb(pixels, segments, nothing[:, :9])
