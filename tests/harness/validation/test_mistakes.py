"""Which mistakes are kept, and what is told of their change; held against keeping and counting all of them."""

from collections import Counter

import torch

from lightning_viz.harness.validation.changes import Confusion, past, report
from lightning_viz.harness.validation.mistakes import Mistakes
from lightning_viz.harness.validation.tallies import Tally

SIZE = 3 * 4 * 4 * 4
"""Bytes of an image."""


def stream(count, classes, seed=0, batch=50):
    """Batches of images, each filled with its place, scores and labels."""
    generator = torch.Generator().manual_seed(seed)
    for start in range(0, count, batch):
        places = list(range(start, start + batch))
        images = torch.tensor(places).float()[:, None, None, None].expand(-1, 3, 4, 4)
        scores = torch.randn(batch, classes, generator=generator)
        yield images, scores, torch.randint(classes, (batch,), generator=generator), places


def test_with_room_for_all_the_surest_of_every_confusion_are_kept():
    kept, all_of_them = Mistakes(2, room=10**9, least=1), {}
    for images, scores, labels, places in stream(1000, 5):
        kept.see(images, scores, labels, counted=torch.ones(50).bool(), places=places)
        sure, predicted = scores.softmax(1).max(1)
        for i, place in enumerate(places):
            if predicted[i] != labels[i]:
                all_of_them.setdefault((int(labels[i]), int(predicted[i])), []).append((-float(sure[i]), place))
    assert len(all_of_them) == 20
    for pair, those in all_of_them.items():
        assert [one.place for one in kept.surest(pair)] == [place for _, place in sorted(those)[:2]]
        assert all(bool((one.image == one.place).all()) for one in kept.surest(pair))


def test_many_classes_take_no_more_than_the_room_and_the_frequent_confusions_stay():
    kept, counts = Mistakes(2, room=30 * SIZE, least=6), Counter()
    for images, scores, labels, places in stream(6000, 1000):
        scores[:5, 7], labels[:5] = 9.0, 3  # one mistake in ten is of these two kinds, the first from the start on
        if places[0] > 3000:
            scores[5:10, 8], labels[5:10] = 9.0, 4
        kept.see(images, scores, labels, counted=torch.ones(50).bool(), places=places)
        counts.update(zip(labels.tolist(), scores.argmax(1).tolist(), strict=True))
        assert kept.kept <= 30
    (first, _), (second, _) = counts.most_common(2)
    assert {first, second} == {(3, 7), (4, 8)}
    assert len(kept.surest(first)) == len(kept.surest(second)) == 2


def test_some_images_are_kept_however_large():
    kept = Mistakes(1, room=1, least=3)
    for images, scores, labels, places in stream(200, 6):
        kept.see(images, scores, labels, counted=torch.ones(50).bool(), places=places)
    assert kept.kept == 3


def test_images_are_copies_that_take_gradients():
    images, kept = torch.zeros(1, 3, 4, 4), Mistakes(1, room=SIZE, least=1)
    with torch.inference_mode():
        kept.see(images + 0, torch.tensor([[0.0, 2.0]]), torch.tensor([0]), counted=torch.tensor([True]), places=[0])
    (one,) = kept.surest((0, 1))
    one.image.clone().requires_grad_().sum().backward()
    assert one.confidence == float(torch.tensor([0.0, 2.0]).softmax(0)[1])


def test_what_changed_is_told_the_largest_change_first():
    before = torch.tensor([[9, 1, 5], [3, 9, 0], [0, 2, 9]])
    after = torch.tensor([[9, 6, 0], [2, 9, 1], [0, 2, 9]])
    told = report(Tally(after), past(before, 4), top=2, moved=3)
    assert told.top == [Confusion(0, 1, 6, 15, 1), Confusion(1, 0, 2, 12, 3)]
    assert told.moved == [Confusion(0, 1, 6, 15, 1), Confusion(0, 2, 0, 15, 5), Confusion(1, 0, 2, 12, 3)]
    assert told.kinds == {"new": 1, "gone": 1, "grew": 1, "shrank": 1}
    assert (told.wrong, told.was_wrong, told.total, told.since) == (11, 11, 38, 4)


def test_a_past_of_other_classes_counts_as_none():
    told = report(Tally(torch.tensor([[1, 2], [0, 1]])), past(torch.eye(3).long(), 4), top=2, moved=3)
    assert (told.since, told.moved) == (None, [Confusion(0, 1, 2, 3, None)])
