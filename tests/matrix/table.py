"""All rows, by name."""

from . import attention, compiled, gpu, loading, memory, optimisation, places, precision, processes, state

ROWS = {
    **optimisation.ROWS,
    **memory.ROWS,
    **state.ROWS,
    **precision.ROWS,
    **loading.ROWS,
    **places.ROWS,
    **compiled.ROWS,
    **attention.ROWS,
    **processes.ROWS,
    **gpu.ROWS,
}
