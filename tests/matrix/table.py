"""All rows, by name."""

from . import compiled, gpu, loading, memory, optimisation, precision, processes, state

ROWS = {
    **optimisation.ROWS,
    **memory.ROWS,
    **state.ROWS,
    **precision.ROWS,
    **loading.ROWS,
    **compiled.ROWS,
    **processes.ROWS,
    **gpu.ROWS,
}
