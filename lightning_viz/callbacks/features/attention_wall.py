"""All heads of all layers of a transformer at a glance."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Optional, Union

from lightning_viz.callbacks.base.attention import Reading, layers_argument
from lightning_viz.callbacks.base.callback import ExplanationCallback
from lightning_viz.callbacks.base.captions import captioned
from lightning_viz.callbacks.base.keywords import Common, Unpack
from lightning_viz.callbacks.base.layers import check_flat
from lightning_viz.explain.attention.reading import read_layers
from lightning_viz.explain.attention.survey import Survey, survey
from lightning_viz.harness.probes.spec import slug
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Charts, Picture, Scalar
from lightning_viz.render.maps.attention import wall


class AttentionWall(ExplanationCallback):
    """Draws what every head of every layer attends to, in the mean of the probes, as one wall; a row is a layer.

    A head is hatched where it attends to everything alike (its entropy is above .99 of the largest that there is), and
    framed in orange where it attends to the same whatever the image (less than .01 of its attention differs).

    Tags: `attention/wall`. Scalars: the shares of such heads, `attention/uniform` and `attention/blind`; and per layer,
    in the mean of its heads, `attention/<layer>/entropy` (nats), `.../distance` (how far patches look, in patches,
    arXiv:2010.11929, 2021) and `.../strongest` (the share of all attention that goes to the three patches which get
    most: sinks, arXiv:2309.16588, 2023). TensorBoard's Custom Scalars charts each of them for all layers.

    Args:
        layers: See `AttentionMaps`; None are all.
        common: The arguments of `ExplanationCallback`.

    Raises:
        ValueError: An argument is out of its range.
    """

    per_probe = False
    charts: Mapping[str, Charts] = {
        "attention of the layers": {
            "entropy, in nats": "^attention/.+/entropy$",
            "distance, in patches": "^attention/.+/distance$",
            "share of the three strongest patches": "^attention/.+/strongest$",
            "shares of uniform and blind heads": "^attention/(uniform|blind)$",
        }
    }

    def __init__(self, *, layers: Optional[Sequence[Union[int, str]]] = None, **common: Unpack[Common]) -> None:  # noqa: UP007, UP045
        super().__init__(**common)
        self.layers = layers_argument(layers)
        self._reading = Reading()

    def prepare(self, scene: Scene) -> None:
        """Looks for attention, and for what the scores are read from.

        Raises:
            ValueError: There is no such layer, or the network's attention makes no map; the text says why.
        """
        check_flat(scene)
        read_layers(scene.subject.of(0), scene.subject.net, scene.probes.images[:1], layers=self.layers)
        self._reading = Reading()

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One picture, and the figures."""
        subject, images = scene.subject, scene.probes.images
        tokens = self._reading.tokens(subject.of(0), images)
        groups = [(one, images[some]) for one, some in subject.groups(range(len(images)))]
        found = survey(groups, subject.net, layers=self.layers, tokens=tokens)
        marks = [[part.tolist() for part in (layer.uniform, layer.blind)] for layer in found]
        uniform, blind = ([mark[k] for mark in marks] for k in (0, 1))
        picture = wall([layer.maps.cpu().numpy() for layer in found], uniform, blind)
        heads = sum(len(row) for row in uniform)
        counts = f"{_count(uniform)} uniform (hatched), {_count(blind)} the same for all images (framed)"
        caption = [f"{scene.when} · {len(found)} layers, a row each, {heads} heads", counts]
        yield captioned("attention/wall", picture, caption, lines=3)
        yield Scalar("attention/uniform", _count(uniform) / heads)
        yield Scalar("attention/blind", _count(blind) / heads)
        for layer in found:
            yield from _figures(layer)


def _figures(layer: Survey) -> Iterable[Scalar]:
    figures = {"entropy": layer.entropy, "distance": layer.distance, "strongest": layer.strongest}
    for measure, values in figures.items():
        yield Scalar(f"attention/{slug(layer.name)}/{measure}", float(values.mean()))


def _count(marks: Sequence[Sequence[bool]]) -> int:
    return sum(map(sum, marks))
