"""What a network is given beside the images: a table, a second view, the rest of the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lightning_viz.harness.tensors import mapped, plain


class _Images:
    """The place of the images."""

    def __reduce__(self) -> str:
        """There is one of it in every process."""
        return "IMAGES"


IMAGES = _Images()


@dataclass(frozen=True)
class Rows:
    """What has an entry for each image.

    Attributes:
        values: A tensor (N, ...), or a list of N things that are none.
        labels: Whether these are the labels.
    """

    values: Any
    labels: bool = False

    def of(self, items: Sequence[int]) -> Rows:
        """Those of some images."""
        if isinstance(self.values, Tensor):
            return replace(self, values=self.values[torch.as_tensor(items, device=self.values.device)])
        return replace(self, values=[self.values[i] for i in items])

    def repeated(self, count: int) -> Any:
        """The one entry as many times."""
        if isinstance(self.values, Tensor):
            return self.values.expand(count, *self.values.shape[1:])
        return list(self.values) * count


Sizes = tuple[tuple[int, int], ...]
"""Height and width of each image of a list."""
_ANY = 2**30
"""Higher and wider than any image."""


@dataclass(frozen=True)
class Extras:
    """What stands beside the images, image by image, so that some of them go to the network with what is theirs.

    Attributes:
        tree: Any nesting in which `IMAGES` stands for the images and `Rows` for what belongs to each of them: a batch,
            or positional and named arguments, `(args, kwargs)`.
        count: N.
        given: Whether the user has named what stands beside the images; then `IMAGES` is not in it.
        form: Of arguments, what they are but for the numbers in them, so that those of another batch can be made alike.
        sizes: Of images that go to the network as a list: height and width of each, which is the upper left part of an
            image as large as the largest of them. None where they go as one tensor.
    """

    tree: Any
    count: int
    given: bool = False
    form: str = ""
    sizes: Sizes | None = None

    @classmethod
    def of(
        cls,
        batch: Any,
        images: Tensor,
        *labels: Any,
        given: bool = False,
        listed: Sequence[Tensor] | None = None,
    ) -> Extras:
        """Takes a batch apart.

        Args:
            batch: Any nesting.
            images: The tensor in it that holds the images, (N, C, H, W).
            labels: Those that hold the labels, if any; or a list with those of each image.
            given: See above.
            listed: The images as the batch has them, where that is a list.
        """
        count, apart = len(images), [one for one in labels if one is not None and not isinstance(one, Tensor)]
        known = [one for one in labels if isinstance(one, Tensor)]
        sizes = None if listed is None else tuple((one.shape[-2], one.shape[-1]) for one in listed)

        def part(found: Any) -> Any:
            if listed is not None and found is listed and not given:
                return IMAGES
            if any(found is one for one in apart):
                return Rows(list(found), labels=True)
            if isinstance(found, Tensor):
                own = plain(found)
                if _same(own, images) and not given:
                    return IMAGES
                is_labels = any(_same(own, one) for one in known)
                return Rows(own.detach(), is_labels) if own.ndim and len(own) == count else own
            noted = isinstance(found, list) and len(found) == count and not _holds_tensors(found)
            return Rows(found) if noted else found

        return cls(mapped(batch, part), count, given, sizes=sizes)

    @property
    def holds_rows(self) -> bool:
        """Whether anything beside the images belongs to one of them and not to another."""
        return bool(_rows(self.tree))

    @property
    def apart(self) -> bool:
        """Whether copies of one image cannot go together with those of another."""
        return self.holds_rows or self.sizes is not None

    @property
    def whole(self) -> Extras:
        """The same for images of any size."""
        return self if self.sizes is None else replace(self, sizes=((_ANY, _ANY),) * self.count)

    @property
    def holds_images(self) -> bool:
        """Whether the images have a place in it."""
        return _holds(self.tree)

    @staticmethod
    def joined(parts: Sequence[Extras]) -> Extras:
        """One behind the other; nestings are those of the first."""
        columns = [_rows(part.tree) for part in parts]
        joined = iter([_joined(rows) for rows in zip(*columns, strict=True)])
        tree = mapped(parts[0].tree, lambda part: next(joined) if isinstance(part, Rows) else part)
        sizes = None if parts[0].sizes is None else tuple(size for part in parts for size in part.sizes or ())
        return replace(parts[0], tree=tree, count=sum(part.count for part in parts), sizes=sizes)

    def each(self, function: Callable[[Rows], Any], count: int) -> Extras:
        """The same nesting with other rows."""
        return replace(self, tree=mapped(self.tree, lambda p: function(p) if isinstance(p, Rows) else p), count=count)

    def rows(self, items: Sequence[int]) -> Extras:
        """What belongs to some of the images."""
        sizes = None if self.sizes is None else tuple(self.sizes[i] for i in items)
        return replace(self.each(lambda rows: rows.of(items), len(items)), sizes=sizes)

    def to(self, device: torch.device) -> Extras:
        """The same on another device."""

        def part(found: Any) -> Any:
            if isinstance(found, Rows):
                return replace(found, values=mapped(found.values, part))
            return found.to(device) if isinstance(found, Tensor) else found

        return replace(self, tree=mapped(self.tree, part))

    @property
    def size(self) -> int:
        """Bytes of all tensors that belong to images."""
        tensors = [rows.values for rows in _rows(self.tree) if isinstance(rows.values, Tensor)]
        return sum(values.numel() * values.element_size() for values in tensors)

    def around(self, images: Tensor) -> Any:
        """The nesting with images in their place, and beside them what is theirs.

        Args:
            images: (M, C, H, W), as many as there are rows; or any number of one image, where there is one row.

        Raises:
            ValueError: There are others than these.
        """
        if self.count not in (1, len(images)) and self.apart:
            raise ValueError(
                f"Expected {self.count} images, each of which has something of its own beside it, received "
                f"{len(images)}: ask `scene.subject.of(i)` for copies of probe i."
            )

        def part(found: Any) -> Any:
            if isinstance(found, Rows):
                return found.values if self.count == len(images) else found.repeated(len(images))
            return taken if found is IMAGES else found

        taken = images if self.sizes is None else self.cropped(images)
        return mapped(self.tree, part)

    def cropped(self, images: Tensor) -> list[Tensor]:
        """Images (M, C, H, W), as `around` takes them, as a list of those that they were made from."""
        sizes = self.sizes_of(images)
        return [image[:, :height, :width] for image, (height, width) in zip(images, sizes, strict=True)]

    def sizes_of(self, images: Tensor) -> Sizes:
        """Height and width of what the network gets of each of these images."""
        most = images.shape[-2], images.shape[-1]
        own = (most,) if self.sizes is None else self.sizes
        each = own if len(own) == len(images) else own[:1] * len(images)
        return tuple((min(height, most[0]), min(width, most[1])) for height, width in each)


def _same(one: Tensor, other: Tensor) -> bool:
    # Not by identity: what a subclass is stripped of is another object each time.
    alike = one.shape == other.shape and one.dtype == other.dtype and one.stride() == other.stride()
    return alike and one.data_ptr() == other.data_ptr()


def _holds_tensors(parts: list[Any]) -> bool:
    return any(isinstance(part, (Tensor, tuple, list, dict)) for part in parts)


def _holds(tree: Any) -> bool:
    found: list[bool] = []
    mapped(tree, lambda part: found.append(part is IMAGES) or part)  # type: ignore[func-returns-value]
    return any(found)


def _rows(tree: Any) -> list[Rows]:
    found: list[Rows] = []
    mapped(tree, lambda part: found.append(part) or Ellipsis if isinstance(part, Rows) else part)  # type: ignore[func-returns-value]
    return found


def _joined(rows: Sequence[Rows]) -> Rows:
    if isinstance(rows[0].values, Tensor):
        return replace(rows[0], values=torch.cat([one.values for one in rows]))
    return replace(rows[0], values=[value for one in rows for value in one.values])
