"""Regions by hand: what is asked of places, what is told of them, and the score over a region."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchmetrics.functional.classification import multiclass_jaccard_index

from lightning_viz import Probes
from lightning_viz.explain.attribution.gradients import input_gradient
from lightning_viz.explain.attribution.targets import RIVAL
from lightning_viz.harness.network.contrast import contrast
from lightning_viz.harness.network.outputs import AmbiguousError, NoScoresError
from lightning_viz.harness.network.spatial.maps import find_maps
from lightning_viz.harness.network.spatial.regional import fitted
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.batches import unpacked
from lightning_viz.harness.tasks.recognise import Evidence, recognise
from lightning_viz.harness.tasks.regions import Regions
from lightning_viz.render.fonts import plain

NAMES = ("ground", "Bread", "Egg", "Soup")
TRUE = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 1, -1]])
SAID = torch.tensor([[0.0, 0, 1, 2], [0, 1, 1, 2], [2, 0, 1, 3]])
TASK = Regions(background=0)


class Precision:
    """As Lightning's plugin for single precision."""

    def convert_input(self, images):
        return images

    def forward_context(self):
        from contextlib import nullcontext

        return nullcontext()


def network(net):
    return Subject(net.eval().requires_grad_(False), "", Precision())


def test_it_asks_for_the_largest_classes_first_and_for_the_background_only_by_name():
    assert TASK.columns("label", TRUE, SAID, NAMES) == [1, 2]
    assert TASK.columns("predicted", TRUE, SAID, NAMES) == [1, 2, 3]
    assert TASK.columns("ground", TRUE, SAID, NAMES) == [0]
    assert TASK.columns("label", 0 * TRUE, SAID, NAMES) == [0]
    assert TASK.columns("label", 0 * TRUE - 1, SAID, NAMES) == [1, 2, 3]
    assert TASK.title(TRUE, NAMES) == "Bread, Egg"
    assert TASK.slug(TRUE, NAMES) == "Bread"


def test_its_rival_is_what_it_is_most_confused_with():
    assert TASK.opponent(RIVAL, 1, TRUE, SAID, NAMES) == (2, True)  # two pixels of Bread are taken for Egg, one for 0
    assert TASK.rival(TRUE, SAID, 0) in (1, 2)  # one pixel each
    assert TASK.rival(TRUE, TRUE, 1) == 0  # nothing is confused: the largest other
    assert TASK.rival(0 * TRUE, 0 * TRUE, 0) == 1
    assert TASK.rival(0 * TRUE + 1, 0 * TRUE + 1, 1) == 0


def test_the_share_of_right_pixels_and_the_iou_are_those_of_torchmetrics():
    generator = torch.Generator().manual_seed(0)
    true, said = (torch.randint(0, 4, (9, 7), generator=generator).float() for _ in range(2))
    true[0] = -1
    known = true >= 0
    each = multiclass_jaccard_index(said[known].long(), true[known].long(), 4, average="none")
    assert torch.allclose(TASK.curves_of(true, said), each)
    assert TASK.right(true, said) == pytest.approx((true == said)[known].float().mean().item())
    assert plain(TASK.verdict(TRUE, SAID, NAMES)) == "64 % of pixels right, IoU Bread .50, Egg .25"
    assert TASK.best(SAID, TRUE) == (1, pytest.approx(7 / 11))


def test_masks_that_overlap_are_told_one_by_one():
    task = Regions(independent=True)
    true = torch.tensor([[[1.0, 1, 0]], [[1, 0, 0]], [[0, 0, 0]]])
    said = torch.tensor([[[1.0, 0, 0]], [[0, 1, 0]], [[0, 0, 0]]])
    assert task.marked(true) == [0, 1]
    assert task.curves_of(true, said).tolist() == [0.5, 0.0]
    assert task.rival(true, said, 0) == 1  # where 0 is missed, 1 is said
    assert task.truth(true, 1).tolist() == [[True, False, False]]
    assert not task.takes_for
    assert TASK.takes_for


class Linear(nn.Module):
    """Every place by itself: 1 x 1, so that gradients are known by hand."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(2, 3, 1)

    def forward(self, x):
        return {"out": self.head(x), "aux": self.head(x)[:, :, ::2, ::2]}


@pytest.fixture
def images():
    return torch.randn(2, 2, 6, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def asked(images):
    torch.manual_seed(0)
    net = Linear()
    with torch.no_grad():
        labels = 2 - net(images)["out"].argmax(1).float()  # wrong, mostly
    return net, labels, Regions().subject(network(net), images, labels)


def test_a_score_is_the_mean_logit_where_the_class_is_predicted(images, asked):
    net, labels, subject = asked
    with torch.no_grad():
        logits = net(images)["out"]
        found = subject(images)
    said = logits.argmax(1)
    for n in range(2):
        for k in range(3):
            area = said[n] == k
            area = area if bool(area.any()) else labels[n] == k
            area = area if bool(area.any()) else torch.ones_like(area)
            assert found[n, k].item() == pytest.approx(logits[n, k][area].mean().item(), rel=1e-5)


def test_its_gradient_is_the_weight_within_the_region_and_nothing_outside(images, asked):
    net, _, subject = asked
    said = net(images)["out"].argmax(1)
    k = int(said[0].mode().values.mode().values)
    area = said[0] == k
    gradient = input_gradient(subject.of(0).about(k), images[:1], torch.tensor([k]))[0]
    expected = net.head.weight[k, :, 0, 0, None, None] * area / area.sum()
    assert torch.allclose(gradient, expected, atol=1e-6)


def test_the_region_stays_while_the_image_is_perturbed(images, asked):
    net, _, subject = asked
    said = net(images)["out"].argmax(1)[0]
    k = int(said.flatten().mode().values)
    other = torch.zeros(3, 2, 6, 8)
    found = subject.of(0).about(k)(other)
    assert torch.allclose(found, net(other)["out"].mean((2, 3)), atol=1e-6)  # the same everywhere
    other[:, :, said != k] = 100.0  # outside of it
    assert torch.allclose(subject.of(0).about(k)(other), found, atol=1e-5)


def test_a_class_against_another_is_judged_over_one_region(images, asked):
    net, _, subject = asked
    logits = net(images)["out"]
    a = int(logits.argmax(1)[1].flatten().mode().values)
    b = (a + 1) % 3
    lead, column = contrast(subject, torch.tensor([a]), torch.tensor([b]), 3)
    ((one, some),) = lead.asking([1], column.tolist())
    area = logits.argmax(1)[1] == a
    expected = (logits[1, a] - logits[1, b])[area].mean()
    assert some == [1]
    assert one(images[1:])[0, int(column)].item() == pytest.approx(expected.item(), rel=1e-4)


def test_what_is_made_from_nothing_is_judged_as_a_whole(images, asked):
    net, _, subject = asked
    noise = torch.randn(1, 2, 10, 10)
    assert torch.allclose(subject.anywhere()(noise), net(noise)["out"].mean((2, 3)), atol=1e-6)


def test_more_images_than_regions_are_refused(images, asked):
    *_, subject = asked
    with pytest.raises(ValueError, match=r"region of its own, received 3.*of\(i\)"):
        subject(images[:1].expand(3, -1, -1, -1))


def test_log_odds_and_probabilities_over_a_region_are_those_of_its_mean_logits():
    scores = torch.tensor([[2.0, 0.0, 1.0]])
    p = scores.softmax(1)
    assert torch.allclose(TASK.predictions(scores), p)
    assert torch.allclose(TASK.explained(scores), (p / (1 - p)).log(), atol=1e-5)
    alone = Regions(independent=True)
    assert torch.equal(alone.explained(scores), scores)
    assert torch.equal(alone.predictions(scores), scores.sigmoid())


def test_a_single_logit_is_foreground_against_background():
    logit = torch.tensor([[[[3.0, -1.0]]]])
    for task, outputs in ((Regions(), logit), (Regions(sigmoid=True), logit.sigmoid())):
        scores = task.scores(outputs)
        assert torch.allclose(scores[:, 1] - scores[:, 0], logit[:, 0], atol=1e-4)
        assert task.settled(scores, torch.zeros(1, 1, 2)).tolist() == [[[1.0, 0.0]]]


def test_what_a_step_itself_returns_may_be_logits_probabilities_or_classes():
    wanted = torch.tensor([[[1.0, 0.0]]])
    logit = torch.tensor([[[[3.0, -1.0]]]])
    for found in (logit, logit.sigmoid(), logit[:, 0], logit[:, 0].sigmoid(), wanted.long(), wanted):
        assert torch.equal(TASK.settled(TASK.own(found), torch.zeros(1, 1, 2)), wanted)
    two = torch.cat([-logit, logit], dim=1)
    for found in (two, two.softmax(1), two.log_softmax(1)):
        assert torch.equal(TASK.settled(TASK.own(found), torch.zeros(1, 1, 2)), wanted)
    alone = Regions(independent=True)
    for found in (two, two.sigmoid(), (two > 0).long()):
        assert torch.equal(alone.settled(alone.own(found), torch.zeros(1, 2, 1, 2)), (two > 0).float())
    assert alone.own(wanted) is None


def test_outputs_are_brought_to_the_size_of_the_labels():
    coarse = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    fine = F.interpolate(coarse, (16, 16), mode="bilinear").argmax(1).float()
    assert torch.equal(TASK.settled(coarse, torch.zeros(1, 16, 16)), fine)
    coarse[0, 0, 0, 0] = torch.nan
    assert bool(TASK.settled(coarse, torch.zeros(1, 4, 4))[0, 0, 0].isnan())


def test_labels_are_read_from_whole_numbers_and_masks_and_some_are_left_out():
    whole = torch.tensor([[[0, 2], [255, -1]]])
    assert Regions(ignore=(255,)).read(whole, 1).tolist() == [[[0, 2], [-1, -1]]]
    assert Regions().read(whole[:, None], 1).tolist() == [[[0, 2], [255, -1]]]
    one_hot = F.one_hot(torch.tensor([[[0, 2], [1, 1]]]), 3).permute(0, 3, 1, 2)
    assert Regions().read(one_hot, 1).tolist() == [[[0, 2], [1, 1]]]
    assert Regions(independent=True).read(one_hot, 1).tolist() == one_hot.float().tolist()
    with pytest.raises(ValueError, match=r"labels \(N, H, W\).*unpack="):
        Regions().read(torch.zeros(3), 3)


def test_a_region_that_would_vanish_keeps_what_it_touches():
    speck = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    speck[0, 0, 5, 5] = True
    assert fitted(speck, (2, 2)).tolist() == [[[[False, False], [False, True]]]]
    assert fitted(~speck, (2, 2)).all()


WHOLE, MASKS = torch.randint(0, 3, (2, 8, 8)), torch.randint(0, 2, (2, 3, 8, 8))
ONE_HOT = F.one_hot(WHOLE, 3).permute(0, 3, 1, 2)
CASES = [
    (WHOLE, 3, Regions()),
    (WHOLE[:, None], 3, Regions()),
    (ONE_HOT, 3, Regions()),
    (ONE_HOT.float(), 3, Regions()),
    (MASKS, 3, Regions(independent=True)),
    (WHOLE > 0, 1, Regions(background=0)),
    (torch.where(WHOLE == 0, 255, WHOLE), 3, Regions(ignore=(255,))),
]


@pytest.mark.parametrize(("labels", "channels", "task"), CASES)
def test_it_is_recognised_by_labels_and_outputs(labels, channels, task):
    found, why = recognise(None, Evidence(None, None, (), lambda: False, places=labels, channels=channels))
    assert found == task
    assert "places" in why


def test_masks_of_another_number_are_two_readings():
    with pytest.raises(ValueError, match="masks"):
        recognise(None, Evidence(None, None, (), lambda: False, places=MASKS, channels=5))


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        ((torch.rand(2, 3, 8, 8), WHOLE), WHOLE),
        ((WHOLE, torch.rand(2, 3, 8, 8)), WHOLE),
        ({"image": torch.rand(2, 3, 8, 8), "mask": WHOLE[:, None].float(), "id": torch.arange(2)}, WHOLE[:, None]),
        ({"pixel_values": torch.rand(2, 3, 8, 8), "pixel_mask": WHOLE * 0 + 1, "labels": WHOLE}, WHOLE),
        ((torch.rand(2, 3, 8, 8), MASKS.float()), MASKS),
        ((torch.rand(2, 3, 8, 8), torch.rand(2, 8, 8)), None),  # depths are no classes
        ((torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)), None),
    ],
)
def test_labels_of_places_are_found_in_a_batch(batch, found):
    places = unpacked(batch).places
    assert (places is None) == (found is None)
    assert found is None or torch.equal(places.long(), found)


def test_maps_are_found_by_name_by_being_alone_or_by_their_size():
    out, aux = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 4, 4)
    assert find_maps(out, 2, "Net") is out
    assert find_maps({"aux": aux, "out": out}, 2, "Net") is out
    assert find_maps([aux, out], 2, "Net") is out
    assert find_maps((torch.rand(2, 5), out[:, 0]), 2, "Net").shape == (2, 1, 8, 8)
    with pytest.raises(AmbiguousError, match="scores="):
        find_maps((out, torch.rand(2, 7, 4, 4)), 2, "Net")
    with pytest.raises(NoScoresError, match="net="):
        find_maps(torch.rand(2, 5), 2, "Net")


def test_what_is_ignored_is_a_whole_number():
    assert Probes(ignore=255).ignore == 255
    with pytest.raises(ValueError, match="Expected ignore="):
        Probes(ignore=-1)
