import numpy as np
import pytest

from lightning_viz.render import WIDTH, enlarge, grid, notice, panel, superpixel_picture
from lightning_viz.render.fonts import length
from lightning_viz.render.text import elide, fit_lines, strip, wrap

RANDOM = np.random.default_rng(0)
LONG = "a caption that is much too long to fit into a single line of the strip below the picture"


def photo(height, width=None):
    return RANDOM.integers(60, 200, (height, width or height, 3), dtype=np.uint8)


def ink(picture):
    """Where light text stands on the dark strip."""
    return (picture > 90).all(axis=2)


@pytest.mark.parametrize("side", [32, 64, 128, 224, 500])
def test_a_panel_is_as_wide_as_a_card_and_shows_the_whole_picture(side):
    image = photo(side)
    picture = panel(image, ["true egg", "epoch 3"])
    assert picture.dtype == np.uint8
    assert picture.shape[1] == WIDTH == 350
    assert np.array_equal(picture[:350], enlarge(image, 350))
    assert ink(picture[350:]).any()


@pytest.mark.parametrize("lines", [1, 3])
def test_size_depends_on_the_number_of_lines_alone(lines):
    image = photo(64)
    captions = [[""], ["x"], [LONG], ["Ä漢字\n¿"], [LONG * 20]]
    assert len({panel(image, caption, lines=lines).shape for caption in captions}) == 1
    assert panel(image, ["a"], lines=lines).shape == panel(image, [LONG] * lines).shape


def test_no_caption_leaves_the_picture_alone_and_too_many_lines_are_named():
    image = photo(50)
    assert np.array_equal(panel(image), enlarge(image, 350))
    with pytest.raises(ValueError, match=r"at most lines=1 caption lines, received 2"):
        panel(image, ["a", "b"], lines=1)


def test_text_never_touches_the_edge():
    for caption in (["W" * 200], [LONG], ["i" * 500]):
        for lines in (1, 4):
            strip_only = panel(photo(350), caption, lines=lines)[350:]
            text = ink(strip_only)
            assert text.any()
            assert not text[:, :4].any()
            assert not text[:, -4:].any()
            assert not text[0].any()
            assert not text[-1].any()


def test_wrapped_lines_hold_every_word_and_fit():
    lines = wrap(LONG, 200, 14)
    assert " ".join(lines) == LONG
    assert all(length(line, 14) <= 200 for line in lines)
    assert "".join(wrap("x" * 300, 100, 14)) == "x" * 300


def test_captions_wrap_while_there_is_room_and_then_say_that_they_go_on():
    assert fit_lines([LONG, "end"], 2, 200, 14)[1] == "end"
    assert fit_lines([LONG, "end"], 2, 200, 14)[0].endswith("…")
    roomy = fit_lines([LONG, "end"], 9, 200, 14)
    assert " ".join(roomy).split() == [*LONG.split(), "end"]
    assert len(roomy) == 9


def test_elide_keeps_what_fits():
    assert elide("egg", 100, 14) == "egg"
    short = elide(LONG, 100, 14)
    assert length(short, 14) <= 100
    assert LONG.startswith(short[:-1])
    assert elide("W", 1, 14) == "…"


def test_too_many_columns_are_named():
    with pytest.raises(ValueError, match="width of at least 800 pixels for 40 columns"):
        grid([photo(8)] * 40, 40)


def test_letters_are_tall_enough_to_read():
    rows = ink(strip(["Hxg"], 100, size=14)).any(axis=1)
    assert 11 <= rows.sum() <= 18


def test_pictures_side_by_side_share_the_width():
    one, two = photo(32), photo(100, 50)
    picture = panel([one, two], ["caption"], titles=["image", LONG])
    assert picture.shape[1] == 350
    body = picture[-23 - 2 - 173 : -25]
    assert body[:, :173].std() > 20
    assert body[:, 177:].std() > 20


def test_wide_pictures_stand_one_above_the_other():
    images = [np.full((10, 40, 3), value, np.uint8) for value in (100, 200)]
    picture = panel(images, titles=["first", "second"])
    assert picture.shape == (2 * (88 + 22) + 4, 350, 3)
    assert (picture[22:110] == 100).all()
    assert (picture[-88:] == 200).all()


def test_tall_pictures_side_by_side_use_the_height():
    images = [np.full((40, 10, 3), value, np.uint8) for value in (100, 200)]
    picture = panel(images)
    assert picture.shape == (350, 350, 3)
    assert (picture == 100).all(axis=2).any(axis=0).sum() == pytest.approx(350 / 4, abs=1)


def test_grid_puts_every_picture_into_its_cell():
    images = [np.full((8, 8, 3), 10 * k + 40, np.uint8) for k in range(7)]
    picture = grid(images, 3, width=350)
    assert picture.shape == (3 * 114 + 2 * 4, 350, 3)
    for k in range(7):
        assert (picture[57 + 118 * (k // 3), 58 + 118 * (k % 3)] == 10 * k + 40).all()
    assert grid(images, 3, titles=["t"] * 7).shape == grid(images, 3, titles=[LONG] * 7).shape


@pytest.mark.parametrize(("height", "width"), [(10, 100), (100, 10), (1, 300), (77, 78)])
def test_odd_shapes_stay_whole_and_in_proportion(height, width):
    picture = panel(np.full((height, width, 3), 255, np.uint8))
    assert picture.shape[1] == 350
    rows, columns = ((picture == 255).all(axis=2).any(axis=a).sum() for a in (1, 0))
    assert rows == pytest.approx(350 * height / max(height, width), abs=1.5)
    assert columns == pytest.approx(350 * width / max(height, width), abs=1.5)


@pytest.mark.parametrize(
    ("images", "keywords"),
    [
        ([], {}),
        ([photo(8).astype(float)], {}),
        ([photo(8)[..., 0]], {}),
        ([photo(8)], {"titles": ["a", "b"]}),
    ],
)
def test_what_is_no_picture_is_named(images, keywords):
    with pytest.raises(ValueError, match=r"at least one picture|to be uint8|one title per picture"):
        panel(images, **keywords)


@pytest.mark.parametrize(("width", "height"), [(350, 350), (350, 30), (120, 200)])
@pytest.mark.parametrize("text", ["gradient is not finite at epoch 3", LONG * 30])
def test_a_notice_has_the_size_asked_for_and_its_text_inside(text, width, height):
    picture = notice(text, width, height)
    assert picture.shape == (height, width, 3)
    assert ink(picture).any()
    assert not ink(picture)[:, [0, -1]].any()


def quarters(side):
    half = np.arange(side) * 2 // side
    return np.full((3, side, side), 0.5), half[:, None] * 2 + half


def hue(picture, y, x):
    """How much more red than blue there is around a place, stripes and all."""
    around = picture[y - 15 : y + 15, x - 15 : x + 15].astype(int)
    return (around[..., 0] - around[..., 2]).mean()


@pytest.mark.parametrize("side", [32, 64, 128])
def test_superpixels_are_orange_for_blue_against_and_grey_otherwise(side):
    pixels, segments = quarters(side)
    picture = superpixel_picture(pixels, segments, [1.0, -0.5, 0.2, 0.0], [1, -1, 0, 0]).astype(int)
    assert picture.shape == (350, 350, 3)
    assert hue(picture, 90, 90) > 60
    assert hue(picture, 90, 260) < -30
    assert np.ptp(picture[260, 90]) == np.ptp(picture[260, 260]) == 0
    assert np.ptp(picture[170:180, 260], axis=0).max() > 20


def test_a_fixed_scale_keeps_a_weights_tint():
    pixels, segments = quarters(32)
    one = superpixel_picture(pixels, segments, [0.5, 0.1, 0, 0], [1, 0, 0, 0], scale=2.0)
    two = superpixel_picture(pixels, segments, [0.5, -9.0, 0, 0], [1, 0, 0, 0], scale=2.0)
    assert np.array_equal(one, two)
    weak, strong = (
        hue(superpixel_picture(pixels, segments, [w, 0, 0, 0], [1, 0, 0, 0], scale=2.0), 90, 90) for w in (0.1, 2.0)
    )
    assert strong > 2 * weak > 20


def test_a_superpixel_of_uncertain_sign_is_pale_but_keeps_its_colour():
    pixels, segments = quarters(64)
    weights, chosen = [1.0, -1.0, 1.0, -1.0], [1, -1, 1, -1]
    picture = superpixel_picture(pixels, segments, weights, chosen, certain=[True, True, False, False]).astype(int)
    full = superpixel_picture(pixels, segments, weights, chosen).astype(int)
    assert np.array_equal(picture[:170], full[:170])
    assert 15 < hue(picture, 260, 90) < 0.5 * hue(picture, 90, 90)
    assert 15 < -hue(picture, 260, 260) < -0.6 * hue(picture, 90, 260)
    # The outlines too: next to the vertical border, above (certain) and below (not).
    assert np.ptp(picture[260, 173:177], axis=1).max() < np.ptp(picture[90, 173:177], axis=1).max()


@pytest.mark.parametrize("brightness", [0.0, 0.3, 0.7, 1.0])
def test_outlines_are_seen_on_dark_and_on_bright_images(brightness):
    _, segments = quarters(50)
    picture = superpixel_picture(np.full((3, 50, 50), brightness), segments, np.zeros(4), np.zeros(4, int)).astype(int)
    assert np.abs(picture[100, 175] - picture[100, 100]).min() > 60


def test_outlines_stand_exactly_between_superpixels():
    pixels, segments = quarters(50)
    picture = superpixel_picture(pixels, segments, np.zeros(4), np.zeros(4, int))
    changed = picture != picture[0, 0]
    rows = np.flatnonzero(changed[:, 100].any(axis=1))
    assert rows.tolist() == [175]


def test_weights_that_do_not_fit_are_named():
    pixels, segments = quarters(8)
    with pytest.raises(ValueError, match="Expected 4 weights"):
        superpixel_picture(pixels, segments, [1.0], [1])
    with pytest.raises(ValueError, match="image's size"):
        superpixel_picture(pixels, segments[:4], np.ones(4), np.ones(4))
