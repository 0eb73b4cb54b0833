import pytest
import torch

from lightning_viz.explain.attribution.targets import check_target, resolve_targets

NAMES = ["bread", "dairy", "soup"]
LABELS = torch.tensor([2, 0])
SCORES = torch.tensor([[0.0, 9.0, 1.0], [0.0, 1.0, 9.0]])


@pytest.mark.parametrize(
    ("target", "expected"),
    [("label", [2, 0]), ("predicted", [1, 2]), (1, [1, 1]), ("soup", [2, 2]), ("0", [0, 0])],
)
def test_every_kind_of_target(target, expected):
    check_target(target, NAMES)
    found = resolve_targets(target, LABELS, SCORES, NAMES)
    assert found.tolist() == expected
    assert found.dtype == torch.long


def test_a_class_named_by_digits_goes_before_the_index():
    assert resolve_targets("0", LABELS, SCORES, ["7", "3", "0"]).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("target", "message"),
    [("Soop", "Did you mean 'soup'"), ("labels", "Did you mean 'label'"), ("zzz", "one of 'bread'"), (3, "0 to 2")],
)
def test_wrong_targets_say_what_there_is(target, message):
    for check in (lambda: check_target(target, NAMES), lambda: resolve_targets(target, LABELS, SCORES, NAMES)):
        with pytest.raises(ValueError, match=message):
            check()


def test_negative_index_is_no_class():
    with pytest.raises(ValueError, match="from 0 to 2"):
        check_target(-1, NAMES)


@pytest.mark.parametrize("target", [True, 1.0, None])
def test_other_types(target):
    with pytest.raises(TypeError, match="text or a class index"):
        check_target(target, NAMES)


def test_more_names_than_scores_and_labels_out_of_range():
    with pytest.raises(ValueError, match="scores 3 classes"):
        resolve_targets("rice", LABELS, SCORES, [*NAMES, "rice"])
    with pytest.raises(ValueError, match=r"\[-1, 2\]"):
        resolve_targets("label", torch.tensor([-1, 2]), SCORES, NAMES)
