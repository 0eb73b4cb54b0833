"""The page: the pictures that were drawn, copied beside it, in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

COLUMNS, QUALITY = 3, 55
LARGEST = 560
"""Longer side of a picture in pixels: only the confusion matrix is larger."""


@dataclass(frozen=True)
class Shown:
    """One picture of the page.

    Attributes:
        tag: Its tag, as in TensorBoard.
        title: What stands below it.
        words: Further lines below the title.
    """

    tag: str
    title: str
    words: tuple[str, ...] = ()


def copied(drawn: Path, shown: Sequence[Shown], folder: Path, *, prefix: str) -> list[str]:
    """Copies pictures as JPEG.

    Args:
        drawn: Folder of the drawn pictures.
        shown: Which.
        folder: Where to.
        prefix: Of the names of the copies.

    Returns:
        Their names.

    Raises:
        FileNotFoundError: One was not drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for picture in shown:
        files = sorted((drawn / picture.tag).glob("*.*"))
        if not files:
            raise FileNotFoundError(f"expected a picture {picture.tag!r} in {drawn}.")
        names.append(saved(Image.open(files[-1]).convert("RGB"), picture.tag, folder, prefix=prefix))
    return names


def saved(image: Image.Image, tag: str, folder: Path, *, prefix: str) -> str:
    """Writes a picture as JPEG, and returns its name."""
    name = f"{prefix}_{tag.replace('/', '_')}.jpg"
    image.thumbnail((LARGEST, LARGEST))
    image.save(folder / name, quality=QUALITY, optimize=True)
    return name


def parts(text: str) -> dict[str, str]:
    r"""The parts of a page in markdown below its introduction, by their titles.

    >>> parts("# Page\n\n## One\n\n### Wall\n\n## Two\n")
    {'One': '## One\n\n### Wall\n', 'Two': '## Two\n'}
    """
    found = [f"## {part}".rstrip() + "\n" for part in f"\n{text}".split("\n## ")[1:]]
    return {part.splitlines()[0].removeprefix("## "): part for part in found}


def table(shown: Sequence[Shown], names: Sequence[str], folder: str) -> str:
    """Pictures in rows of three, as markdown.

    >>> print(table([Shown("a/b", "B", ("one",))], ["x.jpg"], "images"))
    | | | |
    | --- | --- | --- |
    | ![B](images/x.jpg)<br>B<br>one | | |
    """
    cells = [
        "<br>".join([f"![{one.title}]({folder}/{name})", one.title, *one.words])
        for one, name in zip(shown, names, strict=True)
    ]
    cells += [""] * (-len(cells) % COLUMNS)
    rows = [cells[i : i + COLUMNS] for i in range(0, len(cells), COLUMNS)]
    lines = [["", "", ""], ["---"] * COLUMNS, *rows]
    return "\n".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines)
