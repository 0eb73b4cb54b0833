"""How a network wants to be called: with images alone, or with what stands beside them in the batch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor, nn

from lightning_viz.explain.network.checkpointing import transparent_checkpoints
from lightning_viz.explain.network.chunks import is_out_of_memory
from lightning_viz.harness.isolation.things.standins import UntouchableError
from lightning_viz.harness.network.axes import channels_first
from lightning_viz.harness.network.extras import IMAGES, Extras, Rows
from lightning_viz.harness.network.outputs import AmbiguousError, BoxesError, NoScoresError, RefusedError
from lightning_viz.harness.network.subject import Subject

IMAGE_NAMES = ("image", "images", "pixel_values", "x", "input", "inputs", "img", "imgs")
"""What images are called, in batches and as arguments of a forward; the surest first."""

_Call = tuple[tuple[Any, ...], dict[str, Any]]


def with_extras(subject: Subject, images: Tensor, batch: Extras | None) -> Subject:
    """The network with what its forward wants beside the images: nothing, if it can do without.

    As the module's own step calls it, where that was seen. Else tried in the batch's own structure: the batch as it is,
    by name, or in its order, without labels before with them.

    Args:
        subject: The network.
        images: (N, C, H, W).
        batch: The batch that they are from, or what the user gives beside them.

    Returns:
        The subject; where it has extras, they have N rows. It puts out scores in the first of these ways in which it
        does; where it does in none, it is called in the first way that it takes.

    Raises:
        RefusedError: It takes none of these; the text names the children that take images alone.
        NoScoresError: It takes what the user gives, and puts out a loss.
    """
    failure: Exception | None = None
    without: Subject | None = None
    for args, kwargs in _calls(subject, batch):
        alone, listed = args == (IMAGES,) and not kwargs, batch is not None and batch.sizes is not None
        found = replace(subject, extras=None if alone and not listed else _arguments(args, kwargs, batch, len(images)))
        try:
            with torch.no_grad(), transparent_checkpoints():
                found.of(0)(images[:1])
        except UntouchableError:
            raise
        except (AmbiguousError, BoxesError):  # which concerns whoever asks for scores
            return _announced(found, args, kwargs)
        except NoScoresError as error:
            if without is None and (alone or not _is_a_loss(found, images)):
                without = _announced(found, args, kwargs)
            failure = error if alone else failure or error
        except Exception as error:  # whatever a forward does with what it was not made for
            if is_out_of_memory(error):
                raise
            failure = error if alone else failure or error  # what images alone come to is told
        else:
            return _announced(found, args, kwargs)
    if without is not None:
        return without
    assert failure is not None
    if isinstance(failure, NoScoresError):  # it takes images, so this is about what it returns
        raise failure
    raise _refused(subject, images, failure) from failure


def called_alike(subject: Subject, images: Tensor, batch: Extras) -> Subject | None:
    """The network with what stands beside the images of another batch, called as it is with its own; it is not run.

    Args:
        subject: The network, with what stands beside its images, if anything does.
        images: (N, C, H, W), of the other batch.
        batch: What stands around them.

    Returns:
        The subject; None where that batch holds nothing alike.
    """
    own = subject.extras
    if own is None:
        return subject
    made = (_arguments(args, kwargs, batch, len(images)) for args, kwargs in _calls(subject, batch))
    alike = next((extras for extras in made if extras.form == own.form), None)
    return None if alike is None else subject.beside(alike)


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any], batch: Extras | None, count: int) -> Extras:
    form, sizes = _signature(args, kwargs), None if batch is None else batch.sizes
    return Extras((args, kwargs), count if batch is None else batch.count, form=form, sizes=sizes)


def _is_a_loss(subject: Subject, images: Tensor) -> bool:
    """Whether a network puts out one number for all that it is given."""
    with torch.no_grad():
        return subject.of(0).everything(images[:1]).numel() < 2


def _announced(subject: Subject, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Subject:
    """The subject, once it is told what it is given."""
    if subject.extras is not None and subject.extras.holds_rows:
        rank_zero_info(
            f"The network is given what its batch has beside the images: forward({_signature(args, kwargs)}). Only the "
            "images are explained."
        )
    return subject


def _calls(subject: Subject, batch: Extras | None) -> Iterator[_Call]:
    net, tree = subject.net, None if batch is None else batch.tree
    if batch is not None and batch.given:
        named = dict(tree) if isinstance(tree, Mapping) else {}
        others = () if named else tuple(tree) if isinstance(tree, (tuple, list)) else (tree,)
        yield (IMAGES, *others), named
        yield from (((), {name: IMAGES, **named}) for name in _keywords(net, only=True))
        return
    seen = None if batch is None or subject.call is None else subject.call.of(batch)
    if seen is not None:
        yield seen
    yield (IMAGES,), {}
    if batch is not None and tree is not IMAGES and batch.holds_images:
        yield (tree,), {}
        yield from _in_order_and_by_name(net, _items(tree))
    yield from (((), {name: IMAGES}) for name in _keywords(net, only=True))


def _in_order_and_by_name(net: nn.Module, items: list[tuple[str, Any]]) -> Iterator[_Call]:
    takes, any_name = _keywords(net), _takes_any(net)
    for labels in (False, True):
        some = [(name, part) for name, part in items if labels or not (isinstance(part, Rows) and part.labels)]
        named = {name: part for name, part in some if name and (any_name or name in takes)}
        if any(part is IMAGES for part in named.values()):
            yield (), named
        where = next((k for k, (_, part) in enumerate(some) if part is IMAGES), None)
        if where is not None:
            for begin in {0: None, where: None}:
                parts = tuple(part for _, part in some[begin:])
                if len(parts) > 1:
                    yield parts, {}


def _items(tree: Any) -> list[tuple[str, Any]]:
    """The parts of a batch, by name where they have one."""
    if isinstance(tree, Mapping):
        return [(str(name), part) for name, part in tree.items()]
    if is_dataclass(tree):
        return [(field.name, getattr(tree, field.name)) for field in fields(tree)]
    if isinstance(tree, (tuple, list)):
        return list(zip(getattr(tree, "_fields", [""] * len(tree)), tree, strict=True))
    return []


def _parameters(net: nn.Module) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(net.forward).parameters
    except (TypeError, ValueError):  # it is no function of Python's
        return {}


def _keywords(net: nn.Module, *, only: bool = False) -> list[str]:
    """Names of a forward's arguments; with `only` those of images that go by name alone."""
    found = _parameters(net).values()
    if only:
        return [p.name for p in found if p.kind is p.KEYWORD_ONLY and p.name in IMAGE_NAMES]
    return [p.name for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _takes_any(net: nn.Module) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in _parameters(net).values())


def _signature(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return ", ".join([*map(_word, args), *(f"{name}={_word(part)}" for name, part in kwargs.items())])


def _word(part: Any) -> str:
    if part is IMAGES:
        return "images"
    if isinstance(part, Rows):
        shape = f" (N, {', '.join(map(str, part.values.shape[1:]))})" if isinstance(part.values, Tensor) else ""
        return ("labels" if part.labels else type(part.values).__name__.lower()) + shape
    names = [name for name, _ in _items(part)]
    return f"a batch of {', '.join(names)}" if any(names) else f"a {type(part).__name__}"


def _children(subject: Subject, images: Tensor) -> list[str]:
    """Dotted paths of the children, or theirs, that put out class scores of images alone."""
    found: list[str] = []
    for name, child in subject.net.named_modules():
        if name and name.count(".") < 2 and not any(name.startswith(f"{known}.") for known in found):
            try:
                with torch.no_grad():
                    replace(subject, net=child, name=name, extras=None)(images[:1])
            except Exception:  # most children take something else
                continue
            if any(True for _ in child.parameters()):
                found.append(name)
    return [f"{subject.name}.{name}".lstrip(".") for name in found]


def _refused(subject: Subject, images: Tensor, failure: Exception) -> RefusedError:
    children = _children(subject, images)
    net = (
        f"Pass net={' or net='.join(map(repr, children[:3]))}, which takes images alone,"
        if children
        else "Pass net= with the module that takes images (N, C, H, W),"
    )
    given = tuple(channels_first(images, subject.axes).shape)
    return RefusedError(
        f"Expected {type(subject.net).__name__} to take images, but its forward refuses {given}, alone "
        f"and with what its batch has beside them: {failure}. {net} or probes=Probes(unpack=...), a function from a "
        "batch to (images, labels, extras), whose extras follow the images: a tuple, or a dict by name."
    )
