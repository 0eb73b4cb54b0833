"""`python -m benchmarks.superpixels`: which superpixels LIME finds the evidence with, and what its answer is worth.

Trains the demo's network (or takes its weights from a file), or takes EfficientNet-Lite0 with its ImageNet weights,
explains images by superpixels of several kinds and missing ones filled in several ways, and prints means: `IoU` of the
best union of superpixels with the evidence, `pointing`, in how many images the strongest superpixel lies in it,
`fidelity`, R² on masks that were not fitted to, `insertion`, `deletion`, and `stability`, the correlation with the map
of the same image with noise (standard deviation .02). Photographs have no evidence: of them, all but the first two.

With superpixels that are merged, and what is missing blurred (shipped), blurred less, or in its own mean colour:

    drawn food, 64 px, 33 images:    pointing .92 .83 .72  R2 .84 .84 .91  insertion .89 .88 .73  stability .85 .85 .76
    drawn food, 128 px, 22 images:   pointing .96 .92 .83  R2 .84 .85 .95  insertion .82 .81 .73  stability .84 .84 .76
    photographs, 64 px, 22 images:                         R2 .85 .86 .93  insertion .27 .27 .24  stability .81 .80 .69

(networks of 14, 5 and 5 epochs; deletion .14 .15 .31, .15 .17 .32 and .10 .11 .13). A mean colour is easier to fit,
since little changes where a superpixel of one colour goes: its R2 is higher, and all else worse.

    python -m benchmarks.superpixels                                  # drawn food, 64 px
    python -m benchmarks.superpixels --size 128
    python -m benchmarks.superpixels --photographs ../shared/data/food11
    python -m benchmarks.superpixels --imagenet                       # scikit-image's coffee and chelsea, 224 px
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_viz.callbacks.attribution.superpixels import BLUR
from lightning_viz.explain.attribution.baselines import blurred
from lightning_viz.explain.lime.explain import explain
from lightning_viz.explain.lime.masks import draw_masks
from lightning_viz.explain.lime.regression import LimeWeights
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.explain.measures.faithfulness import area, faithful_curves
from lightning_viz.food11 import FoodClassifier, FoodData
from lightning_viz.harness.network.spatial.shares import log_odds

CUTS: dict[str, dict[str, Any]] = {
    "slic, compactness 10": {"method": "slic"},
    "slic, compactness 3": {"method": "slic", "compactness": 3.0},
    "felzenszwalb, sigma .5": {"method": "felzenszwalb", "sigma": 0.5},
    "quickshift": {"method": "quickshift"},
    "grid": {"method": "grid"},
    "merged": {"method": "merged"},
}
FILLS: dict[str, Callable[[Tensor], Tensor | None]] = {
    "own mean": lambda pixels: None,
    "image's mean": lambda pixels: pixels.mean((1, 2)),
    "blurred": lambda pixels: _blurred(pixels, BLUR),
    "blurred less": lambda pixels: _blurred(pixels, 0.1),
}


class Item(NamedTuple):
    """An image (C, H, W) in [0, 1], its class, and the mask of its evidence (H, W) where that is known."""

    pixels: Tensor
    label: int
    mask: Tensor | None


class Case(NamedTuple):
    """A network in eval mode that takes images (N, C, H, W) as `normalize` makes them of [0, 1], and images for it."""

    net: nn.Module
    normalize: Callable[[Tensor], Tensor]
    items: list[Item]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints one line per kind of superpixels and of what is filled in.

    Args:
        arguments: Those of the command line by default.
    """
    options = _options(arguments)
    pl.seed_everything(0, verbose=False)
    case = _imagenet() if options.imagenet else _food(options)
    for name in options.cuts:
        for fill in options.fills:
            cut = {**CUTS[name], "segments": options.segments}
            found = [measured(case, item, cut, FILLS[fill]) for item in case.items]
            values = {key: [one[key] for one in found if not math.isnan(one[key])] for key in found[0]}
            text = "  ".join(f"{key} {fmean(known):.3g}" for key, known in values.items() if known)
            print(f"{name}, filled: {fill}, {len(found)} images:  {text}", flush=True)


def measured(
    case: Case, item: Item, cut: dict[str, Any], filled: Callable[[Tensor], Tensor | None]
) -> dict[str, float]:
    """What there is to tell of one image's explanation."""
    segments, fitted = _lime(case, item.pixels, item.label, cut, filled)
    heat = fitted.weights[segments]
    noise = torch.randn(item.pixels.shape, generator=torch.Generator().manual_seed(0))
    again, noisy = _lime(case, (item.pixels + 0.02 * noise).clamp(0, 1), item.label, cut, filled)
    pair = torch.stack([heat.flatten(), noisy.weights[again].flatten()])
    mask = torch.zeros_like(segments).bool() if item.mask is None else item.mask
    known = bool(mask.any())
    return {
        "number": len(fitted.weights),
        "IoU": best_union(segments, mask) if known else math.nan,
        "pointing": float(mask[heat == heat.max()].float().mean()) if known else math.nan,
        "fidelity": fitted.fidelity,
        **_areas(case, item, heat),
        "stability": float(torch.corrcoef(pair)[0, 1]),
    }


def best_union(segments: Tensor, mask: Tensor) -> float:
    """The IoU with a mask of those superpixels together that come nearest to it.

    >>> best_union(torch.tensor([[0, 1, 1, 2]]), torch.tensor([[True, True, False, False]]))
    0.6666666666666666
    """
    sizes = segments.flatten().bincount().double()
    inside = torch.zeros_like(sizes).index_add_(0, segments.flatten(), mask.flatten().double())
    order = (inside / sizes).argsort(descending=True)  # the best union holds the purest ones
    both, outside = inside[order].cumsum(0), (sizes - inside)[order].cumsum(0)
    return float((both / (mask.sum() + outside)).max())


def _lime(
    case: Case, pixels: Tensor, label: int, cut: dict[str, Any], filled: Callable[[Tensor], Tensor | None]
) -> tuple[Tensor, LimeWeights]:
    """As a panel has it."""
    segments = superpixels(pixels, **cut)
    masks = draw_masks(int(segments.max()) + 1, 512, seed=0, design="hadamard")
    (found,) = explain(
        case.net, pixels, [label], segments=segments, masks=masks, normalize=case.normalize, enough=0.99,
        fill=filled(pixels), probabilities=log_odds,
    )  # fmt: skip
    return segments, found


def _areas(case: Case, item: Item, heat: Tensor) -> dict[str, float]:
    def probability(images: Tensor) -> Tensor:
        found: Tensor = case.net(case.normalize(images)).softmax(1)[:, item.label]
        return found

    pixels, mean = item.pixels, item.pixels.mean((1, 2), keepdim=True)
    with torch.no_grad():
        whole, empty = probability(torch.stack([pixels, mean.expand_as(pixels)])).tolist()
    curves = faithful_curves(probability, pixels, heat, colour=mean, ends=(whole, empty))
    return {"insertion": area(curves.insertion), "deletion": area(curves.deletion)}


def _blurred(pixels: Tensor, share: float) -> Tensor:
    return blurred(pixels[None], share * pixels.shape[-1])[0]


def _food(options: argparse.Namespace) -> Case:
    count = max(options.images, 11)
    data = FoodData(options.photographs, size=options.size, batch_size=64, train_count=2200, val_count=count)
    net = _network(data, options)  # which sets the data up
    return Case(net, lambda pixels: pixels, [*_items(data, options.images)])


def _imagenet() -> Case:
    """Photographs of 224 px; of the cup of coffee it is known where it is."""
    from gallery.photographs import FOREIGN, EfficientNetLite, Photographs

    sys.path.append(str(FOREIGN))
    photographs, items = Photographs(), list[Item]()
    top, bottom, left, right = Photographs.cup
    for i, label in enumerate(Photographs.targets):
        pixels = photographs[i][0] * Photographs.std + Photographs.mean
        cup = torch.zeros(pixels.shape[1:]).bool()
        cup[top:bottom, left:right] = True
        items.append(Item(pixels.clamp(0, 1), label, cup if label == 967 else None))
    net = EfficientNetLite().eval().requires_grad_(False)
    return Case(net, lambda x: (x - Photographs.mean) / Photographs.std, items)


def _network(data: FoodData, options: argparse.Namespace) -> FoodClassifier:
    net = FoodClassifier(size=options.size, width=options.width, decay=True)
    if options.weights is not None and options.weights.exists():
        net.load_state_dict(torch.load(options.weights))
        data.setup("validate")
    else:
        quietly: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        pl.Trainer(max_epochs=options.epochs, accelerator="cpu", enable_model_summary=False, **quietly).fit(net, data)
        if options.weights is not None:
            torch.save(net.state_dict(), options.weights)
    return net.eval().requires_grad_(False)


def _items(data: FoodData, count: int) -> Iterator[Item]:
    """The first images, or as many spread over those that there are, where they are sorted by class."""
    images: Any = data.val_dataloader().dataset
    spread = 1 if data.root is None else len(images) // count
    for i in range(0, count * spread, spread):
        pixels, label = images[i]
        yield Item(pixels, int(label), images.mask(i) if data.root is None else None)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.superpixels",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", type=int, default=55)
    parser.add_argument("--size", type=int, default=64, help="pixels per side")
    parser.add_argument("--width", type=int, default=16, help="channels of the network's first convolution")
    parser.add_argument("--epochs", type=int, default=14, help="of the network's training")
    parser.add_argument("--segments", type=int, help="about how many superpixels; by default by the size")
    parser.add_argument("--photographs", help="a folder with Food-11, instead of drawn food")
    parser.add_argument("--imagenet", action="store_true", help="EfficientNet-Lite0 and two photographs instead")
    parser.add_argument("--cuts", nargs="+", choices=CUTS, default=[*CUTS], help="kinds of superpixels")
    parser.add_argument("--fills", nargs="+", choices=FILLS, default=[*FILLS], help="what is filled in")
    parser.add_argument("--weights", type=Path, help="file with the network's weights, written if it is not there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
