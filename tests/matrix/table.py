"""All rows, by name."""

from . import compiled, gpu, loading, memory, optimisation, precision, processes

ROWS = {
    **optimisation.ROWS,
    **memory.ROWS,
    **precision.ROWS,
    **loading.ROWS,
    **compiled.ROWS,
    **processes.ROWS,
    **gpu.ROWS,
}
