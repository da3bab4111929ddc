"""Hold one row of the report: figures by name, and whether they reach what was aimed at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Row", "Share", "to_figures", "to_table"]


@dataclass(frozen=True, slots=True)
class Share:
    """Hold how many of a number of texts have something, with the Wilson score interval at 95 %.

    Examples
    --------
    >>> Share(90, 100)
    90.0 % [82.6, 94.5]
    """

    count: int
    total: int

    @property
    def value(self) -> float:
        """Return the share."""
        return self.count / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Return the interval's ends."""
        z, n = 1.96, self.total
        centre = (self.value + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(self.value * (1 - self.value) / n + z * z / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)

    def __repr__(self) -> str:
        """Write the share and its interval in percent."""
        low, high = self.interval
        return f"{100 * self.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Hold one row.

    Parameters
    ----------
    section, name : where the row stands; together they begin the names of its figures.
    figures : numbers and shares by name.
    aim : what was aimed at, in words; empty where nothing was.
    is_reached : whether it was reached.
    """

    section: str
    name: str
    figures: Mapping[str, float | Share] = field(default_factory=dict)
    aim: str = ""
    is_reached: bool = True


def to_figures(rows: Sequence[Row]) -> dict[str, float]:
    """Return every figure as ``section.name.figure``; shares also with the ends of their interval."""
    found: dict[str, float] = {}
    for row in rows:
        for name, value in row.figures.items():
            key = f"{row.section}.{row.name}.{name}".replace(" ", "_")
            if isinstance(value, Share):
                found |= {key: value.value, f"{key}_low": value.interval[0], f"{key}_high": value.interval[1]}
            else:
                found[key] = value
        if row.aim:
            found[f"{row.section}.{row.name}.is_reached".replace(" ", "_")] = float(row.is_reached)
    return found


def to_table(rows: Sequence[Row]) -> str:
    """Lay out one section's rows; columns are the figures that occur, in order."""
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    header = ["", *(name.replace("_", " ") for name in names), "aim"]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for row in rows:
        cells = [_show(row.figures.get(name)) for name in names]
        verdict = f"{row.aim}: {'yes' if row.is_reached else 'NO'}" if row.aim else ""
        lines.append(f"| {' | '.join([row.name, *cells, verdict])} |")
    return "\n".join(lines)


def _show(value: float | Share | None) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, Share) else f"{value:.4g}"
