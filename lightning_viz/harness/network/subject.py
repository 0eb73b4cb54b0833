"""The network to explain: found in the LightningModule, run under the Trainer's precision, its output checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from typing_extensions import Self

from lightning_viz.explain.network.chunks import Chunks
from lightning_viz.explain.network.layers import layer_output
from lightning_viz.harness.isolation.switches import as_outside
from lightning_viz.harness.network.axes import Axes, channels_first
from lightning_viz.harness.network.cost import Work
from lightning_viz.harness.network.extras import Extras
from lightning_viz.harness.network.gradients import forgetting_graphs, leaving_no_trace, with_gradient
from lightning_viz.harness.network.outputs import LastSigmoid, as_scores, find_scores
from lightning_viz.harness.network.outputs import NoScoresError as NoScoresError
from lightning_viz.harness.network.step import StepCall
from lightning_viz.harness.tensors import named_tensors

_OTHER = (torch.float64, torch.bfloat16, torch.float16)


class UnsuitedError(ValueError):
    """What a callback needs is not to be had of this network or of these data, whatever its arguments."""


@dataclass(frozen=True)
class Subject:
    """The network to explain, as a function from images to class scores.

    Attributes:
        net: The module that is called.
        name: Its dotted path in the LightningModule, empty for the LightningModule itself.
        precision: The Trainer's precision plugin: explanations see the arithmetic that training uses.
        work: What was asked of it so far.
        scores: The user's own way from what the network returns to class scores.
        extras: What it is given beside the images, if anything. With N rows it takes N images, and `of(i)` takes any
            number of copies of image i.
        call: How the module's own step calls it, if that was seen.
        axes: Of volumes and clips, how the network wants them; they come with their channels second.
    """

    net: nn.Module
    name: str
    precision: Any
    work: Work = field(default_factory=Work, compare=False)
    scores: Callable[[Any], Any] | None = None
    extras: Extras | None = field(default=None, compare=False)
    call: StepCall | None = field(default=None, compare=False)
    axes: Axes | None = field(default=None, compare=False)

    def __call__(self, images: Tensor) -> Tensor:
        """Class scores.

        Args:
            images: Float32 (N, C, H, W), as the network takes them; of volumes and clips (N, C, D, H, W).

        Returns:
            Float32 (N, K), differentiable with respect to the images. A single logit counts as two classes, half of
            it for the one and half against the other, and so does what a sigmoid has made of one: then as their
            probabilities.

        Raises:
            NoScoresError: The output holds no scores of that shape.
        """
        one = self.outputs(images)
        if one.shape[1] > 1:
            return one
        # A logit in halves, so that either class has something that speaks for it.
        return torch.cat([1 - one, one] if self._ends_in_sigmoid(one, images) else [-one / 2, one / 2], dim=1)

    def outputs(self, images: Tensor) -> Tensor:
        """Scores as the network puts them out.

        Args:
            images: Float32 (N, C, H, W), as the network takes them.

        Returns:
            Float32 (N, K), differentiable with respect to the images; a single output per image as (N, 1).

        Raises:
            NoScoresError: The output holds no scores of that shape.
        """
        return with_gradient(self._found, images).float().reshape(len(images), -1)

    def everything(self, images: Tensor) -> Tensor:
        """All that the network puts out as floats, in one row, whatever it means."""
        found = [t.reshape(-1).float() for _, t in named_tensors(self._run(images)) if t.is_floating_point()]
        return torch.cat([images.new_zeros(0), *found])

    def outputs_of(self, images: Tensor) -> Tensor:
        """What `outputs` returns of all images, of which few are in memory at a time."""
        return Chunks()(lambda some, items: self.rows(items).outputs(some), images, range(len(images)))

    @classmethod
    def like(cls, subject: Subject, **more: Any) -> Self:
        """The same network, with the same beside its images, asked in another way."""
        return cls(**{f.name: getattr(subject, f.name) for f in fields(Subject)}, **more)

    def beside(self, extras: Extras | None) -> Self:
        """The same network with something beside its images."""
        return replace(self, extras=extras)

    def rows(self, items: Sequence[int]) -> Self:
        """For some of the images, with what stands beside them."""
        return self if self.extras is None else replace(self, extras=self.extras.rows(items))

    def of(self, i: int) -> Self:
        """For any number of copies of image i, with what stands beside that one."""
        return self.rows([i])

    def groups(self, items: Sequence[int]) -> list[tuple[Self, list[int]]]:
        """The network for copies of some images: for all together, or each alone where it has something beside it."""
        apart = self.extras is not None and self.extras.apart
        return [(self.of(i), [i]) for i in items] if apart else [(self, list(items))]

    @property
    def local(self) -> bool:
        """Whether the scores of an image are of a part of it, which depends on what is asked of it."""
        return False

    def about(self, column: int) -> Self:
        """For images of which one column is asked: all scores are then of the part that it is told of, if any."""
        return self

    def anywhere(self) -> Self:
        """For images that are made from nothing: beside them stands what does beside the first, and no part counts."""
        return self.of(0)

    def asking(self, items: Sequence[int], columns: Sequence[int]) -> list[tuple[Self, list[int]]]:
        """The network for copies of some images, of each of which one column is asked; see `groups`."""
        if not self.local:
            return self.groups(items)
        return [(self.of(i).about(k), [i]) for i, k in zip(items, columns, strict=True)]

    def on(self, images: Tensor) -> Tensor:
        """Class scores of all images, of which few are in memory at a time, each with what stands beside it."""
        return Chunks()(lambda some, items: self.rows(items)(some), images, range(len(images)))

    def within(self, module: nn.Module) -> Subject:
        """The same network in a copy of the LightningModule."""
        return replace(self, net=module.get_submodule(self.name))

    def features(self, layer: nn.Module) -> Callable[[Tensor], Tensor]:
        """The function from images to the output of one layer; the forward stops there.

        Args:
            layer: A submodule of the network.

        Returns:
            A function from float32 (N, C, H, W) to the layer's output in float32.
        """

        def run(images: Tensor) -> Tensor:
            found = layer_output(self._run, layer, images)
            if len(found) == len(images) or self.extras is None or self.extras.sizes is None:
                return found
            # Networks that are given lists may take one image after the other.
            each = [self if self.extras.count == 1 else self.of(i) for i in range(len(images))]
            return torch.cat([layer_output(one._run, layer, images[i : i + 1]) for i, one in enumerate(each)])

        return lambda images: with_gradient(run, images)

    def require_gradient(self, images: Tensor, layer: nn.Module | None = None) -> None:
        """Checks that gradients reach the images.

        Args:
            images: Float32 (N, C, H, W), of which one is tried.
            layer: Where they come from: a submodule of the network, or the class scores.

        Raises:
            UnsuitedError: They do not.
        """
        first = self.of(0)
        call = first if layer is None else first.features(layer)
        if not call(images[:1].detach().clone().requires_grad_()).requires_grad:
            raise UnsuitedError(
                f"Expected gradients of the images, but the forward of {type(self.net).__name__} computes none: it "
                "detaches, or runs under torch.inference_mode(). Pass net= with the path of the network that it calls."
            )

    def answer(self, images: Tensor) -> object:
        """What the network returns, or what the user makes of it."""
        output = self._run(images)
        return output if self.scores is None else self.scores(output)

    def _found(self, images: Tensor) -> Tensor:
        output, name = self.answer(images), type(self.net).__name__
        return (find_scores if self.scores is None else as_scores)(output, len(images), name)

    def _ends_in_sigmoid(self, one: Tensor, images: Tensor) -> bool:
        if not bool(((one >= 0) & (one <= 1)).all()):
            return False
        last = LastSigmoid()
        with torch.no_grad(), last:
            found = self.of(0)._found(images[:1])
        return last.returned(found)

    def _run(self, images: Tensor) -> object:
        self.work.add(images)
        with as_outside(), self.precision.forward_context(), forgetting_graphs(self.net), leaving_no_trace(self.net):
            # A copy, because a network may change its input in place, and the probes must stay what they are.
            taken = self._as_taken(self.precision.convert_input(channels_first(images.clone(), self.axes)))
            if self.extras is None:
                return self.net(taken)
            args, kwargs = self.extras.around(taken)
            return self.net(*args, **kwargs)

    def _as_taken(self, images: Tensor) -> Tensor:
        # A network that is of another precision than the Trainer's has batches of its own precision.
        dtypes = {p.dtype for p in self.net.parameters() if p.is_floating_point()}
        other = dtypes.pop() if len(dtypes) == 1 else images.dtype
        return images.to(other) if images.is_floating_point() and other in _OTHER else images


class NotYetError(ValueError):
    """What is explained is not there yet; the text says what is missing."""


class NotShownYetError(NotYetError):
    """A network takes something that no batch has shown yet."""


def check_shapes(module: nn.Module) -> None:
    """Raises as long as a module has lazy parameters without a shape.

    Raises:
        NotYetError: It has.
    """
    if any(torch.nn.parameter.is_lazy(p) for p in module.parameters()):
        raise NotYetError(
            f"{type(module).__name__} has lazy parameters, whose shapes its first batch tells: there are pictures from "
            "then on. For one of the untrained network, run it once on a batch before training, or leave "
            "num_sanity_val_steps above 0."
        )


def find_subject(
    trainer: pl.Trainer, module: nn.Module, net: str | None, scores: Callable[[Any], Any] | None = None
) -> Subject:
    """Finds the network to explain.

    Args:
        trainer: The Trainer, for its precision.
        module: The user's LightningModule, or its copy.
        net: Dotted path of the module to explain; `None` takes the LightningModule itself, or its only child with
            parameters where `forward` is not overridden.
        scores: The user's own way from what it returns to class scores.

    Raises:
        ValueError: There is no such path, or `forward` is not overridden and several children could be meant.
    """
    name = _own_name(module) if net is None else net
    modules = dict(module.named_modules())
    if name not in modules:
        children = ", ".join(n for n, _ in module.named_children())
        raise ValueError(
            f"Expected net= as the dotted path of a module of {type(module).__name__} ({children}), received {net!r}."
        )
    return Subject(modules[name], name, trainer.precision_plugin, scores=scores)


_UNIMPLEMENTED = ("torch.nn.modules.module", "pytorch_lightning.core.module", "lightning.pytorch.core.module")
"""Where a forward comes from that nobody has overridden, in both of Lightning's namespaces."""


def _own_name(module: nn.Module) -> str:
    if getattr(type(module).forward, "__module__", "") not in _UNIMPLEMENTED:
        return ""
    children = [name for name, child in module.named_children() if any(True for _ in child.parameters())]
    if len(children) != 1:
        raise ValueError(
            f"{type(module).__name__} does not override forward, so it is not known which network to explain: "
            f"pass net= with one of {children or 'its modules (it has none with parameters)'}."
        )
    return children[0]
