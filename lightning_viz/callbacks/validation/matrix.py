"""The confusion matrix of every validation."""

from collections.abc import Iterable

from lightning_viz.callbacks.validation.base import ValidationCallback
from lightning_viz.callbacks.validation.counts import figures, picture
from lightning_viz.harness.run.scene import Scene
from lightning_viz.harness.sinks.results import ClassTable, Counts, Picture, Scalar


class ConfusionMatrixPanel(ValidationCallback):
    """Draws the confusion matrix over the whole validation set, and logs the recall of every class.

    Drawn after every validation (of every n-th epoch), one matrix per loader, as `confusion/<loader>`; recalls as
    `recall/<loader>/<class>`, in [0, 1]; of more than 50 classes, only their mean. The predictions are those that the
    validation step itself made, where they can be overheard; else the network is asked once more. Rows are true
    classes.

    Of several labels per image, a bar per class: how often it was found, missed and predicted falsely, and below it
    which class is predicted where another is missed; `recall/...` and `precision/<loader>/<class>`. Of values,
    predicted against true ones, and `mae/<loader>/<value>`, the mean absolute error. Of regions, the matrix counts
    pixels, without keeping any, at the size of the labels; `iou/<loader>/<class>` and `dice/<loader>/<class>` of all
    images together, and `mean_iou/<loader>`, the mean over the classes that there are. Of boxes, those with a score of
    at least .5 are held against true ones that they overlap by at least .5 (IoU): the matrix has a column for what is
    missed and a row for what is false; `recall/...` and `precision/<loader>/<class>`.

    Args:
        common: The arguments of `ExplanationCallback`; `probes` tells class names and how to unpack a batch.
    """

    def draw(self, scene: Scene) -> Iterable[Picture | Scalar | Counts | ClassTable]:
        """One picture per loader, the figures of every class that it has, and what the tab draws a table from.

        Raises:
            Exception: What ended the count on this process.
        """
        if self._error is not None:
            raise self._error
        for loader, tally in self._tallies.items():
            drawn = picture(tally, self._names, f"{scene.when} · {loader}")
            yield Picture(f"confusion/{loader}", drawn, flat=True)
            yield from figures(tally, self._names, loader)
