"""Any attribution method of captum."""

import warnings
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from inspect import signature
from typing import Any, Optional

import torch
from torch import Tensor, nn

from lightning_viz.callbacks.attribution.base import AttributionCallback
from lightning_viz.callbacks.attribution.methods import find_method, has_signs
from lightning_viz.callbacks.base.keywords import OfAttribution, Unpack
from lightning_viz.callbacks.base.layers import layer_of
from lightning_viz.explain.attribution.gradcam import upsampled
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.explain.network.naming import find_layer
from lightning_viz.explain.network.places import Places, find_places, laid_out_behind
from lightning_viz.explain.network.tokens import channels_second
from lightning_viz.harness.arguments import options, text
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.spec import shorten, slug
from lightning_viz.harness.run.scene import Scene


class CaptumAttribution(AttributionCallback):
    """Draws any attribution method of captum (`pip install 'lightning-viz[captum]'`), one image after the other.

    Values per channel are summed up; orange speaks for the class, blue against it. Values that have no sign, such as
    those of `Saliency` and the variance over noisy images, are drawn as magnitudes. Gradients with a sign are drawn
    with a slight blur, since the signs of neighbours alternate; methods of a layer are enlarged to the image, and get a
    transformer's tokens laid out as patches; methods that ask for a `feature_mask` get superpixels. Tags:
    `probe_03_egg/captum_inputxgradient`, followed by the layer of a method that has one.

    Args:
        method: The dotted path of its class, such as `"captum.attr.DeepLift"`.
        init: More arguments of its constructor, by name.
        arguments: More arguments of its `attribute`, by name; lists become tuples. What is an image there, such as
            `baselines`, is as the network takes it.
        layer: The layer of methods that have one: its dotted name, or the end of it. `None` takes what `GradCam` does.
        noise: Average over noisy images: the arguments of captum's `NoiseTunnel`, such as `{"nt_samples": 10}`.
        common: Those of `AttributionCallback`.

    Raises:
        ModuleNotFoundError: captum is not installed.
        ValueError: There is no such method, or it is one around another.
    """

    lines = 4

    def __init__(
        self,
        method: str = "captum.attr.InputXGradient",
        *,
        init: Optional[dict[str, Any]] = None,  # noqa: UP045
        arguments: Optional[dict[str, Any]] = None,  # noqa: UP045
        layer: Optional[str] = None,  # noqa: UP045
        noise: Optional[dict[str, Any]] = None,  # noqa: UP045
        **common: Unpack[OfAttribution],
    ) -> None:
        super().__init__(**common)
        self._class = find_method(method)
        self.method = method
        self.init = options("init", init, {"multiply_by_inputs": False})
        self.noise = None if noise is None else options("noise", noise, {"nt_samples": 10})
        self.arguments = {**options("arguments", arguments, {"n_steps": 20}), **(self.noise or {})}
        self.layer = text("layer", layer, "cnn.15")
        self.signed = has_signs(self._class, self.arguments)
        alternates = self.signed and issubclass(self._class, import_module("captum.attr").GradientAttribution)
        self.grain, self.per_pixel = (1 / 64, True) if alternates else (0.0, False)
        self._found = ""
        self._places: Places | None = None

    @property
    def name(self) -> str:
        """The last part of the tags."""
        noisy = "" if self.noise is None else "_noise"
        return f"captum_{slug(self._class.__name__)}{noisy}" + (f"_{slug(self._found)}" if self._found else "")

    @property
    def title(self) -> str:
        """What the method is called in captions."""
        noisy = "" if self.noise is None else " with noise"
        return f"{self._class.__name__}{noisy}" + (f" at {shorten(self._found)}" if self._found else "")

    def prepare(self, scene: Scene) -> None:
        """Checks the target, and tries the method on one probe.

        Raises:
            ValueError: No such class or layer, or captum refuses the method's arguments or the network.
        """
        super().prepare(scene)
        if "layer" in signature(self._class).parameters:
            self._found, layer = layer_of(scene, self.layer, places=True)
            if not self.arguments.get("attribute_to_layer_input"):
                self._places = find_places(scene.subject.of(0), layer, scene.probes.images[:1])
            self.grain, self.per_pixel = 0.0, False
        elif self.layer is not None:
            raise ValueError(f"Expected no layer= with {self.method}, which has none, received {self.layer!r}.")
        try:
            self.attribute(self.first_subject(scene), scene.probes.images[:1], self.first_target(scene))
        except Exception as error:
            takes = ", ".join(self._takes)
            raise ValueError(
                f"Expected arguments of {self.method} ({takes}), received init={self.init} and "
                f"arguments={self.arguments}, with which it fails on this network: {type(error).__name__}: {error}"
            ) from error

    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """The method's values, (N, H, W)."""
        layer = find_layer(subject.net, self._found)[1] if self._found else None
        with self._hooked(layer) as hooked:
            explainer = self._class(_Network(subject), **({"layer": hooked} if hooked is not None else {}), **self.init)
            if self.noise is not None:
                explainer = import_module("captum.attr").NoiseTunnel(explainer)
            pairs = zip(torch.split(images, 1), torch.split(targets, 1), strict=True)
            maps = [self._one(explainer, None if self._places else layer, *each) for each in pairs]
        return torch.cat(maps)

    def _hooked(self, layer: nn.Module | None) -> AbstractContextManager[nn.Module | None]:
        """What captum puts hooks on: it takes the second dimension for channels, and those behind it for places."""
        if layer is None or self._places is None:
            return nullcontext(layer)
        return laid_out_behind(layer, self._places)

    def _one(self, explainer: Any, layer: nn.Module | None, image: Tensor, target: Tensor) -> Tensor:
        given: dict[str, Any] = {key: _tuples(value) for key, value in self.arguments.items()}
        if "target" in self._takes:
            given.setdefault("target", target)
        if "feature_mask" in self._takes:
            given.setdefault("feature_mask", superpixels(((image - self.black) / (self.white - self.black))[0]))
        _seed(self.seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Setting .*hooks")  # which it takes away again
            found = explainer.attribute(image.detach().clone().requires_grad_(), **given)
        return _map(found[0] if isinstance(found, tuple) else found, layer, image)

    @property
    def _takes(self) -> list[str]:
        return [name for name in signature(self._class.attribute).parameters if name not in ("self", "kwargs")]


class _Network(nn.Module):
    """A subject as captum asks for it: a module, with modules in it to put hooks on."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.net = subject.net
        self._subject = subject

    def forward(self, images: Tensor) -> Tensor:
        return self._subject(images)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def _seed(seed: int) -> None:
    """For each image anew, so that its picture does not depend on which others this process draws."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def _map(found: Tensor, layer: nn.Module | None, image: Tensor) -> Tensor:
    found, size = found.detach().float(), image.shape[2:]
    if found.shape[2:] == size:
        return found.sum(1)
    maps = found if layer is None else channels_second(lambda _: found, layer, maps=True)(image)
    if maps.ndim != image.ndim:
        raise ValueError(
            f"Expected values for places of the image, received {tuple(found.shape)}: choose another layer."
        )
    return upsampled(maps.sum(1), size)
