"""ROAD's noisy linear imputation, against the dense linear system solved by numpy."""

import numpy as np
import pytest
import torch

from lightning_viz.explain.measures.imputation import imputed

WEIGHTS = {(dy, dx): 1 / 6 if 0 in (dy, dx) else 1 / 12 for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)}


def solved(image, gone):
    """Every unknown pixel by its own equation, one channel after the other."""
    height, width = gone.shape
    unknown = [(y, x) for y in range(height) for x in range(width) if gone[y, x]]
    filled = image.copy()
    matrix, right = np.zeros((len(unknown), len(unknown))), np.zeros((len(unknown), len(image)))
    for row, (y, x) in enumerate(unknown):
        for (dy, dx), weight in WEIGHTS.items():
            there = y + dy, x + dx
            if not (0 <= there[0] < height and 0 <= there[1] < width):
                continue
            matrix[row, row] += weight
            if there in unknown:
                matrix[row, unknown.index(there)] -= weight
            else:
                right[row] += weight * image[:, there[0], there[1]]
    for place, values in zip(unknown, np.linalg.solve(matrix, right), strict=True):
        filled[:, place[0], place[1]] = values
    return filled


def holes(height, width):
    generator = torch.Generator().manual_seed(1)
    scattered = torch.rand(height, width, generator=generator) < 0.4
    block = torch.zeros(height, width, dtype=torch.bool)
    block[: height // 2 + 1, 2:] = True
    few_left = torch.ones(height, width, dtype=torch.bool)
    few_left[height // 2, 1] = few_left[0, -1] = False
    return torch.stack([scattered, block, few_left])


def noise(image, seed=0):
    """What lies on the pixels of a hole: drawn by hand."""
    drawn = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
    return 0.01 * (image.max() - image.min()) * drawn


@pytest.mark.parametrize(("size", "scale", "offset"), [((8, 11), 1, 0), ((17, 9), 5, -2), ((3, 4), 1, 0)])
def test_it_is_the_solution_of_the_dense_system(size, scale, offset):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0)) * scale + offset
    gone = holes(*size)
    found = imputed(image, gone)
    for one, hole in zip(found, gone, strict=True):
        exact = torch.from_numpy(solved(image.double().numpy(), hole.numpy())).float()
        assert torch.equal(one[:, ~hole], image[:, ~hole])
        assert one[:, hole].numpy() == pytest.approx((exact + noise(image))[:, hole].numpy(), abs=5e-3 * scale)


def test_holes_in_one_call_are_those_of_calls_of_their_own():
    image, gone = torch.rand(3, 16, 16), holes(16, 16)
    for one, hole in zip(imputed(image, gone), gone, strict=True):
        assert torch.allclose(imputed(image, hole[None])[0], one, atol=5e-3)


def test_what_has_gone_everywhere_is_one_colour_and_noise():
    image = torch.full((1, 32, 32), 0.25)
    image[:, :16] = 0.75
    found = imputed(image, torch.ones(1, 32, 32, dtype=torch.bool))
    assert found.std() == pytest.approx(0.005, rel=0.2)


def test_noise_is_fixed_by_its_seed():
    image, gone = torch.rand(3, 12, 12), holes(12, 12)
    first = imputed(image, gone, seed=3)
    torch.manual_seed(9)
    assert torch.equal(imputed(image, gone, seed=3), first)
    assert not torch.equal(imputed(image, gone, seed=4), first)


def test_a_flat_image_stays_flat():
    assert torch.allclose(imputed(torch.full((2, 9, 9), 3.0), holes(9, 9)), torch.tensor(3.0))
