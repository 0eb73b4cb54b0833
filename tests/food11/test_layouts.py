from pathlib import Path

import pytest

from lightning_viz.food11 import CLASS_NAMES, find_layout

KAGGLE = [name.replace("/", "-") for name in CLASS_NAMES]
LABELLED = [(0, 0), (10, 7), (2, 5)]
LAYOUTS = {
    1: ("{split}/{label}_{n}.jpg", "testing", "testing/{n:04d}.jpg"),
    2: ("{split}/{label}_{n}.jpg", "evaluation", "evaluation/{label}_{n}.jpg"),
    3: ("{split}/{name}/{n}.jpg", "evaluation", "evaluation/{name}/{n}.jpg"),
    4: ("{split}/{label}/{label}_{n}.jpg", "testing", "testing/{label}/{label}_{n}.jpg"),
    5: ("{split}/labeled/{label:02d}/{n}.jpg", "testing", "testing/00/{n:04d}.jpg"),
    6: ("{split}/{label}_{n}.jpg", "test", "test/{n}.jpg"),
}


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def fill(root: Path, number: int) -> Path:
    pattern, _, testing = LAYOUTS[number]
    for label, n in LABELLED:
        values = {"label": label, "n": n, "name": KAGGLE[label]}
        for split in ("training", "validation"):
            name = pattern.format(split=split, **values)
            touch(root, name.replace("validation/labeled", "validation"))
        touch(root, testing.format(**values))
    return root


@pytest.mark.parametrize("number", LAYOUTS)
def test_every_layout_is_recognised_with_its_labels(tmp_path: Path, number: int) -> None:
    layout = find_layout(fill(tmp_path, number))
    assert layout.name.startswith(f"layout {number} ")
    for split in ("training", "validation"):
        assert layout.splits[split].labels == [0, 10, 2]
        assert [int(file.stem.split("_")[-1]) for file in layout.splits[split].files] == [0, 7, 5]


@pytest.mark.parametrize("number", LAYOUTS)
def test_testing_has_labels_only_where_the_layout_gives_them(tmp_path: Path, number: int) -> None:
    testing = find_layout(fill(tmp_path, number)).splits["testing"]
    assert len(testing.files) == 3
    assert testing.labels == ([0, 10, 2] if number in (2, 3, 4) else None)


def test_homework_testing_files_named_by_label_are_labelled(tmp_path: Path) -> None:
    root = touch(tmp_path, "training/1_0.jpg", "testing/1_0.jpg", "testing/10_0.jpg")
    assert find_layout(root).splits["testing"].labels == [10, 1]


def test_training_order_is_the_homework_string_order(tmp_path: Path) -> None:
    names = [f"{label}_{n}.jpg" for label in range(11) for n in range(12)]
    training = find_layout(touch(tmp_path, *(f"training/{name}" for name in names))).splits["training"]
    assert [file.name for file in training.files] == sorted(names)
    assert list(dict.fromkeys(training.labels or [])) == [0, 10, *range(1, 10)]


def test_folders_by_name_come_in_the_same_order_as_flat_files(tmp_path: Path) -> None:
    for label in range(11):
        for n in range(12):
            touch(tmp_path, f"flat/training/{label}_{n}.jpg", f"named/training/{KAGGLE[label]}/{n}.jpg")
    flat = find_layout(tmp_path / "flat").splits["training"]
    named = find_layout(tmp_path / "named").splits["training"]
    assert named.labels == flat.labels
    assert [f.name for f in named.files] == [f.name.split("_")[1] for f in flat.files]


def test_what_operating_systems_leave_behind_is_ignored(tmp_path: Path) -> None:
    fill(tmp_path / "food-11", 1)
    junk = (".DS_Store", "food-11/.DS_Store", "food-11/training/._0_0.jpg", "food-11/testing/Thumbs.db")
    touch(tmp_path, *junk, "__MACOSX/food-11/training/._0_0.jpg")
    layout = find_layout(tmp_path)
    assert [len(split.files) for split in layout.splits.values()] == [3, 3, 3]


def test_unlabelled_images_of_homework_2021_are_ignored(tmp_path: Path) -> None:
    root = touch(fill(tmp_path, 5), "training/unlabeled/00/1.jpg", "training/unlabeled/00/2.jpg")
    assert len(find_layout(root).splits["training"].files) == 3


@pytest.mark.parametrize("nesting", ["food-11", "archive/food-11", "a/b/Food-11"])
def test_nested_folders_are_found(tmp_path: Path, nesting: str) -> None:
    fill(tmp_path / nesting, 2)
    assert find_layout(str(tmp_path)).root == tmp_path / nesting


def test_split_folders_may_be_capitalised(tmp_path: Path) -> None:
    root = touch(tmp_path, "Training/1_0.jpg", "Validation/2_0.jpg")
    assert set(find_layout(root).splits) == {"training", "validation"}


def test_summary_counts_splits_and_classes(tmp_path: Path) -> None:
    summary = find_layout(fill(tmp_path, 1)).summary()
    assert "homework 2020" in summary
    assert "training 3, validation 3, testing 3 unlabelled" in summary
    assert "Dessert 1/1" in summary
    assert "Egg 0/0" in summary


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"with an empty folder\. It needs training/"),
        (["notes.txt", "photos/a.jpg"], r"1 folders, 1 files \(photos/, notes.txt\)\. It needs training/"),
        (["training/11_4.jpg"], r"from 0 to 10, .*received 11 .*11_4\.jpg"),
        (["training/11/4.jpg", "training/1/4.jpg"], r"from 0 to 10, .*received 11 .*4\.jpg"),
        (["training/1_4.jpg", "training/cat.jpg"], r"named <label>_<n>\.jpg, .*received .*cat\.jpg"),
        (["training/Bread/4.jpg", "training/Pizza/4.jpg"], r"received 'Pizza'"),
        (["training/.DS_Store"], r"folder with images, received .*training with an empty folder"),
        (["a/training/1_0.jpg", "b/training/1_0.jpg"], r"Expected one data set, received .*pass one of"),
    ],
)
def test_errors_say_what_was_found(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_layout(touch(tmp_path, *names))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"received .*nowhere, which does not exist\. It needs training/"):
        find_layout(tmp_path / "nowhere")


def test_passing_a_split_folder_hints_at_its_parent(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    with pytest.raises(ValueError, match=f"Pass its parent, {tmp_path}"):
        find_layout(tmp_path / "training")
