"""Draw what a sweep found: the attribute's rate against perplexity, and variety by strength."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from guidance.errors import InputFileError
from proxy_tuning.errors import MissingExtraError
from proxy_tuning.sweep import SweepPoint

__all__ = ["check_pictures", "save_picture"]

_SIZE_INCHES = (9.0, 3.8)


def check_pictures() -> None:
    """Refuse to draw where the library for it is missing, before the work is done.

    Raises
    ------
    MissingExtraError : when matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingExtraError(
            "picture: got no matplotlib, expected the extra 'pictures'; "
            "run: pip install 'constrained-guidance[pictures]'"
        )


def save_picture(points: Sequence[SweepPoint], path: Path, *, title: str) -> None:
    """Write the picture; the file's ending says in which format.

    Raises
    ------
    MissingExtraError : when matplotlib is not installed.
    InputFileError : when the file cannot be written, or its ending is no picture format.
    """
    check_pictures()
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_trade(left, points)
    _draw_variety(right, points)
    figure.suptitle(title, fontsize=11)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InputFileError(
            f"picture {path}: got {error}, expected a place to write and an ending such as .svg or .png; change it"
        ) from error


def _draw_trade(axes: Any, points: Sequence[SweepPoint]) -> None:
    """Draw the rate against perplexity, each point with its strength."""
    axes.plot([point.perplexity for point in points], [100 * point.rate for point in points], marker="o")
    for point in points:
        place = (point.perplexity, 100 * point.rate)
        axes.annotate(f"{point.strength:g}", place, textcoords="offset points", xytext=(5, -10), fontsize=8)
    axes.set(xlabel="perplexity under the base", ylabel="texts with the attribute, %", ylim=(-4, 104))


def _draw_variety(axes: Any, points: Sequence[SweepPoint]) -> None:
    """Draw the share of different words and pairs of words by strength."""
    ordered = sorted(points, key=lambda point: point.strength)
    strengths = [point.strength for point in ordered]
    axes.plot(strengths, [point.distinct_1 for point in ordered], marker="o", label="distinct-1")
    axes.plot(strengths, [point.distinct_2 for point in ordered], marker="s", label="distinct-2")
    axes.set(xlabel="alpha", ylabel="different n-grams of all", ylim=(0, None))
    axes.legend(frameon=False)
