"""The images of one split and their labels: from file names, folder names or folder numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CLASS_NAMES = (
    "Bread",
    "Dairy product",
    "Dessert",
    "Egg",
    "Fried food",
    "Meat",
    "Noodles/Pasta",
    "Rice",
    "Seafood",
    "Soup",
    "Vegetable/Fruit",
)
LABELLED = ("labeled", "labelled")  # homework 2021's folder next to "unlabeled"
KNOWN = (
    "It needs training/, validation/ and testing/ (or evaluation/, test/) with <label>_<n>.jpg, or a folder "
    "per class by name (Noodles-Pasta) or label (0 to 10), or training/labeled/<label>/."
)


@dataclass(frozen=True)
class Split:
    """The images of one split.

    Attributes:
        files: Image files in homework order: sorted as strings by `<label>_<file name>`, which puts class 10
            between 0 and 1; unlabelled files by name alone.
        labels: One label from 0 to 10 per file, or None for a testing split without labels.
    """

    files: list[Path]
    labels: list[int] | None


def visible(folder: Path) -> tuple[list[Path], list[Path]]:
    """Sorted folders and sorted files of a folder, without what operating systems leave behind."""
    junk = {"thumbs.db", "desktop.ini", "__macosx"}
    entries = [
        entry
        for entry in sorted(folder.iterdir())
        if not entry.name.startswith(".") and entry.name.casefold() not in junk
    ]
    return [entry for entry in entries if entry.is_dir()], [entry for entry in entries if not entry.is_dir()]


def contents(folder: Path) -> str:
    """What a folder holds, short enough for an error message."""
    folders, files = visible(folder)
    names = [f"{entry.name}/" for entry in folders] + [entry.name for entry in files]
    if not names:
        return "an empty folder"
    return f"{len(folders)} folders, {len(files)} files ({', '.join(names[:4])}{', ...' * (len(names) > 4)})"


def list_split(folder: Path, split: str) -> Split:
    """Lists a split's images with their labels.

    Args:
        folder: The split's folder.
        split: `training`, `validation` or `testing`; only testing may be without labels.

    Raises:
        ValueError: There is no image, a file or folder has no label, or a label is outside 0 to 10.
    """
    folders, files = visible(folder)
    for inner in folders:
        if inner.name.casefold() in LABELLED:
            return list_split(inner, split)
    if any(folder_label(inner.name) is not None for inner in folders):
        found = list(_by_folder(folders))
    elif split == "testing" and not (files and all(_prefix(file) for file in files)):
        return unlabelled(folder)
    else:
        found = list(_by_prefix(files))
    if not found:
        raise ValueError(f"Expected a folder with images, received {folder} with {contents(folder)}. {KNOWN}")
    return _sorted(found)


def _by_folder(folders: list[Path]) -> Iterator[tuple[Path, int]]:
    for folder in folders:
        label = folder_label(folder.name)
        for file in visible(folder)[1]:
            if label is None:
                names = ", ".join(CLASS_NAMES)
                raise ValueError(f"Expected folders named {names} or 0 to 10, received {folder.name!r} ({file}).")
            yield file, _checked(label, file)


def _by_prefix(files: list[Path]) -> Iterator[tuple[Path, int]]:
    for file in files:
        label = _prefix(file)
        if label is None:
            raise ValueError(f"Expected files named <label>_<n>.jpg, label 0 to 10, received {file}.")
        yield file, _checked(int(label), file)


def _prefix(file: Path) -> str | None:
    found = re.match(r"(\d+)_", file.name)
    return found and found[1]


def folder_label(name: str) -> int | None:
    """The label that a folder's name stands for, by number or by class name, or None.

    Example:
        >>> folder_label("06"), folder_label("Noodles-Pasta"), folder_label("Pizza")
        (6, 6, None)
    """
    if name.isdecimal():
        return int(name)
    names = [_plain(food) for food in CLASS_NAMES]
    return names.index(_plain(name)) if _plain(name) in names else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.casefold())


def _checked(label: int, file: Path) -> int:
    if label >= len(CLASS_NAMES):
        raise ValueError(f"Expected labels from 0 to 10, Food-11's classes, received {label} ({file}).")
    return label


def _sorted(labelled: list[tuple[Path, int]]) -> Split:
    def homework_key(item: tuple[Path, int]) -> str:
        file, label = item
        return file.name if _prefix(file) == str(label) else f"{label}_{file.name}"

    labelled.sort(key=homework_key)
    return Split([file for file, _ in labelled], [label for _, label in labelled])


def unlabelled(folder: Path) -> Split:
    """Lists a testing split without labels, one level of folders included."""
    folders, files = visible(folder)
    files = files + [file for inner in folders for file in visible(inner)[1]]
    return Split(sorted(files, key=lambda file: file.name), None)
