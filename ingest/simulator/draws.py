"""Randomness that gives the same world for the same seed.

Two sources share one interface. `Draws` is a stream: fast, for what happens next. `Traits` belongs to an identity (a
user, a week, an address block): the same question gets the same answer whatever was asked before, so that a world of a
million users needs no table of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import cos, log, pi, sqrt
from typing import TYPE_CHECKING, Final, TypeVar
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
BLOCK: Final = 4096
MASK: Final = (1 << 64) - 1
GOLDEN: Final = 0x9E3779B97F4A7C15


def mixed(state: int) -> int:
    """Scramble 64 bits, one to one: the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def zipf_cumulative(size: int, exponent: float, first_rank: int = 1) -> NDArray[np.float64]:
    """Cumulative probabilities of `size` ranks from `first_rank` on, P(rank) ~ rank ** -exponent."""
    weights = np.arange(first_rank, first_rank + size, dtype=np.float64) ** -exponent
    cumulative: NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    return cumulative


class Dice:
    """Draws built on one uniform number in [0, 1)."""

    unit: Callable[[], float]

    def below(self, size: int) -> int:
        """Integer in [0, size)."""
        return int(self.unit() * size)

    def between(self, low: float, high: float) -> float:
        """Uniform number in [low, high)."""
        return low + (high - low) * self.unit()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Any one of the choices, each as likely."""
        return choices[int(self.unit() * len(choices))]

    def ranked(self, cumulative: NDArray[np.float64]) -> int:
        """Index drawn by cumulative probabilities."""
        return int(np.searchsorted(cumulative, self.unit(), side="right"))

    def exponential(self, mean: float) -> float:
        """Waiting time with this mean."""
        return -mean * log(1.0 - self.unit())

    def normal(self) -> float:
        """Standard normal (Box, Muller 1958)."""
        return sqrt(-2.0 * log(1.0 - self.unit())) * cos(2.0 * pi * self.unit())

    def hex_id(self) -> str:
        """64 random bits as text."""
        return f"{int(self.unit() * 4294967296.0):08x}{int(self.unit() * 4294967296.0):08x}"


class Draws(Dice):
    """A stream of draws, named so that one stream never disturbs another."""

    def __init__(self, seed: int, stream: str) -> None:
        self._source = np.random.default_rng([seed, crc32(stream.encode())])
        self.unit = partial(next, self._endless(self._source.random))

    @staticmethod
    def _endless(block: Callable[[int], NDArray[np.float64]]) -> Iterator[float]:
        while True:
            yield from block(BLOCK).tolist()

    def ranks(self, cumulative: NDArray[np.float64]) -> Callable[[], int]:
        """Give a fast source of indexes drawn by cumulative probabilities."""
        child = self._source.spawn(1)[0]

        def endless() -> Iterator[int]:
            while True:
                yield from np.searchsorted(cumulative, child.random(BLOCK), side="right").tolist()

        return partial(next, endless())


class Traits(Dice):
    """Draws that belong to an identity, such as (seed, "user", 17)."""

    __slots__ = ("_state",)

    def __init__(self, *identity: int | str) -> None:
        state = 0
        for part in identity:
            number = part if isinstance(part, int) else crc32(part.encode())
            state = mixed((state + GOLDEN + number) & MASK)
        self._state = state

    def unit(self) -> float:
        """Next uniform number in [0, 1)."""
        self._state = (self._state + GOLDEN) & MASK
        return (mixed(self._state) >> 11) * (1.0 / 9007199254740992.0)
