"""A measured figure, and how it is shown beside its goal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        name: what was measured.
        value: the median of the rounds.
        unit: of `value`, and of `goal`.
        goal: None where there is none.
        at_most: the goal is an upper bound; otherwise a lower one.
        note: what else one has to know, such as the floor a ratio is of.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def written(value: float) -> str:
    """Write a number with as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def show(figures: Iterable[Figure]) -> None:
    """Print the report."""
    table = Table("measure", "figure", "unit", "goal", "", "note", box=None, pad_edge=False)
    for figure in figures:
        bound = "" if figure.goal is None else f"{'≤' if figure.at_most else '≥'} {written(figure.goal)}"
        verdict = {None: "", True: "met", False: "missed"}[figure.met]
        table.add_row(figure.name, written(figure.value), figure.unit, bound, verdict, figure.note)
    Console(highlight=False, width=150).print(table)
