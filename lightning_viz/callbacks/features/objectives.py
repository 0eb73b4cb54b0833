"""What `FilterAscent` may be asked for."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_viz.explain.optimisation.objectives import Direction, Reduce
from lightning_viz.harness.arguments import is_list, is_number, is_whole, refusal


def check_objective(value: Reduce) -> Reduce:
    """The part of a map that is raised.

    Raises:
        ValueError: There is no such part.
    """
    if isinstance(value, str) and value in ("mean", "sum", "neuron"):
        return value
    if not is_list(value) or len(value) != 2 or not all(is_whole(side) and int(side) >= 0 for side in value):
        raise refusal("objective", "'mean', 'sum', 'neuron' or a (row, column) from 0 on", value)
    return int(value[0]), int(value[1])


def check_classes(value: int | Sequence[int | str]) -> int | list[int | str]:
    """Which classes, or how many.

    Raises:
        ValueError: None at all, or something else.
    """
    if is_whole(value) and int(value) >= 1:  # type: ignore[arg-type]
        return int(value)  # type: ignore[arg-type]
    if isinstance(value, str):
        raise refusal("classes", f"a list, such as [{value!r}]", value)
    if not is_list(value) or not value or not all(isinstance(k, str) or (is_whole(k) and k >= 0) for k in value):
        raise refusal("classes", "at least one class, as a number of them or a list of names and indices", value)
    return list(value)


def check_directions(value: Sequence[Direction]) -> list[Direction]:
    """Mixtures of channels.

    Raises:
        ValueError: None at all, or something else.
    """
    if isinstance(value, dict):
        raise refusal("directions", f"a list, such as [{value}]", value)
    if not is_list(value) or not value or not all(isinstance(one, dict) and one for one in value):
        raise refusal("directions", "at least one dict from channels to weights, such as [{3: 1.0, 7: -0.5}]", value)
    pairs = [pair for one in value for pair in one.items()]
    if not all(is_whole(channel) and channel >= 0 and is_number(weight) for channel, weight in pairs):
        raise refusal("directions", "dicts from channels, which are whole numbers from 0 on, to weights", value)
    return [{int(channel): weight for channel, weight in one.items()} for one in value]
