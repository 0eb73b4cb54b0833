"""All rows, by name."""

from . import compiled, gpu, loading, optimisation, precision, processes

ROWS = {
    **optimisation.ROWS,
    **precision.ROWS,
    **loading.ROWS,
    **compiled.ROWS,
    **processes.ROWS,
    **gpu.ROWS,
}
