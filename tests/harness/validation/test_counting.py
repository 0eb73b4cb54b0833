"""Counts of labels and of values, held against counting one by one."""

import torch

from lightning_viz.harness.tasks.labels import Labels
from lightning_viz.harness.tasks.values import Values
from lightning_viz.harness.validation.changes import report
from lightning_viz.harness.validation.counting import POINTS, Count, merge
from lightning_viz.harness.validation.mistakes import ERROR, Mistakes


def test_hits_misses_and_what_is_said_instead():
    generator = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(40, 4, generator=generator), torch.rand(40, 4, generator=generator) > 0.6
    counts = [Count(None, 4, Labels()) for _ in range(2)]
    for count, some in zip(counts, (slice(0, 25), slice(25, 40)), strict=True):
        count.add(scores[some], labels[some])
    tally = merge([{"val": count.tally()} for count in counts])["val"]
    predicted = scores > 0
    for i in range(4):
        assert tally.table[i, i] == sum(bool(labels[n, i] and predicted[n, i]) for n in range(40))
        assert tally.of[i] == int(labels[:, i].sum())
        for j in range(4):
            if i != j:
                mixed = [
                    labels[n, i] and not predicted[n, i] and predicted[n, j] and not labels[n, j] for n in range(40)
                ]
                assert tally.table[i, j] == sum(map(bool, mixed))
    assert tally.total == 40
    (worst,) = report(tally, None, top=1, moved=1).top
    off = tally.table - tally.table.diagonal().diag()
    assert (worst.count, worst.of) == (int(off.max()), int(tally.of[worst.true]))


def test_labels_that_were_told_without_scores_are_counted_and_nan_is_not():
    count = Count(None, 2, Labels())
    predicted = torch.tensor([[torch.inf, -torch.inf], [torch.nan, 1.0]])
    kept = count.add(predicted, torch.tensor([[True, True], [True, True]]))
    assert kept.tolist() == [True, False]
    assert count.tally().each[:, 1].tolist() == [[0, 1], [1, 0]]


def test_errors_of_values_are_exact_and_points_are_bounded():
    generator, count = torch.Generator().manual_seed(0), Count(None, 2, Values())
    predicted, true = (torch.randn(2 * POINTS + 10, 2, generator=generator) for _ in range(2))
    true[5] = torch.nan
    for some in range(0, len(predicted), 100):
        count.add(predicted[some : some + 100], true[some : some + 100])
    tally = count.tally()
    kept = torch.ones(len(predicted)).bool()
    kept[5] = False
    assert tally.images == len(predicted) - 1
    assert torch.allclose(tally.errors, (predicted - true)[kept].double().abs().sum(0))
    assert POINTS / 2 <= len(tally.points) <= POINTS
    pairs = {tuple(pair) for pair in torch.cat([true, predicted], 1)[kept].tolist()}
    assert {tuple(pair) for pair in tally.points.flatten(1).tolist()} <= pairs


def test_the_largest_errors_are_kept_with_both_values():
    predicted, true = torch.tensor([[1.0], [5.0], [2.0], [9.0]]), torch.tensor([[1.0], [1.0], [4.0], [8.5]])
    kept = Mistakes(2, room=10**6, least=2)
    kept.see(torch.rand(4, 3, 4, 4), predicted, true, counted=torch.ones(4).bool(), places=range(4))
    assert [(one.place, one.confidence, one.values) for one in kept.surest(ERROR)] == [
        (1, 4.0, (1.0, 5.0)),
        (2, 2.0, (4.0, 2.0)),
    ]


def test_an_image_shows_every_class_that_it_mixes_up():
    predicted, labels = torch.tensor([[3.0, -1.0, 2.0, -4.0]]), torch.tensor([[False, True, False, True]])
    kept = Mistakes(1, room=10**6, least=2)
    kept.see(torch.rand(1, 3, 4, 4), predicted, labels, counted=torch.ones(1).bool(), places=[0])
    pairs = [(true, wrong) for true in range(4) for wrong in range(4) if kept.surest((true, wrong))]
    assert pairs == [(1, 0), (1, 2), (3, 0), (3, 2)]
    assert kept.surest((1, 2))[0].confidence == torch.tensor(2.0).sigmoid().item()
