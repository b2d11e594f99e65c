"""What the kernels share: the kinds of a cell, the bits of a record's status, and the types of their arrays."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Positions: TypeAlias = npt.NDArray[np.int32]
Ints: TypeAlias = npt.NDArray[np.int64]

NONE: Final = 0  # absent, or null
STRING: Final = 1
LIST: Final = 2  # of strings
INTEGER: Final = 3
DECIMAL: Final = 4  # a number with a fraction or an exponent
TRUE: Final = 5
FALSE: Final = 6
OTHER: Final = 7

UNSURE: Final = 1
NON_ASCII: Final = 2
