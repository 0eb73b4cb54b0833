"""The viewer: TensorBoard keeps every epoch, and its Explanations tab shows them. Knows none of the other rooms.

Here are the names that a log is written under; `lightning_viz.harness` writes the same.
"""

NAME = "lightning_viz"
"""The plugin's name: its address in TensorBoard, its entry point, and the owner of its data in the event files."""

IMAGES = "images"
"""TensorBoard's own plugin for pictures, which owns ours as well."""

SCALARS = "scalars"
"""TensorBoard's own plugin for figures."""

MANIFEST = "lightning_viz/manifest"
EPOCH = "lightning_viz/epoch"
PREDICTIONS = "lightning_viz/prediction/"
ORIGINAL = "lightning_viz/original/"
CAPTION = "lightning_viz/caption/"
PLACES = "lightning_viz/places/"
COUNTS = "lightning_viz/counts/"
TABLES = "lightning_viz/table/"
MAP = "lightning_viz/map/"
BOUND = "lightning_viz/bound/"

LIGHTNINGS_EPOCH = "epoch"
"""The scalar that Lightning itself logs beside every other: it stands in where a log has no epochs of ours."""
