"""Hadamard matrices: tables of two values whose columns are all orthogonal."""

from __future__ import annotations

import torch
from torch import Tensor


def hadamard(order: int) -> Tensor:
    """A Hadamard matrix, of True for 1 and False for -1, with a first column of ones.

    Args:
        order: Of `hadamard_order`.

    Returns:
        Bool (order, order): any two columns agree in half of the rows.

    Raises:
        ValueError: None of this order is known here.

    >>> hadamard(4).int().tolist()
    [[1, 1, 1, 1], [1, 0, 1, 0], [1, 0, 0, 1], [1, 1, 0, 0]]
    """
    if not _is_known(order):
        raise ValueError(f"Expected an order from hadamard_order, received {order}.")
    if order == 1:
        return torch.ones(1, 1, dtype=torch.bool)
    if _is_paley(order):
        return _paley(order - 1)
    half = hadamard(order // 2)  # Sylvester, 1867
    return torch.cat([torch.cat([half, half], 1), torch.cat([half, ~half], 1)])


def hadamard_order(least: int) -> int:
    """The smallest order from `least` on of which a matrix is known here.

    >>> [hadamard_order(least) for least in (1, 3, 5, 33, 49, 64)]
    [1, 4, 8, 40, 60, 64]
    """
    order = max(least, 1)
    while not _is_known(order):
        order += 1
    return order


def _is_known(order: int) -> bool:
    return order == 1 or _is_paley(order) or (order > 0 and order % 2 == 0 and _is_known(order // 2))


def _is_paley(order: int) -> bool:
    prime = order - 1
    return order >= 4 and order % 4 == 0 and all(prime % k for k in range(2, int(prime**0.5) + 1))


def _paley(prime: int) -> Tensor:
    """By the squares of a prime field ("On orthogonal matrices", Paley, 1933)."""
    squares = torch.zeros(prime, dtype=torch.bool)
    squares[torch.arange(1, prime) ** 2 % prime] = True
    numbers = torch.arange(prime)
    core = squares[(numbers - numbers[:, None]) % prime]  # 0 is no square: the diagonal is -1
    ones = torch.ones(prime + 1, prime + 1, dtype=torch.bool)
    ones[1:, 1:] = core
    return ones
