"""How the decoder's inner loops are compiled."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

kernel: Final = njit(cache=True, nogil=True, _nrt=False)
"""Compile a loop over bytes that allocates nothing.

Without the interpreter lock, so that the poll goes on beside it. Without reference counts: the caller owns every
array, and counting each of them at each inner call costs three times the work itself.
"""


@kernel
def byte_at(data: npt.NDArray[np.uint8], at: int) -> int:
    """One byte as a signed number: compiled arithmetic that mixes unsigned and signed ones is done in floats."""
    return np.int64(data[at])  # type: ignore[return-value] # an int once compiled
