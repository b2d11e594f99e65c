"""How the compiled loops are compiled.

A detector's `@kernel` walks the events of a batch in time order; the `@inner` functions it calls work on single rows.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from schemas.frame import Events

Record: TypeAlias = Any
"""One row of a structured array by reference: in a kernel its fields are attributes that write through."""

kernel = njit(cache=True, nogil=True)
"""The outer loop over a batch: cached on disk, runs beside the decoding thread."""

inner = njit(nogil=True, forceinline=True, _nrt=False)
"""A step on one event, compiled into the kernels that call it.

It allocates nothing, so Numba's reference counting is off: counting the dozen arrays of a view at every call costs 60
times the step itself (190 ns against 3 ns for a look at an empty window).
"""

part = njit(nogil=True, forceinline=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""As `inner`, for kernels only: what Python cannot call compiles in two thirds of the time.

Worth it where a kernel has dozens of steps.
"""


def column(events: Events, name: str) -> npt.NDArray[Any]:
    """Give a column as kernels take it: contiguous and writable, copied where it is not.

    Numba compiles a second time for a read-only array, and the columns a source never shows are read-only.
    """
    return np.require(events[name], requirements=("C", "W"))
