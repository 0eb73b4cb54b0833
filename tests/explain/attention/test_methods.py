"""The papers' formulas, held against plain loops and numbers on paper."""

from math import dist, log

import pytest
import torch

from lightning_viz.explain.attention.measures import attention_distance, attention_entropy, strongest_share
from lightning_viz.explain.attention.methods import asked, legrad, relevance, rollout
from lightning_viz.explain.network.patches import Grid

LAYERS, COUNT, HEADS, TOKENS = range(3), range(2), range(2), range(7)
GRID = Grid(2, 3, before=1)


def stack(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 2, 7, 7, generator=generator).mul(2).softmax(-1) for _ in LAYERS]


def gradients():
    return [layer - 1 / 7 for layer in stack(1)]


def matrix(entry):
    return [[entry(i, j) for j in TOKENS] for i in TOKENS]


def product(a, b):
    return matrix(lambda i, j: sum(a[i][k] * b[k][j] for k in TOKENS))


def plain_rollout(attention, n):
    """Abnar & Zuidema: the identity for the shortcut, rows that sum to 1, one layer after the other."""
    result = matrix(lambda i, j: float(i == j))
    for layer in attention:
        step = matrix(lambda i, j, layer=layer: 0.5 * sum(layer[n, h, i, j].item() for h in HEADS) / 2 + 0.5 * (i == j))
        step = [[value / sum(row) for value in row] for row in step]
        result = product(step, result)
    return result


def plain_relevance(attention, slopes, n):
    """Chefer et al.: A' = mean over heads of (dS/dA * A)+, R = R + A' R."""
    result = matrix(lambda i, j: float(i == j))
    for layer, slope in zip(attention, slopes, strict=True):
        weighted = matrix(
            lambda i, j, a=layer, g=slope: sum(max((g[n, h, i, j] * a[n, h, i, j]).item(), 0) for h in HEADS) / 2
        )
        added = product(weighted, result)
        result = matrix(lambda i, j, r=result, a=added: r[i][j] + a[i][j])
    return matrix(lambda i, j: result[i][j] - (i == j))


@pytest.mark.parametrize("n", COUNT)
def test_rollout(n):
    found = rollout(stack())
    assert torch.allclose(found[n], torch.tensor(plain_rollout(stack(), n)), atol=1e-6)
    assert torch.allclose(found.sum(-1), torch.ones(2, 7))


@pytest.mark.parametrize("n", COUNT)
def test_relevance(n):
    found = relevance(stack(), gradients())
    assert torch.allclose(found[n], torch.tensor(plain_relevance(stack(), gradients(), n)), atol=1e-6)


@pytest.mark.parametrize("n", COUNT)
def test_legrad(n):
    slopes, found = gradients(), legrad(gradients())
    for j in TOKENS:
        parts = [sum(max(layer[n, h, i, j].item(), 0) for h in HEADS for i in TOKENS) / 14 for layer in slopes]
        assert found[n, j].item() == pytest.approx(sum(parts) / 3, abs=1e-6)


def test_two_layers_on_paper():
    """Everybody looks at token 1 first; then token 0 looks at 0 and 1 alike, and 1 at itself."""
    first = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    second = torch.tensor([[[[0.5, 0.5], [0.0, 1.0]]]])
    # layers with shortcuts: [[.5, .5], [0, 1]] and [[.75, .25], [0, 1]]
    assert torch.allclose(rollout([first, second]), torch.tensor([[[0.375, 0.625], [0.0, 1.0]]]))
    # with all gradients 1: R1 = I + A1 = [[1, 1], [0, 2]], R2 = R1 + A2 R1 = [[1, 1], [0, 2]] + [[.5, 1.5], [0, 2]]
    ones = torch.ones_like(first)
    assert torch.allclose(relevance([first, second], [ones, ones]), torch.tensor([[[0.5, 2.5], [0.0, 3.0]]]))
    assert torch.allclose(legrad([ones, -ones]), torch.tensor([[0.5, 0.5]]))


@pytest.mark.parametrize("call", [rollout, legrad, lambda s: relevance(s, s)])
def test_layers_of_several_stages_are_refused(call):
    with pytest.raises(ValueError, match=r"same tokens, received \[7, 5\] tokens: pass layers="):
        call([torch.rand(2, 2, 7, 7), torch.rand(2, 2, 5, 5)])


def test_only_the_rows_that_are_asked_count():
    values = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 4.0]])
    assert asked(values, torch.tensor([True, False, True])).tolist() == [3.0, 3.0]


def test_entropy_is_that_of_the_rows():
    for n in COUNT:
        for h in HEADS:
            rows = stack()[0][n, h].tolist()
            expected = sum(-p * log(p) for row in rows for p in row) / 7
            assert attention_entropy(stack()[0])[n, h].item() == pytest.approx(expected, abs=1e-5)
    assert attention_entropy(torch.full((1, 1, 7, 7), 1 / 7)).item() == pytest.approx(log(7))


def test_distance_is_in_patches_and_among_patches():
    attention, places = stack()[0], [(row, column) for row in range(2) for column in range(3)]
    for n in COUNT:
        for h in HEADS:
            total = 0.0
            for q, one in enumerate(places):
                row = attention[n, h, q + 1, 1:].tolist()
                total += sum(p * dist(one, other) for p, other in zip(row, places, strict=True)) / sum(row)
            assert attention_distance(attention, GRID)[n, h].item() == pytest.approx(total / 6, abs=1e-5)
    assert attention_distance(torch.eye(7).expand(1, 1, 7, 7), GRID).item() == 0
    elsewhere = torch.zeros(1, 1, 7, 7)
    elsewhere[..., 0] = 1
    assert attention_distance(elsewhere, GRID).item() == 0


def test_sinks_are_the_patches_that_get_most_of_all():
    attention = torch.zeros(1, 1, 7, 7)
    attention[..., 0], attention[..., 3], attention[..., 5] = 0.2, 0.5, 0.3
    assert strongest_share(attention, GRID).item() == pytest.approx(0.8)
    assert strongest_share(attention, GRID, 1).item() == pytest.approx(0.5)
    assert strongest_share(torch.full((1, 1, 7, 7), 1 / 7), GRID).item() == pytest.approx(3 / 7)
