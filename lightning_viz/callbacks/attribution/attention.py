"""What a transformer attends to: how information flows through its layers, or which attention speaks for a class."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Optional, Union

from torch import Tensor

from lightning_viz.callbacks.attribution.base import AttributionCallback
from lightning_viz.callbacks.attribution.maps import FLOOR, PARTS
from lightning_viz.callbacks.base.attention import Reading, heads_argument, layers_argument
from lightning_viz.callbacks.base.keywords import OfAttribution, Unpack
from lightning_viz.callbacks.base.layers import check_flat
from lightning_viz.explain.attention.maps import Heads, attention_maps, head_maps
from lightning_viz.explain.attribution.gradcam import upsampled
from lightning_viz.harness.arguments import one_of
from lightning_viz.harness.network.subject import Subject
from lightning_viz.harness.probes.spec import slug
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Pixels, Result
from lightning_viz.render.maps.attention import ABOVE, head_tiles

_TITLES = {
    "rollout": "attention rollout",
    "heads": "attention of the heads",
    "relevance": "attention relevance",
    "legrad": "LeGrad",
}
_SPECIFIC = ("relevance", "legrad")


class AttentionMaps(AttributionCallback):
    """Draws which patches a transformer attends to, whatever implementation of attention it has.

    `"rollout"` (arXiv:2005.00928, 2020) follows attention and shortcuts through all layers. It tells where information
    flows, not what speaks for a class, and so does `"heads"`, what each head of the last layer attends to, with the
    entropy of its attention in nats and how far it looks, in patches; its colours are full at four times what each
    patch gets where all get the same. `"relevance"` (arXiv:2103.15679, 2021) and
    `"legrad"` (arXiv:2404.03214, 2024) weigh attention by its gradient: what it has to do with the target.

    Which tokens are patches is seen in the forward that makes them; what is drawn is what the scores are read from, the
    class token or the mean of all patches. Tags: `probe_03_egg/attention_rollout`, followed by layers and heads where
    they are chosen.

    Args:
        method: `"rollout"`, `"heads"`, `"relevance"` or `"legrad"`.
        layers: Which layers, by their place in the forward, from the end if negative, or by their names, or the ends of
            these. None are all; of `"heads"` the last.
        heads: Which heads of each layer; None are all.
        arguments: Those of `AttributionCallback`.

    Raises:
        ValueError: An unknown method, or layers or heads that are none.
    """

    lines = 4

    def __init__(
        self,
        *,
        method: Literal["rollout", "heads", "relevance", "legrad"] = "rollout",
        layers: Optional[Sequence[Union[int, str]]] = None,  # noqa: UP007, UP045
        heads: Optional[Sequence[int]] = None,  # noqa: UP045
        **arguments: Unpack[OfAttribution],
    ) -> None:
        super().__init__(**arguments)
        self.method = one_of("method", method, _TITLES)
        self.unit = "first-order log-odds" if method in _SPECIFIC else "share of attention"
        self.layers, self.heads = layers_argument(layers), heads_argument(heads)
        self._reading = Reading()
        self._seen: list[Heads] = []
        self._even = 0.0

    @property
    def name(self) -> str:
        """The last part of the tags."""
        chosen = {"layers": self.layers, "heads": self.heads}
        parts = [f"_{slug(' '.join([key, *map(str, some)]))}" for key, some in chosen.items() if some is not None]
        return f"attention_{self.method}{''.join(parts)}"

    @property
    def title(self) -> str:
        """What the method is called in captions."""
        return _TITLES[self.method]

    def prepare(self, scene: Scene) -> None:
        """Checks the target, and tries the method on one probe.

        Raises:
            ValueError: No such class, layer or head, or the network's attention makes no map; the text says why.
        """
        check_flat(scene)
        super().prepare(scene)
        self._reading = Reading()
        self.attribute(self.first_subject(scene), scene.probes.images[:1], self.first_target(scene))

    def draw(self, scene: Scene) -> Iterable[Result]:
        """One picture per probe, and what there is to tell of it."""
        self._seen = []
        yield from super().draw(scene)
        self._seen = []

    def attribute(self, subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
        """The map, (N, H, W), or those of all heads, (N, heads, H, W); not below 0."""
        tokens = self._reading.tokens(subject, images)
        how: dict[str, Any] = {"layers": self.layers, "heads": self.heads, "tokens": tokens}
        size = (images.shape[2], images.shape[3])
        if self.method != "heads":
            return upsampled(attention_maps(subject, subject.net, images, targets, method=self.method, **how), size)
        found = head_maps(subject, subject.net, images, **how)
        self._even = 1 / found.maps[0, 0].numel()
        maps = upsampled(found.maps.flatten(0, 1), size).reshape(*found.maps.shape[:2], *size)
        self._seen.append(found._replace(maps=maps))
        return maps

    @property
    def paints_plainly(self) -> bool:
        """All but the heads are one map, unless a subclass paints it in another way."""
        return self.method != "heads" and type(self).paint is AttentionMaps.paint

    def note(self, values: Tensor) -> str:
        """Says which maps are of no class."""
        return "" if self.method in _SPECIFIC else ": where information flows, for any class"

    def paint(self, pixels: Tensor, values: Tensor, full: float) -> tuple[list[Pixels], str]:
        """The map and its overlay, or the maps of all heads in one picture."""
        if self.method != "heads":
            return super().paint(pixels, values, full)
        entropy, distance = self._figures(values)
        picture = head_tiles(pixels.cpu().numpy(), values.cpu().numpy(), entropy, distance, full=full)
        return [picture], ", for any class; head: entropy (nats), distance (patches)"

    def bound(self, values: Tensor) -> float:
        """Of heads the same as on the wall: on the scale of one that attends to few patches, the others were black."""
        return ABOVE * self._even if self.method == "heads" else super().bound(values)

    @property
    def floor(self) -> float:
        """Of what speaks for a class a 64th of a superpixel's; attention itself adds up to 1 in any network."""
        return FLOOR / PARTS if self.method in _SPECIFIC else 0.0

    def _figures(self, values: Tensor) -> tuple[list[float], list[float]]:
        """Entropy and distance of the heads whose maps these are: one image's part of what was made of some."""
        place = values.untyped_storage().data_ptr()
        found = next((seen for seen in self._seen if place == seen.maps.untyped_storage().data_ptr()), None)
        if found is None:
            return [], []
        i = values.storage_offset() // found.maps.stride(0)
        return found.entropy[i].tolist(), found.distance[i].tolist()
