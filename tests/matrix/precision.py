"""In what precision it computes."""

from .configuration import Configuration

ROWS = {
    "bf16-mixed": Configuration(trainer={"precision": "bf16-mixed"}),
    "bf16-true": Configuration(trainer={"precision": "bf16-true"}),
    "64-true": Configuration(trainer={"precision": "64-true"}),
}
