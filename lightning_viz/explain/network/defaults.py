"""The layers that are taken where no name is given: found by running the network once and looking at what ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_viz.explain.network.checkpointing import transparent_checkpoints
from lightning_viz.explain.network.layers import first_tensor
from lightning_viz.explain.network.tokens import channels_second

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_OF_TOKENS = (nn.Linear, nn.MultiheadAttention, nn.TransformerEncoderLayer)


class Defaults(NamedTuple):
    """Names of layers; empty where the network has none of the kind.

    Attributes:
        spatial: The last one that puts out places of the image, more than one, that the scores depend on: a
            convolution, or where tokens or places are mixed behind the last of these a block.
        deep: One of these two thirds down the network, where it sees parts of things: the last ones see whole images.
        hidden: The last hidden layer of a network without places.
    """

    spatial: str = ""
    deep: str = ""
    hidden: str = ""


class _Ran(NamedTuple):
    """What a module has put out.

    Attributes:
        order: Of modules in the order in which they ended.
        node: What has computed it, in the graph.
        depth: Steps of the graph from the images, along the longest way.
    """

    name: str
    module: nn.Module
    output: Tensor
    order: int
    node: Any
    depth: int = 0


def default_layers(scores: Callable[[Tensor], Tensor], net: nn.Module, image: Tensor) -> Defaults:
    """The layers of a network that are worth looking at.

    What the scores do not depend on does not count: copies that do not run, auxiliary heads, decoders. Neither do maps
    of one place, as the gates of squeeze-and-excitation have, nor shortcuts, beside which the image takes a longer way.
    Blocks are modules that all of the image passes through on its way to the scores; of those behind which places have
    no say any more, as with the class token of a transformer's last block, none is taken. Where scores are of places,
    the last layer is that of the scores themselves: there it is the deepest one, which sees most and has fewest places.

    Args:
        scores: The network: images (N, C, H, W) -> class scores (N, K), or of places (N, K, h, w); in eval mode, its
            parameters frozen.
        net: Its module.
        image: (1, C, H, W), or a volume (1, C, D, H, W).

    Returns:
        Their names.

    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(32, 2))
    >>> default_layers(net, net, torch.zeros(1, 1, 8, 8))
    Defaults(spatial='2', deep='2', hidden='')
    """
    leaf = image.detach().clone().requires_grad_()
    with _watched(net) as runs, transparent_checkpoints(), torch.enable_grad():
        found = scores(leaf)
    graph = _Graph(found, leaf)
    ran = graph.seen(runs)
    weighing = [one for one in ran if _weighs(one, leaf)]
    if not weighing:
        hidden = [one for one in _by_depth(ran) if isinstance(one.module, nn.Linear)]
        return Defaults(hidden=hidden[-2:][0].name) if hidden else Defaults()
    last = _by_depth(weighing)[-1]
    convolutions = [one for one in weighing if isinstance(one.module, _CONVOLUTIONS)]
    if last in convolutions:
        seeing = [one for one in sorted(convolutions, key=lambda one: one.order) if _sees(one.module)]
        if found.ndim < 4:
            return Defaults(last.name, seeing[len(seeing) * 2 // 3].name if seeing else last.name)
        if inner := [one for one in seeing if one is not last and not _is_a_part(one.module)]:
            return _of_maps(inner, leaf)
    blocks = [one.name for one in _blocks(ran, weighing, graph, leaf)]
    if not blocks:
        return Defaults(last.name, last.name) if last in convolutions else Defaults(hidden=last.name)
    return Defaults(blocks[-1], blocks[len(blocks) * 2 // 3])


def _of_maps(seeing: Sequence[_Ran], image: Tensor) -> Defaults:
    """The last of the layers, and one two thirds of the way to the last of those with the fewest places."""
    places = [_places(one.output, one.module, image) for one in seeing]
    end = max(k for k, count in enumerate(places) if count == min(places))
    return Defaults(seeing[-1].name, seeing[(end + 1) * 2 // 3].name)


@contextmanager
def _watched(net: nn.Module) -> Iterator[list[_Ran]]:
    """Notes what the modules put out, each time that they run."""
    runs: list[_Ran] = []

    def noting(name: str) -> Callable[..., None]:
        def note(module: nn.Module, inputs: object, output: object) -> None:
            found = first_tensor(output)
            if found is not None and found.is_floating_point():
                runs.append(_Ran(name, module, found, len(runs), found.grad_fn))

        return note

    # A scripted module would not show what it puts out.
    visible = [(n, m) for n, m in net.named_modules() if n and not isinstance(m, torch.jit.ScriptModule)]
    handles = [module.register_forward_hook(noting(name)) for name, module in visible]
    try:
        yield runs
    finally:
        for handle in handles:
            handle.remove()


class _Graph:
    """What the scores are computed from.

    Args:
        scores: (1, K).
        image: (1, C, ...), a leaf of their graph.
    """

    def __init__(self, scores: Tensor, image: Tensor) -> None:
        self._scores, self._image = scores, image
        self._depth: dict[Any, int] = {}
        stack = [(scores.grad_fn, False)] if scores.grad_fn is not None else []
        while stack:
            node, done = stack.pop()
            if done:
                self._depth[node] = 1 + max((self._depth.get(below, 0) for below in _below(node)), default=0)
            elif node not in self._depth:
                self._depth[node] = 0
                stack.append((node, True))
                stack.extend((below, False) for below in _below(node) if below not in self._depth)

    def seen(self, runs: Sequence[_Ran]) -> list[_Ran]:
        """The first run of each module that the scores depend on, with its depth; of all, where none can be told."""
        if not self._depth:
            runs = [one._replace(depth=one.order) for one in runs]
        else:
            runs = [one._replace(depth=self._depth[one.node]) for one in runs if one.node in self._depth]
        first: dict[str, _Ran] = {}
        for one in runs:
            first.setdefault(one.name, one)
        return list(first.values())

    def all_passes(self, one: _Ran) -> bool:
        """Whether all of the image passes through a module on its way to the scores."""
        if not self._depth:
            return True
        seen, waiting = {one.node}, [self._scores.grad_fn]
        while waiting:
            node: Any = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if getattr(node, "variable", None) is self._image:
                return False
            waiting.extend(_below(node))
        return True

    def gradients(self, ran: Sequence[_Ran]) -> list[Tensor | None]:
        """Those of the largest score with respect to what some modules have put out."""
        if not self._depth or not ran:
            return [None] * len(ran)
        value = self._scores.flatten().max()
        return list(torch.autograd.grad(value, [one.output for one in ran], allow_unused=True, retain_graph=True))


def _below(node: Any) -> list[Any]:
    return [below for below, _ in node.next_functions if below is not None]


def _by_depth(ran: Sequence[_Ran]) -> list[_Ran]:
    return sorted(ran, key=lambda one: (one.depth, one.order))


def _weighs(one: _Ran, image: Tensor) -> bool:
    """Whether a module has weights for places, of which it puts out several."""
    if isinstance(one.module, _CONVOLUTIONS):
        gate = one.output.ndim > 3 and one.output.shape[1] == 1
        return not gate and _places(one.output, one.module, image) >= _several(image)
    return isinstance(one.module, _OF_TOKENS) and one.output.ndim > 2 and one.output.shape[1:-1].numel() > 1


def _several(image: Tensor) -> int:
    """How many places are enough to tell one from another: two, but one of an image of one pixel."""
    return min(image.shape[2:].numel(), 2)


def _places(output: Tensor, module: nn.Module, image: Tensor) -> int:
    """Of how many places of the image a module tells; 0 where it does not tell of places."""
    maps = _maps(output, module, image)
    return 0 if maps is None else maps.shape[2:].numel()


def _maps(output: Tensor, module: nn.Module, image: Tensor) -> Tensor | None:
    maps = channels_second(lambda _: output, module, maps=True)(image)
    return maps if maps.ndim == image.ndim and len(maps) == 1 else None


def _sees(module: Any) -> bool:
    """Whether it sees more than one place, as those of 1 x 1 do not, which mix channels or stand in shortcuts."""
    return bool(max(module.kernel_size) > 1)


def _blocks(ran: Sequence[_Ran], weighing: Sequence[_Ran], graph: _Graph, image: Tensor) -> list[_Ran]:
    """The innermost modules with weights inside that all of the image passes through, in their order, as maps."""
    inside = {one.name for one in weighing}
    holding = [one for one in ran if any(_within(name, one.name) for name in inside)]
    passed = [
        one for one in holding if _places(one.output, one.module, image) >= _several(image) and graph.all_passes(one)
    ]
    found = [o for o in passed if not any(p.name != o.name and _within(p.name, o.name) for p in passed)]
    found = _by_depth([one for one in found if not _is_a_part(one.module)])
    says = [_has_a_say(one, gradient, image) for one, gradient in zip(found, graph.gradients(found), strict=True)]
    return [one for one, say in zip(found, says, strict=True) if say] if any(says) else found


def _within(name: str, outer: str) -> bool:
    return name == outer or name.startswith(f"{outer}.")


def _is_a_part(module: Any) -> bool:
    """Whether a module is no block: it only cuts the image into patches, or is one step of a block."""
    if isinstance(module, _CONVOLUTIONS):
        return bool(max(module.kernel_size) > 1 and module.stride == module.kernel_size)
    return isinstance(module, nn.Linear)


def _has_a_say(one: _Ran, gradient: Tensor | None, image: Tensor) -> bool:
    maps = None if gradient is None else _maps(gradient, one.module, image)
    return maps is None or int((maps != 0).any(1).sum()) > 1
