"""What becomes of boxes in a validation, by hand."""

from collections import Counter

import pytest
import torch

from lightning_viz.harness.network.spatial.detections import Detections, find_detections, rows_of
from lightning_viz.harness.network.spatial.overlap import iou
from lightning_viz.harness.tasks.boxes import Boxes
from lightning_viz.harness.validation.boxes import BoxCount, became, box_table, f1

A, B = [0.0, 0, 10, 10], [20.0, 0, 30, 10]
NEAR_A = [1.0, 0, 11, 10]  # overlaps A by 90 of 110


def rows(*found):
    return torch.tensor(found).float().reshape(len(found), -1)


NOTHING = torch.zeros(0, 6), torch.zeros(0, 5)

CASES = {
    "found": (rows([*A, 0, 0.9]), rows([*A, 0]), {(0, 0): 1}),
    "too little overlap": (rows([8, 0, 18, 10, 0, 0.9]), rows([*A, 0]), {(0, 2): 1, (2, 0): 1}),
    "not said": (rows([*A, 0, 0.49]), rows([*A, 0]), {(0, 2): 1}),
    "taken for another": (rows([*A, 1, 0.9]), rows([*A, 0]), {(0, 1): 1}),
    "the second on the same is false": (
        rows([*A, 0, 0.9], [*NEAR_A, 0, 0.8]),
        rows([*A, 0]),
        {(0, 0): 1, (2, 0): 1},
    ),
    "the surest comes first, though it overlaps less": (
        rows([*NEAR_A, 0, 0.9], [*A, 0, 0.8]),
        rows([*A, 0]),
        {(0, 0): 1, (2, 0): 1},
    ),
    "its own class goes before another": (
        rows([*A, 1, 0.9], [*NEAR_A, 0, 0.8]),
        rows([*A, 0]),
        {(0, 0): 1, (2, 1): 1},
    ),
    "several": (rows([*A, 0, 0.9], [*B, 0, 0.7]), rows([*A, 0], [*B, 1]), {(0, 0): 1, (1, 0): 1}),
    "no box at all": (*NOTHING, {}),
    "rows that only fill": (rows([0, 0, 0, 0, -1, 0.0]), rows([*A, 1], [0, 0, 0, 0, -1]), {(1, 2): 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_boxes(case):
    predicted, true, expected = CASES[case]
    table = box_table(predicted, true, 2)
    assert {tuple(cell): int(table[tuple(cell)]) for cell in table.nonzero().tolist()} == expected


def test_recall_precision_and_sums_over_images_and_processes():
    count = BoxCount(Boxes(2, background=False))
    predicted = torch.stack([rows([*A, 0, 0.9], [*B, 0, 0.7]), rows([*A, 1, 0.9], [0, 0, 0, 0, -1, 0])])
    true = torch.stack([rows([*A, 0], [*B, 1]), rows([*A, 1], [*B, 1])])
    count.update(predicted, true)
    tally = count.tally(Counter()) + BoxCount(Boxes(2)).tally(Counter())
    assert tally.recall.tolist() == pytest.approx([1.0, 1 / 3])
    assert tally.precision.tolist() == pytest.approx([1 / 2, 1.0])
    assert (tally.images, int(tally.hits.sum()), tally.table[:, 2].tolist()) == (2, 2, [0, 1, 0])
    assert BoxCount(Boxes(2)).tally(Counter()).recall.isnan().all()


def test_what_is_missed_knows_how_nearly_it_was_found_and_f1_is_the_harmonic_mean():
    predicted, true = rows([*NEAR_A, 0, 0.4], [*B, 1, 0.9]), rows([*A, 0], [*B, 1])
    (missed,) = [one for one in became(predicted, true) if one.said is None]
    assert missed.score == pytest.approx(0.4 * 90 / 110)
    assert f1(became(predicted, true)) == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert f1(became(*NOTHING)) == 1.0


def test_overlap_against_a_count_of_pixels():
    generator = torch.Generator().manual_seed(0)
    corners = torch.randint(0, 20, (12, 2, 2), generator=generator).sort(1).values
    boxes = corners.reshape(12, 4).float()
    y, x = torch.meshgrid(torch.arange(20) + 0.5, torch.arange(20) + 0.5, indexing="ij")
    inside = (x >= boxes[:, 0, None, None]) & (x < boxes[:, 2, None, None])
    inside &= (y >= boxes[:, 1, None, None]) & (y < boxes[:, 3, None, None])
    for a in range(12):
        for b in range(12):
            both, either = (inside[a] & inside[b]).sum().item(), (inside[a] | inside[b]).sum().item()
            assert iou(boxes[a : a + 1], boxes[b : b + 1]).item() == pytest.approx(both / max(either, 1))


def test_outputs_of_both_kinds_say_the_same():
    sizes = ((40, 20), (40, 20))
    listed = [
        {"boxes": torch.tensor([[5.0, 10, 15, 30]]), "labels": torch.tensor([1]), "scores": torch.tensor([0.8])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long(), "scores": torch.zeros(0)},
    ]
    first = rows_of(find_detections(listed, sizes, "net", classes=2))
    assert first.tolist()[0] == [pytest.approx([5, 10, 15, 30, 1, 0.8])]
    assert first[1, 0, 4] == -1
    logits = torch.tensor([[[0.1, 0.8, 0.1]], [[0.2, 0.1, 0.7]]]).log()
    output = {"logits": logits, "pred_boxes": torch.tensor([[[0.5, 0.5, 0.5, 0.5]]] * 2)}
    second = rows_of(find_detections(output, sizes, "net", classes=2))
    assert torch.allclose(second[0], first[0])
    assert second[1, 0].tolist() == pytest.approx([5, 10, 15, 30, 0, 0.2])
    apart = find_detections({**output, "logits": torch.zeros(2, 1, 2)}, sizes, "net", classes=2, sigmoid=True)
    assert isinstance(apart[0], Detections)
    assert apart[0].scores.tolist() == [[0.5, 0.5]]
    with pytest.raises(ValueError, match=r"Expected boxes from the forward of net.*received dict of"):
        find_detections({"loss": torch.zeros(())}, sizes, "net", classes=2)
