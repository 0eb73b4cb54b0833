"""Where the images of Food-11 lie: every folder layout in which the data set circulates.

Six layouts are known, each with `training`, `validation` and one of `testing`, `evaluation`, `test`:

1. homework 2020: `training/3_100.jpg`, `testing/0000.jpg`
2. EPFL's original: `training/3_100.jpg`, `evaluation/3_100.jpg`
3. Kaggle's: `training/Noodles-Pasta/100.jpg`, `evaluation/Noodles-Pasta/100.jpg`
4. numbered folders: `training/6/6_100.jpg`
5. homework 2021: `training/labeled/06/100.jpg` next to unlabelled images
6. homework 2022: `training/3_100.jpg`, `test/100.jpg`
"""

from dataclasses import dataclass
from pathlib import Path

from lightning_viz.food11.splits import (
    CLASS_NAMES,
    KNOWN,
    LABELLED,
    Split,
    contents,
    folder_label,
    list_split,
    unlabelled,
    visible,
)

_SPLITS = {
    "training": ("training",),
    "validation": ("validation",),
    "testing": ("testing", "evaluation", "test"),
}
_NESTING = 3  # how many folders below the given one an archive may unpack into


@dataclass(frozen=True)
class Layout:
    """What was found in a folder.

    Attributes:
        root: The folder that holds the splits.
        name: Which of the known layouts it is, in words.
        splits: `training`, `validation`, `testing`, as far as they are there.
    """

    root: Path
    name: str
    splits: dict[str, Split]

    def summary(self) -> str:
        """Layout and images per split in one line, images per class and split in a second one."""
        sizes = [f"{name} {len(split.files)}{_unnamed(split)}" for name, split in self.splits.items()]
        labelled = [split.labels for split in self.splits.values() if split.labels is not None]
        counts = [
            f"{food} {'/'.join(str(labels.count(label)) for labels in labelled)}"
            for label, food in enumerate(CLASS_NAMES)
        ]
        return f"Food-11 in {self.root}, {self.name}: {', '.join(sizes)} images\n  {', '.join(counts)}"


def _unnamed(split: Split) -> str:
    return " unlabelled" if split.labels is None else ""


def find_layout(root: str | Path) -> Layout:
    """Finds and lists the images below a folder, in whichever layout they are.

    Hidden files, `._*`, `Thumbs.db` and `__MACOSX` are skipped, as are homework 2021's unlabelled images.

    Args:
        root: The folder with the splits, or one up to three levels above it.

    Raises:
        ValueError: The folder is missing or empty, has no known layout, or an image has no valid label.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("training/3_7.jpg", "training/10_2.jpg", "testing/0000.jpg"):
        ...         path = Path(folder, "food-11", name)
        ...         path.parent.mkdir(parents=True, exist_ok=True)
        ...         path.touch()
        ...     layout = find_layout(folder)
        >>> layout.name, layout.splits["training"].labels, layout.splits["testing"].labels
        ('layout 1 (homework 2020)', [10, 3], None)
    """
    base = _find_base(Path(root).expanduser())
    folders = _split_folders(base)
    name = _layout_name(folders)
    splits = {split: list_split(folder, split) for split, folder in folders.items()}
    if name.startswith("layout 5") and "testing" in splits:
        # Homework 2021 keeps its unlabelled test images in a folder "00", for ImageFolder's sake.
        splits["testing"] = unlabelled(folders["testing"])
    return Layout(base, name, splits)


def _split_folders(folder: Path) -> dict[str, Path]:
    named = {entry.name.casefold(): entry for entry in visible(folder)[0]}
    found = {split: [named[name] for name in names if name in named] for split, names in _SPLITS.items()}
    return {split: folders[0] for split, folders in found.items() if folders}


def _find_base(root: Path) -> Path:
    """The shallowest folder that holds splits."""
    if not root.is_dir():
        raise ValueError(f"Expected a folder with Food-11, received {root}, which does not exist. {KNOWN}")
    level = [root]
    for _ in range(_NESTING + 1):
        if found := [folder for folder in level if _split_folders(folder)]:
            if len(found) > 1:
                raise ValueError(
                    f"Expected one data set, received {root} with several: pass one of {', '.join(map(str, found))}."
                )
            return found[0]
        level = [inner for folder in level for inner in visible(folder)[0]]
    raise ValueError(f"Expected a folder with Food-11, received {root} with {contents(root)}. {KNOWN}{_hint(root)}")


def _hint(root: Path) -> str:
    inside = any(root.name.casefold() in names for names in _SPLITS.values())
    return f". Pass its parent, {root.parent}" if inside else ""


def _layout_name(folders: dict[str, Path]) -> str:
    inner = [entry.name.casefold() for entry in visible(next(iter(folders.values())))[0]]
    if any(name in LABELLED for name in inner):
        return "layout 5 (homework 2021)"
    if any(name.isdecimal() for name in inner):
        return "layout 4 (numbered folders)"
    if any(folder_label(name) is not None for name in inner):
        return "layout 3 (Kaggle's)"
    testing = folders["testing"].name.casefold() if "testing" in folders else "testing"
    flat = {"evaluation": "layout 2 (EPFL's original)", "test": "layout 6 (homework 2022)"}
    return flat.get(testing, "layout 1 (homework 2020)")
