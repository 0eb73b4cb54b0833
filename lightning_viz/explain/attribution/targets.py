"""Which class to explain: the label, the prediction, or one class by index or name."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import torch
from torch import Tensor

Target = str | int
"""`"label"`, `"predicted"`, a class index, or a class name."""

RIVAL = "rival"
"""As what to hold a class against: the strongest other one."""

_WORDS = ("label", "predicted")


def check_target(target: Target, class_names: Sequence[str]) -> None:
    """Raises early, before any image is seen, if `target` names no class.

    Args:
        target: `"label"`, `"predicted"`, a class index or a class name. Digits that are no name are an index.
        class_names: The name of every class.

    Raises:
        TypeError: If `target` is neither text nor a whole number.
        ValueError: If there is no such class.

    >>> check_target("soup", ["bread", "soup"])
    """
    if target not in _WORDS:
        _class_index(target, class_names)


def resolve_targets(target: Target, labels: Tensor, scores: Tensor, class_names: Sequence[str]) -> Tensor:
    """Class index per image.

    Args:
        target: See `check_target`.
        labels: (N,) true class indices.
        scores: (N, K) class scores, for `"predicted"`.
        class_names: K names.

    Returns:
        LongTensor (N,) on the device of `scores`, every entry in [0, K).

    Raises:
        TypeError: If `target` is neither text nor a whole number.
        ValueError: If `target`, or one of the labels, is none of the K classes.

    >>> scores = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> resolve_targets("predicted", torch.tensor([0, 0]), scores, ["bread", "soup"])
    tensor([1, 0])
    """
    if target == "predicted":
        return scores.detach().argmax(1)
    if target == "label":
        chosen = labels.detach().to(scores.device, torch.long)
    else:
        chosen = torch.full((len(scores),), _class_index(target, class_names), device=scores.device)
    classes = scores.shape[1]
    if len(chosen) and (int(chosen.min()) < 0 or int(chosen.max()) >= classes):
        raise ValueError(
            f"target={target!r} asks for classes {sorted(set(chosen.tolist()))}, but the network "
            f"scores {classes} classes: expected indices 0 to {classes - 1}."
        )
    return chosen


def check_against(against: Target, target: Target, class_names: Sequence[str]) -> None:
    """Raises early, before any image is seen, if `against` names no class, or the very class that `target` names.

    Args:
        against: `"rival"`, or what a target may be.
        target: What it is held against.
        class_names: The name of every class.

    Raises:
        TypeError: If `against` is neither text nor a whole number.
        ValueError: If there is no such class, or it is the target itself.

    >>> check_against("rival", "label", ["bread", "soup"])
    """
    if against == RIVAL:
        return
    check_target(against, class_names)
    words = {against, target} & set(_WORDS)
    if against == target or (not words and _class_index(against, class_names) == _class_index(target, class_names)):
        raise ValueError(f"expected two classes, got target={target!r} against={against!r}: try against='rival'.")


def resolve_against(
    against: Target, targets: Tensor, labels: Tensor, scores: Tensor, class_names: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """The class to hold each image's target against: the strongest other one where `against` is the target itself.

    Args:
        against: See `check_against`.
        targets: (N,) class indices.
        labels: (N,) true class indices.
        scores: (N, K) class scores, K > 1.
        class_names: K names.

    Returns:
        Class indices (N,), none of them the target, and bool (N,): which are the strongest other class.

    Raises:
        TypeError: If `against` is neither text nor a whole number.
        ValueError: If `against`, or one of the labels, is none of the K classes.

    >>> scores = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    >>> resolve_against("predicted", torch.tensor([0, 1]), torch.tensor([0, 0]), scores, ["bread", "egg", "soup"])
    (tensor([2, 0]), tensor([ True, False]))
    """
    rivals = scores.detach().scatter(1, targets[:, None], -torch.inf).argmax(1)
    if against == RIVAL:
        return rivals, torch.ones_like(rivals, dtype=torch.bool)
    wanted = resolve_targets(against, labels, scores, class_names)
    return torch.where(wanted == targets, rivals, wanted), wanted == targets


def _class_index(target: Target, class_names: Sequence[str]) -> int:
    if isinstance(target, bool) or not isinstance(target, (str, int)):
        raise TypeError(f"expected target= as text or a class index, got {type(target).__name__} {target!r}.")
    names = list(class_names)
    if target in names:
        return names.index(str(target))
    if isinstance(target, str) and not target.isdecimal():
        raise ValueError(f"target={target!r} is no class. {_hint(target, names)}")
    if not 0 <= int(target) < len(names):
        raise ValueError(f"target={target!r}: expected a class index from 0 to {len(names) - 1}.")
    return int(target)


def _hint(target: str, names: list[str]) -> str:
    known = {word.lower(): word for word in [*_WORDS, *names]}
    close = [known[word] for word in get_close_matches(target.lower(), known, n=3, cutoff=0.5)]
    if close:
        return f"Did you mean {', '.join(map(repr, close))}?"
    shown = ", ".join(map(repr, names[:20])) + (" ..." if len(names) > 20 else "")
    return f"Expected 'label', 'predicted', a class index or one of {shown}."
