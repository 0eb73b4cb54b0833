"""The menu: the classes, how each is painted and how often it is served on which dish."""

from collections.abc import Callable

from lightning_viz.food11.drawn.canvas import Canvas, Pose
from lightning_viz.food11.drawn.foods.bread import BREAD
from lightning_viz.food11.drawn.foods.dairy_egg import DAIRY, EGG
from lightning_viz.food11.drawn.foods.dessert import DESSERT
from lightning_viz.food11.drawn.foods.fried import FRIED
from lightning_viz.food11.drawn.foods.meat import MEAT
from lightning_viz.food11.drawn.foods.plants import PLANTS
from lightning_viz.food11.drawn.foods.sea import SEAFOOD
from lightning_viz.food11.drawn.foods.soup import SOUP
from lightning_viz.food11.drawn.foods.starch import NOODLES, RICE
from lightning_viz.food11.splits import CLASS_NAMES

CLASSES = list(CLASS_NAMES)
Painter = Callable[[Canvas, Pose], None]
FOODS: tuple[tuple[tuple[Painter, float], ...], ...] = (
    BREAD,
    DAIRY,
    DESSERT,
    EGG,
    FRIED,
    MEAT,
    NOODLES,
    RICE,
    SEAFOOD,
    SOUP,
    PLANTS,
)
# How often each class is served on: plate, bowl, board, paper, the bare table.
SERVED: tuple[tuple[float, ...], ...] = (
    (5, 0, 3, 0.5, 1),
    (1.5, 0, 3, 0, 4),
    (5, 0, 1, 1, 2),
    (6, 1, 1, 0, 0),
    (3, 1, 0.5, 7, 0),
    (6, 0.5, 4, 0, 0),
    (5, 3, 0, 0, 0),
    (3, 5, 0, 0, 0),
    (6, 1, 2, 0, 0),
    (0, 1, 0, 0, 0),
    (3, 2, 3, 0, 3),
)
