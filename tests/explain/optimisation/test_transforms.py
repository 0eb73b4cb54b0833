import pytest
import torch
from torch.nn import functional as F

from lightning_viz.explain.optimisation.transforms import RandomCrops, RandomViews, read_at, resample

IDENTITY = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def picture(height=12, width=17):
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_identity_changes_nothing():
    assert torch.allclose(resample(picture(), IDENTITY), picture(), atol=1e-5)


def test_whole_pixel_shift_brings_in_the_mirrored_picture():
    affine = IDENTITY.clone()
    affine[0, 2] = 2 * 3 / 17
    found = resample(picture(), affine)
    assert torch.allclose(found[..., :-3], picture()[..., 3:], atol=1e-5)
    assert torch.allclose(found[..., -3:], picture()[..., -3:].flip(-1), atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_reading_by_indices_is_grid_sample_with_its_gradient(seed):
    generator = torch.Generator().manual_seed(seed)
    affine = IDENTITY + 0.6 * torch.randn(2, 3, generator=generator)
    grid = F.affine_grid(affine[None], [1, 1, 12, 17], align_corners=False)
    results = []
    for read in (lambda x: read_at(x, grid[0]), lambda x: resample(x, affine)):
        pixels = picture().requires_grad_()
        out = read(pixels)
        weight = torch.rand(out.shape, generator=torch.Generator().manual_seed(9))
        results.append((out, torch.autograd.grad((out * weight).sum(), pixels)[0]))
    assert torch.allclose(results[0][0], results[1][0], atol=1e-5)
    assert torch.allclose(results[0][1], results[1][1], atol=1e-5)


def test_series_of_views_is_fixed_by_the_seed_and_moves():
    first, again, other = RandomViews(3), RandomViews(3), RandomViews(4)
    views = [first(picture()) for _ in range(3)]
    torch.manual_seed(0)
    assert all(torch.equal(view, again(picture())) for view in views)
    assert not torch.equal(views[0], views[1])
    assert not torch.equal(views[0], other(picture()))


@pytest.mark.parametrize("size", [(32, 32), (224, 224), (64, 128)])
def test_views_move_by_the_published_amounts_in_proportion(size):
    """Follows single points: a picture of its own coordinates says where every place was read."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    coordinates = torch.stack([x, y])[None]
    views = RandomViews(0)
    middle, shifts, zooms, turns = (height // 2, width // 2), [], [], []
    for _ in range(200):
        seen = views(coordinates)[0][:, middle[0] - 8 : middle[0] + 9, middle[1] - 8 : middle[1] + 9]
        shifts.append((seen[:, 8, 8] - coordinates[0][:, middle[0], middle[1]]) / torch.tensor([width, height]))
        along = (seen[:, 8, 16] - seen[:, 8, 0]) / 16
        across = (seen[:, 16, 8] - seen[:, 0, 8]) / 16
        assert along @ across == pytest.approx(0, abs=1e-3)  # neither shears nor stretches
        zooms.append(1 / along.norm())
        turns.append(torch.rad2deg(torch.atan2(along[1], along[0])))
    zooms, turns = torch.stack(zooms), torch.stack(turns)
    assert 0.9 <= zooms.min() + 1e-3 < 0.92
    assert 1.08 < zooms.max() <= 1.1 + 1e-3
    assert 9 < turns.abs().max() <= 10.01
    assert 4 / 224 / 2 < torch.stack(shifts).abs().max() <= 8 / 224


def test_views_of_a_small_picture_are_differentiable():
    pixels = picture(5, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(RandomViews(0)(pixels).sum(), pixels)
    assert gradient.abs().sum() > 0


def test_crops_are_parts_of_the_picture_under_noise():
    """Their corners, read off a picture of its own coordinates, lie inside and are as far apart as their size says."""
    y, x = torch.meshgrid(torch.arange(40) + 0.5, torch.arange(60) + 0.5, indexing="ij")
    coordinates = torch.stack([x / 60, y / 40])[None]
    crops, sides = RandomCrops(0), []
    for _ in range(100):
        seen = crops(coordinates)[0]
        rows, columns = seen[1].mean(1), seen[0].mean(0)  # over the noise
        wide, high = columns[-5:].mean() - columns[:5].mean(), rows[-5:].mean() - rows[:5].mean()
        sides.append([wide * 60 / 55, high * 40 / 35])
        assert -0.06 < columns[0] < columns[-1] < 1.06
        assert -0.06 < rows[0] < rows[-1] < 1.06
        noise = seen[0] - columns
        assert 0.07 < noise.std() < 0.09
    sides = torch.tensor(sides)
    assert torch.allclose(sides[:, 0], sides[:, 1], atol=0.04)
    assert 0.2 < sides.min() < 0.3
    assert 0.95 < sides.max() < 1.06


def test_crops_are_fixed_by_the_seed_and_alike_for_all_pictures():
    first, again = RandomCrops(3), RandomCrops(3)
    same = picture()[:1].repeat(2, 1, 1, 1)
    views = [first(same) for _ in range(3)]
    torch.manual_seed(0)
    assert all(torch.equal(view, again(same)) for view in views)
    assert all(torch.equal(view[0], view[1]) for view in views)
    assert not torch.equal(views[0], views[1])
    assert not torch.equal(views[0], RandomCrops(4)(same))
