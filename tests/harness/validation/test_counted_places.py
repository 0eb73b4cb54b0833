"""Counts of places, held against counting pixel by pixel, and against torchmetrics."""

import pytest
import torch
from torchmetrics.functional.classification import multiclass_f1_score, multiclass_jaccard_index

from lightning_viz.harness.tasks.regions import Regions
from lightning_viz.harness.validation.changes import report
from lightning_viz.harness.validation.counting import NO_CLASS, NOT_FINITE, Count, merge
from lightning_viz.harness.validation.mistakes import WORST, WORST_SHOWN, Mistakes, confusions
from lightning_viz.harness.validation.places import NO_LABEL


def some(seed, *shape, classes=4):
    return torch.randint(0, classes, shape, generator=torch.Generator().manual_seed(seed)).float()


@pytest.fixture
def pair():
    """Labels, some of them left out, and predictions of ten images."""
    true, said = some(0, 10, 6, 5), some(1, 10, 6, 5)
    true[:, 0, 0] = -1
    return true, said


def test_pixels_are_counted_as_one_by_one_and_by_torchmetrics(pair):
    true, said = pair
    counts = [Count(None, 4, Regions()) for _ in range(2)]
    for count, part in zip(counts, (slice(0, 7), slice(7, 10)), strict=True):
        count.add(said[part], true[part])
    tally = merge([{"val": count.tally()} for count in counts])["val"]
    slow = torch.zeros(4, 4, dtype=torch.long)
    for a, b in zip(true.flatten().tolist(), said.flatten().tolist(), strict=True):
        if a >= 0:
            slow[int(a), int(b)] += 1
    assert torch.equal(tally.table, slow)
    known = true >= 0
    arguments = said[known].long(), true[known].long(), 4
    assert torch.allclose(tally.iou.float(), multiclass_jaccard_index(*arguments, average="none"))
    assert torch.allclose(tally.dice.float(), multiclass_f1_score(*arguments, average="none"))
    assert tally.right == (int((true == said)[known].sum()), int(known.sum()))
    assert tally.left_out[NO_LABEL] == 10
    (worst,) = report(tally, None, top=1, moved=1).top
    assert worst.count == int((slow - slow.diagonal().diag()).max())


def test_masks_that_overlap_are_counted_class_by_class():
    true, said = some(0, 3, 2, 4, 4, classes=2), some(1, 3, 2, 4, 4, classes=2)
    count = Count(None, 2, Regions(independent=True))
    count.add(said, true)
    tally = count.tally()
    for k in range(2):
        a, b = true[:, k].bool(), said[:, k].bool()
        assert tally.iou[k].item() == pytest.approx(((a & b).sum() / (a | b).sum()).item())
        assert tally.dice[k].item() == pytest.approx((2 * (a & b).sum() / (a.sum() + b.sum())).item())
    missed, false = true[:, 0].bool() & ~said[:, 0].bool(), said[:, 1].bool() & ~true[:, 1].bool()
    assert tally.table[0, 1] == int((missed & false).sum())


def test_images_with_other_labels_or_nothing_finite_are_left_out(pair):
    true, said = pair
    true[0, 2, 2], said[1, 2, 2] = 7, torch.nan
    count = Count(None, 4, Regions())
    assert count.add(said, true).tolist() == [False, False] + [True] * 8
    assert count.tally().left_out == {NO_CLASS: 1, NOT_FINITE: 1, NO_LABEL: 8}


def test_a_class_that_nobody_says_and_that_is_not_there_has_no_iou():
    count = Count(None, 3, Regions())
    count.add(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2))
    assert count.tally().iou.isnan().tolist() == [False, True, True]


def test_what_was_taken_for_what_in_one_image():
    true, said = some(2, 5, 7), some(3, 5, 7)
    true[0] = -1
    table = confusions(true, said)
    for a in range(4):
        for b in range(4):
            assert table[a, b] == int(((true == a) & (said == b)).sum())


def test_kept_is_the_image_that_was_mistaken_most_and_those_with_the_lowest_iou(pair):
    true, said = pair
    images = torch.arange(10.0)[:, None, None, None].expand(10, 3, 6, 5)
    mistakes = Mistakes(1, room=2**20, least=1)
    counted = torch.ones(10).bool()
    counted[4] = False
    for part in (slice(0, 6), slice(6, 10)):
        mistakes.see(
            images[part], said[part], true[part], counted=counted[part], places=list(range(part.start, part.stop))
        )
    share = [((true[i] == 1) & (said[i] == 2)).sum().item() / 29 if i != 4 else 0.0 for i in range(10)]
    (kept,) = mistakes.surest((1, 2))
    assert (kept.place, kept.confidence) == (share.index(max(share)), pytest.approx(max(share)))
    assert torch.equal(kept.places, torch.stack([true[kept.place], said[kept.place]]))
    known = true >= 0
    iou = [
        multiclass_jaccard_index(said[i][known[i]].long(), true[i][known[i]].long(), 4, average="none").mean().item()
        for i in range(10)
    ]
    worst = mistakes.surest(WORST)
    expected = sorted((i for i in range(10) if i != 4), key=lambda i: iou[i])[:WORST_SHOWN]
    assert [one.place for one in worst] == expected
    assert worst[0].confidence == pytest.approx(1 - iou[expected[0]], abs=1e-6)
