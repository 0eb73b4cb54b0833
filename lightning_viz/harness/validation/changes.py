"""The confusions of a validation, and what became of those of the one before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypedDict

import torch
from torch import Tensor

from lightning_viz.harness.validation.tallies import Tally


class Past(TypedDict):
    """How often what was taken for what in a validation; of plain types, for a checkpoint.

    `cells` are the confusions, long (M,): true class times `classes` plus predicted class; `counts` long (M,), above 0.
    """

    epoch: int
    classes: int
    cells: Tensor
    counts: Tensor


@dataclass(frozen=True)
class Confusion:
    """How often one class was taken for another.

    Attributes:
        true: The true class.
        predicted: The predicted one.
        count: How often.
        of: How many images of the true class there are.
        was: How often in the validation before; None in the first one.
    """

    true: int
    predicted: int
    count: int
    of: int
    was: int | None


@dataclass(frozen=True)
class Report:
    """What a validation shows of one loader.

    Attributes:
        top: The most frequent confusions, the most frequent first.
        moved: Those that changed most, the largest change first; in the first validation the most frequent ones.
        kinds: How many appeared, vanished, grew and shrank, under these words.
        wrong: How many images were taken for another class.
        total: How many were counted.
        was_wrong: What `wrong` was in the validation before; None in the first one.
        since: The epoch of the validation before.
        left_out: How many were not counted, by reason.
    """

    top: list[Confusion]
    moved: list[Confusion]
    kinds: dict[str, int]
    wrong: int
    total: int
    was_wrong: int | None = None
    since: int | None = None
    left_out: Counter[str] = field(default_factory=Counter)


def past(table: Tensor, epoch: int) -> Past:
    """What the next validation is to be held against.

    Args:
        table: Long (K, K), rows are labels, columns predictions.
        epoch: Of the validation.
    """
    wrong = _wrong(table).flatten()
    cells = wrong.nonzero().flatten()
    return Past(epoch=epoch, classes=len(table), cells=cells, counts=wrong[cells])


def checked_past(found: Any) -> Past:
    """What a checkpoint keeps of a validation.

    Raises:
        Exception: It is something else.
    """
    one = Past(epoch=int(found["epoch"]), classes=int(found["classes"]), cells=found["cells"], counts=found["counts"])
    if one["cells"].shape != one["counts"].shape or not bool((one["cells"] < one["classes"] ** 2).all()):
        raise TypeError("counts of other classes")
    return one


def report(tally: Tally, before: Past | None, *, top: int, moved: int) -> Report:
    """Holds a validation against the one before.

    Args:
        tally: What was counted.
        before: The validation before, if there was one; one of another number of classes counts as none.
        top: How many confusions at most.
        moved: How many changes at most.
    """
    now = _wrong(tally.table)
    if before is not None and before["classes"] != len(now):
        before = None
    was = None if before is None else torch.zeros_like(now).flatten().index_put((before["cells"],), before["counts"])
    frequent = _named(_largest(now.flatten(), top), tally, was)
    sums = int(now.sum()), tally.total
    if before is None or was is None:
        first = _named(_largest(now.flatten(), moved), tally, None)
        return Report(frequent, first, {}, *sums, left_out=tally.left_out)
    change = now.flatten() - was
    kinds = {
        "new": int(((was == 0) & (change > 0)).sum()),
        "gone": int(((now.flatten() == 0) & (change < 0)).sum()),
        "grew": int(((was > 0) & (change > 0)).sum()),
        "shrank": int(((now.flatten() > 0) & (change < 0)).sum()),
    }
    movers = _named(_largest(change.abs(), moved), tally, was)
    return Report(frequent, movers, kinds, *sums, int(was.sum()), before["epoch"], tally.left_out)


def _wrong(table: Tensor) -> Tensor:
    return table - table.diagonal().diag()


def _largest(values: Tensor, count: int) -> list[int]:
    """Where the largest values above 0 are, the first of equal ones first."""
    where = values.nonzero().flatten()
    return where[values[where].argsort(descending=True, stable=True)[:count]].tolist()


def _named(cells: list[int], tally: Tally, was: Tensor | None) -> list[Confusion]:
    table, of = tally.table, tally.of
    pairs = [divmod(cell, len(table)) for cell in cells]
    return [
        Confusion(true, predicted, int(table[true, predicted]), int(of[true]), None if was is None else int(was[cell]))
        for cell, (true, predicted) in zip(cells, pairs, strict=True)
    ]
