import numpy as np
import pytest
from PIL import Image

from lightning_viz.render import (
    diverging,
    enlarge,
    hatch,
    minmax,
    overlay,
    sequential,
    symmetric,
    to_uint8,
)

RANDOM = np.random.default_rng(0)


def lightness(picture):
    return picture.astype(float) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("side", [1, 32, 64])
def test_an_eight_bit_image_comes_back_unchanged(side):
    image = RANDOM.integers(0, 256, (side, side, 3), dtype=np.uint8)
    assert np.array_equal(to_uint8(image.transpose(2, 0, 1) / 255), image)
    assert np.array_equal(to_uint8((image.transpose(2, 0, 1) / 255).astype(np.float32)), image)


def test_channels_become_red_green_blue():
    pixels = RANDOM.random((5, 4, 6))
    assert np.array_equal(to_uint8(pixels), to_uint8(pixels[:3]))
    for grey in (pixels[:1], pixels[0], pixels[[0, 0]]):
        picture = to_uint8(grey)
        assert picture.shape == (4, 6, 3)
        assert np.array_equal(picture[..., 0], np.rint(pixels[0] * 255))
        assert (picture == picture[..., :1]).all()


def test_out_of_range_is_clipped_and_not_finite_is_hatched():
    pixels = np.full((3, 8, 8), 7.0)
    pixels[1, :3] = np.nan
    pixels[2, 3] = -np.inf
    picture = to_uint8(pixels)
    assert np.array_equal(picture[:4], hatch(8, 8)[:4])
    assert (picture[4:] == 255).all()


def test_minmax_spans_zero_to_one_and_survives_constants_and_extremes():
    values = RANDOM.normal(size=(3, 5, 5))
    assert minmax(values).min() == 0
    assert minmax(values).max() == pytest.approx(1)
    assert np.allclose(minmax(values), minmax(values * 1e-30 + 5e-30), atol=1e-6)
    assert not minmax(np.full((4, 4), 0.3)).any()
    assert minmax([-1.7e308, 1.7e308]).tolist() == [0, 1]
    assert np.array_equal(minmax([1, np.nan, 3, np.inf]), [0, np.nan, 1, np.nan], equal_nan=True)
    assert np.isnan(minmax([np.nan, np.inf])).all()


def test_symmetric_divides_by_the_percentile_and_keeps_zero_and_sign():
    values = np.arange(-100.0, 101)
    scaled, scale = symmetric(values)
    assert scale == pytest.approx(np.percentile(np.abs(values), 99))
    assert np.array_equal(np.sign(scaled), np.sign(values))
    assert np.allclose(scaled, np.clip(values / scale, -1, 1))


def test_symmetric_of_sparse_empty_and_unknown_maps():
    sparse = np.zeros(1000)
    sparse[3] = -4
    assert symmetric(sparse)[1] == 4
    assert symmetric(np.zeros(9))[1] == 0
    assert not symmetric(np.zeros(9))[0].any()
    assert symmetric([np.nan, np.inf])[1] == 0
    assert symmetric([1.0, np.nan, -2.0], percentile=100)[1] == 2
    with pytest.raises(ValueError, match="Expected scale to be"):
        symmetric(sparse, scale=-1)


def test_a_fixed_scale_gives_one_value_one_colour_in_every_epoch():
    early, late = np.array([[0.1, 0.2]]), np.array([[0.1, 5.0]])
    pictures = [sequential(symmetric(m, scale=1.0)[0]) for m in (early, late)]
    assert np.array_equal(pictures[0][0, 0], pictures[1][0, 0])


def test_diverging_is_white_at_zero_red_above_and_blue_below():
    blue, white, red = diverging([[-1.0, 0.0, 1.0]])[0].astype(int)
    assert white.min() > 240
    assert red[0] > red[2] + 50
    assert blue[2] > blue[0] + 50
    ramp = lightness(diverging(np.linspace(-1, 1, 101)[None]))[0]
    assert np.abs(ramp - ramp[::-1]).max() < 40


def test_sequential_grows_lighter_all_the_way():
    ramp = lightness(sequential(np.linspace(0, 1, 200)[None]))[0]
    assert (np.diff(ramp) > -0.5).all()
    assert ramp[0] < 5
    assert ramp[-1] > 200


@pytest.mark.parametrize("colour", [diverging, sequential])
def test_colour_maps_hatch_what_is_not_finite_and_want_one_map(colour):
    values = np.zeros((6, 6))
    values[2:4, 1:5] = [np.nan, np.inf, -np.inf, np.nan]
    assert np.array_equal(colour(values)[2:4, 1:5], hatch(6, 6)[2:4, 1:5])
    with pytest.raises(ValueError, match=r"Expected a map \(H, W\), received \(3, 4, 4\)"):
        colour(np.zeros((3, 4, 4)))


def test_overlay_without_heat_is_grey_and_heat_brings_colour():
    pixels = RANDOM.random((3, 16, 16))
    heat = np.zeros((16, 16))
    assert np.ptp(overlay(pixels, heat), axis=2).max() <= 1
    heat[4, 5], heat[8, 8] = 1, -1
    picture = overlay(pixels, heat, signed=True).astype(int)
    assert picture[4, 5, 0] > picture[4, 5, 2] + 80
    assert picture[8, 8, 2] > picture[8, 8, 0] + 80
    assert np.ptp(picture, axis=2).astype(bool).sum() < 16 * 16


def test_overlay_names_a_map_that_does_not_fit():
    with pytest.raises(ValueError, match="image's size"):
        overlay(np.zeros((3, 8, 8)), np.zeros((4, 4)))
    with pytest.raises(ValueError, match="signed=True"):
        overlay(np.zeros((3, 2, 2)), -np.eye(2))


@pytest.mark.parametrize("side", [8, 32, 50, 64, 128, 224])
def test_enlarged_pixels_keep_their_colour_and_their_place(side):
    image = RANDOM.integers(0, 256, (side, side, 3), dtype=np.uint8)
    big = enlarge(image, 350)
    assert big.shape == (350, 350, 3)
    # Every original pixel's centre still shows that pixel's colour, unless it is thinner than the soft edge.
    centre = ((np.arange(side) + 0.5) * 350 / side).astype(int)
    if 350 / side > 2.1:
        assert np.array_equal(big[centre][:, centre], image)


def test_a_whole_factor_is_plain_repetition():
    image = RANDOM.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(enlarge(image, 28), np.kron(image, np.ones((4, 4, 1), np.uint8)))


def test_reduction_averages_areas():
    image = RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    means = image.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(enlarge(image, 16) - means).max() <= 1
    expected = Image.fromarray(image).resize((30, 30), Image.Resampling.BOX)
    assert np.array_equal(enlarge(image, 30), np.asarray(expected))


@pytest.mark.parametrize("shape", [(10, 20), (20, 10), (1, 40), (3, 1000)])
def test_the_longer_side_decides(shape):
    big = enlarge(np.zeros((*shape, 3), np.uint8), 100)
    assert max(big.shape) == 100
    assert min(big.shape[:2]) == max(round(min(shape) * 100 / max(shape)), 1)


@pytest.mark.parametrize("side", [32, 128])
def test_saliency_is_seen_where_it_is_over_its_image(side):
    values = np.zeros((side, side))
    values[: side // 4, -side // 4 :] = 2.0
    light = lightness(enlarge(overlay(np.full((3, side, side), 0.5), symmetric(values)[0])))
    assert light[:80, -80:].min() > light[100:].max() + 50
