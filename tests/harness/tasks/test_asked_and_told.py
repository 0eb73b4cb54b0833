"""What each task asks and tells, by hand."""

import pytest
import torch

from lightning_viz import Probes
from lightning_viz.explain.attribution.targets import RIVAL
from lightning_viz.harness.tasks.classes import Classes
from lightning_viz.harness.tasks.labels import Labels
from lightning_viz.harness.tasks.nothing import Nothing
from lightning_viz.harness.tasks.recognise import Evidence, recognise
from lightning_viz.harness.tasks.similarity import Similarity
from lightning_viz.harness.tasks.values import Values
from lightning_viz.render.fonts import plain

NAMES = ("Bread", "Egg", "Rice", "Soup")
PREDICTED = torch.tensor([0.9, 0.2, 0.6, 0.1])
BREAD_AND_EGG = torch.tensor([True, True, False, False])


def test_classes_ask_for_the_label_the_prediction_and_its_rival():
    task, label = Classes(), torch.tensor(1)
    assert task.columns("label", label, PREDICTED, NAMES) == [1]
    assert task.columns("predicted", label, PREDICTED, NAMES) == [0]
    assert task.columns("Rice", label, PREDICTED, NAMES) == task.columns(2, label, PREDICTED, NAMES) == [2]
    assert task.opponent(RIVAL, 0, label, PREDICTED, NAMES) == (2, True)
    assert task.opponent("predicted", 1, label, PREDICTED, NAMES) == (0, False)
    assert task.opponent("predicted", 0, label, PREDICTED, NAMES) == (2, True)
    assert plain(task.verdict(label, PREDICTED, NAMES)) == "Egg, says Bread 90 %"


def test_labels_ask_for_all_that_are_present_the_surest_first():
    task = Labels()
    assert task.columns("label", BREAD_AND_EGG, PREDICTED, NAMES) == [0, 1]
    assert task.columns("predicted", BREAD_AND_EGG, PREDICTED, NAMES) == [0, 2]
    assert task.columns("label", torch.zeros(4).bool(), PREDICTED, NAMES) == [0]
    assert task.columns("predicted", BREAD_AND_EGG, PREDICTED / 10, NAMES) == [0]


def test_the_rival_of_a_label_is_the_strongest_false_or_missed_one():
    task = Labels()
    assert task.rival(BREAD_AND_EGG, PREDICTED, 0) == 2  # false at .6, before Egg that is missed at .2
    assert task.rival(BREAD_AND_EGG, torch.tensor([0.9, 0.2, 0.1, 0.1]), 0) == 1
    assert task.rival(BREAD_AND_EGG, torch.tensor([0.9, 0.8, 0.1, 0.3]), 0) == 3  # all is right
    assert task.rival(torch.tensor([True]), torch.tensor([0.9]), 0) is None


def test_labels_are_told_as_right_missed_and_false():
    task = Labels()
    assert plain(task.verdict(BREAD_AND_EGG, PREDICTED, NAMES)) == "Bread ✓ 90 %, misses Egg 20 %, false: Rice 60 %"
    assert plain(task.verdict(torch.zeros(4).bool(), PREDICTED / 10, NAMES)) == "no label ✓"
    assert task.title(BREAD_AND_EGG, NAMES) == "Bread, Egg"


def test_labels_are_independent_and_read_from_logits_or_probabilities():
    logits = torch.tensor([[5.0, 5.0], [-5.0, 0.0]])
    assert torch.allclose(Labels().predictions(logits), logits.sigmoid())
    assert torch.allclose(Labels(sigmoid=True).scores(logits.sigmoid()), logits, atol=1e-3)
    assert torch.equal(Labels().predictions(Labels().own(torch.tensor([[1, 0]]))), torch.tensor([[1.0, 0.0]]))


def test_values_are_told_beside_the_true_ones():
    task = Values()
    assert plain(task.verdict(torch.tensor([2.9]), torch.tensor([3.2]), ("value",))) == "says 3.2, true 2.9"
    assert (
        plain(task.verdict(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 2.5]), ("x", "y")))
        == "x 1.5 (true 1), y 2.5 (true 2)"
    )
    assert task.columns("label", torch.zeros(2), torch.ones(2), ("x", "y")) == [0]
    assert task.columns("y", torch.zeros(2), torch.ones(2), ("x", "y")) == [1]
    assert task.opponent(RIVAL, 0, torch.zeros(2), torch.ones(2), ("x", "y"))[0] is None


def test_a_probe_is_not_held_against_itself():
    task, predicted = Similarity(), torch.tensor([1.0, 0.3, 0.7])
    assert task.columns("label", torch.tensor(0), predicted, NAMES[:3]) == [2]
    assert task.rival(torch.tensor(0), predicted, 2) == 1
    assert task.rival(torch.tensor(0), torch.tensor([1.0, 0.3]), 1) is None
    assert plain(task.verdict(torch.tensor(0), predicted, ("a", "b", "c"))) == "nearest to c 0.70"


def test_guides_may_know_what_is_right():
    task, predicted = Similarity(vectors=torch.eye(3)), torch.tensor([0.1, 0.3, 0.7])
    assert task.read(torch.tensor([2, 0]), 2).tolist() == [2, 0]
    assert task.read(None, 2).tolist() == [-1, -1]
    assert task.columns("label", torch.tensor(0), predicted, NAMES[:3]) == [0]
    assert task.columns("label", torch.tensor(-1), predicted, NAMES[:3]) == [2]
    assert plain(task.verdict(torch.tensor(2), predicted, NAMES)) == "nearest to Rice 0.70 ✓"
    assert plain(task.verdict(torch.tensor(0), predicted, NAMES)) == "nearest to Rice 0.70, is Bread"


MULTI = torch.tensor([[1, 1, 0], [0, 1, 0]])
CASES = [
    (torch.tensor([0, 2]), 3, (), Classes),
    (torch.tensor([0, 2]), 3, {3}, Classes),
    (torch.tensor([0, 1]), 1, (), Classes),
    (torch.tensor([0.0, 1.0]), 1, (), Classes),
    (torch.eye(3)[[0, 2]], 3, (), Classes),
    (torch.eye(3).long()[[0, 2]], 3, (), Classes),
    (torch.tensor([[0.9, 0.05, 0.05]]), 3, (), Classes),
    (MULTI, 3, (), Labels),
    (MULTI.float(), 3, (), Labels),
    (MULTI.bool(), 3, (), Labels),
    (torch.tensor([0.5, 1.0]), 1, (), Values),
    (torch.tensor([23.0, 41.0]), 1, (), Values),
    (torch.tensor([23, 41]), 1, (), Values),
    (torch.tensor([[2.5, 1.0], [0.0, -1.0]]), 2, (), Values),
    (torch.tensor([0, 2]), 128, {3}, Similarity),
    (None, 128, {10}, Similarity),
    (None, 10, {10}, Nothing),
    (None, None, (), Nothing),
    (torch.zeros(2, 8, 8).long(), 3, (), Nothing),
    (torch.tensor([0, 2]), 10, (), Classes),  # of a few images, of which some classes are not among
    (torch.tensor([0, 2]), 10, {3, 10}, Classes),  # the data set has names for three, the module says ten
    (torch.tensor([0, 9]), 10, {3}, Classes),  # labels use all of them
]


@pytest.mark.parametrize(("labels", "columns", "counts", "task"), CASES)
def test_it_is_recognised_by_labels_and_outputs(labels, columns, counts, task):
    found, why = recognise(None, Evidence(labels, columns, counts, lambda: False))
    assert isinstance(found, task)
    usual = task is Classes and (labels.ndim == 1)
    assert (why == "") == usual


@pytest.mark.parametrize(
    ("labels", "columns"),
    [
        (torch.tensor([[0.2, 0.7], [0.9, 0.9]]), 2),  # soft labels, or values
        (MULTI, 5),
        (torch.tensor([0.5, 1.5]), 3),
    ],
)
def test_two_readings_are_an_error_with_the_way_out(labels, columns):
    with pytest.raises(ValueError, match=r"task=\.\.\.") as caught:
        recognise(None, Evidence(labels, columns, (), lambda: False))
    assert "'values'" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "counts", "named"),
    [
        (12, {10}, {10}),  # a narrow embedding, or two classes more
        (12, {10}, ()),
        (8, {10}, {10}),  # a narrower one, thresholds of ranks, or classes without an image
        (12, {3, 10}, {10}),
        (64, (), ()),  # nobody knows of any classes, and labels use few
    ],
)
def test_another_number_of_outputs_than_of_classes_is_an_error_that_names_both(columns, counts, named):
    seen = Evidence(torch.tensor([0, 2]), columns, counts, lambda: False, named)
    with pytest.raises(ValueError, match=rf"outputs \(N, {columns}\)") as caught:
        recognise(None, seen)
    for word in ("task='classes'", "task='similarity'", "task='values'", "class_names=", "scores=", "net="):
        assert word in str(caught.value)
    assert recognise("classes", seen)[0].name == "classes"


def test_thresholds_of_ranks_are_told_by_the_score_that_they_share():
    generator = torch.Generator().manual_seed(0)
    score, labels = torch.randn(8, 1, generator=generator), torch.arange(8) % 5
    ranks = score + torch.tensor([2.0, 0.7, -0.1, -1.5])
    task, why = recognise(None, Evidence(labels, 4, {5}, lambda: False, {5}, ranks))
    assert (task.name, task.ordinal) == ("values", True)
    assert "CORAL" in why
    alike = [torch.zeros(8, 4), torch.randn(8, 4, generator=generator), ranks + 0.01 * torch.randn(8, 4)]
    for outputs in alike:
        assert recognise(None, Evidence(labels % 4, 4, {4}, lambda: False, {4}, outputs))[0].name == "classes"


@pytest.mark.parametrize("word", ["classes", "labels", "values", "similarity", "none"])
def test_a_word_overrules_all_of_it(word):
    task, why = recognise(word, Evidence(torch.tensor([0, 1]), 3, (), lambda: False))
    assert (task.name, why) == (word, "")


@pytest.mark.parametrize(
    "wrong",
    [{"task": "class"}, {"guide": -1}, {"guide": [0.1, "a"]}, {"guide": 1.5}, {"guide": {"a": []}}, {"guide": ""}],
)
def test_wrong_words_and_guides(wrong):
    with pytest.raises(ValueError, match=f"Expected {next(iter(wrong))}="):
        Probes(**wrong)
    with pytest.raises(ValueError, match="task='similarity'"):
        Probes(task="labels", guide=0)


def test_specs_with_equal_guides_are_equal_keys():
    one, other = (Probes(guide={"a": torch.ones(2), "b": [0.0, 1.0]}) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
