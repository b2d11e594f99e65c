"""How the decoder's inner loops are compiled."""

from __future__ import annotations

from typing import Final

from numba import njit

kernel: Final = njit(cache=True, nogil=True, _nrt=False)
"""Compile a loop over bytes that allocates nothing.

Without the interpreter lock, so that the poll goes on beside it. Without reference counts: the caller owns every
array, and counting each of them at each inner call costs three times the work itself.
"""
