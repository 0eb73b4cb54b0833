import pytest

from lightning_viz.explain.attribution.targets import check_target, class_index

NAMES = ["bread", "dairy", "soup"]


@pytest.mark.parametrize(("target", "expected"), [(1, 1), ("soup", 2), ("0", 0)])
def test_every_kind_of_class(target, expected):
    check_target(target, NAMES)
    assert class_index(target, NAMES) == expected


@pytest.mark.parametrize("target", ["label", "predicted"])
def test_words_are_targets_and_no_classes(target):
    check_target(target, NAMES)
    with pytest.raises(ValueError, match="as a class, received"):
        class_index(target, NAMES)


def test_a_class_named_by_digits_goes_before_the_index():
    assert class_index("0", ["7", "3", "0"]) == 2


@pytest.mark.parametrize(
    ("target", "message"),
    [("Soop", "Did you mean 'soup'"), ("labels", "Did you mean 'label'"), ("zzz", "one of 'bread'"), (3, "0 to 2")],
)
def test_wrong_targets_say_what_there_is(target, message):
    for check in (check_target, class_index):
        with pytest.raises(ValueError, match=message):
            check(target, NAMES)


def test_negative_index_is_no_class():
    with pytest.raises(ValueError, match="from 0 to 2"):
        check_target(-1, NAMES)


@pytest.mark.parametrize("target", [True, 1.0, None])
def test_other_types(target):
    with pytest.raises(TypeError, match="text or a class index"):
        check_target(target, NAMES)
