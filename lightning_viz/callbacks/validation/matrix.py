"""The confusion matrix of every validation."""

from collections.abc import Iterable

import numpy as np

from lightning_viz.callbacks.validation.base import ValidationCallback
from lightning_viz.harness.probes.spec import slugs
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import Picture, Scalar
from lightning_viz.render.confusion import confusion_picture, recall, worst_confusions
from lightning_viz.render.size import Floats

MOST_RECALLS = 50
"""With more classes than this, only the mean of their recalls is logged."""


class ConfusionMatrixPanel(ValidationCallback):
    """Draws the confusion matrix over the whole validation set, and logs the recall of every class.

    Drawn after every validation (of every n-th epoch), one matrix per loader, as `confusion/<loader>`; recalls as
    `recall/<loader>/<class>`, in [0, 1]; of more than 50 classes, only their mean. The predictions are those that the
    validation step itself made, where they can be overheard; else the network is asked once more. Rows are true
    classes.

    Args:
        common: The arguments of `ExplanationCallback`; `probes` tells class names and how to unpack a batch.
    """

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar]:
        """One matrix per loader, and the recall of every class that the loader has.

        Raises:
            Exception: What ended the count on this process.
        """
        if self._error is not None:
            raise self._error
        for loader, tally in self._tallies.items():
            table = tally.table.numpy()
            lines = [f"{scene.when} · {loader} · {int(table.trace())} of {int(table.sum())} right"]
            lines += worst_confusions(table, self._names)
            lines += [f"left out: {count} {reason}" for reason, count in tally.left_out.items()]
            yield Picture(f"confusion/{loader}", confusion_picture(table, self._names, caption=lines), flat=True)
            yield from self._recalls(loader, recall(table))

    def _recalls(self, loader: str, shares: Floats) -> Iterable[Scalar]:
        found = np.isfinite(shares)  # classes that the loader does not have are NaN
        if len(shares) > MOST_RECALLS and found.any():
            yield Scalar(f"recall/{loader}/mean", float(shares[found].mean()))
        elif len(shares) <= MOST_RECALLS:
            tags = slugs(self._names)
            for k in np.flatnonzero(found):
                yield Scalar(f"recall/{loader}/{tags[k]}", float(shares[k]))
