import pytest
import torch

from lightning_viz.explain.lime.hadamard import hadamard, hadamard_order


@pytest.mark.parametrize("least", [1, 2, 3, 5, 9, 13, 21, 33, 45, 61, 100, 200])
def test_columns_are_orthogonal_behind_one_of_ones(least):
    order = hadamard_order(least)
    signs = hadamard(order).double() * 2 - 1
    assert least <= order <= max(least + 12, 1.5 * least)
    assert torch.equal(signs.T @ signs, order * torch.eye(order, dtype=torch.double))
    assert (signs[:, 0] == 1).all()


@pytest.mark.parametrize("order", [0, 3, 6, 36, 52])
def test_orders_without_a_known_matrix_are_refused(order):
    with pytest.raises(ValueError, match="hadamard_order"):
        hadamard(order)
