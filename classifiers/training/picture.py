"""Draw training curves as a picture: SVG text, so that nothing has to be installed to make or to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Curve", "Panel", "draw_panels"]

_WIDTH, _HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 44, 44
_COLOURS = ("#1f6fb4", "#d1493f", "#3a8f4d", "#8a5bb5")
_NUM_TICKS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """Hold one line: points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """Hold one chart."""

    title: str
    x_label: str
    curves: Sequence[Curve]


def draw_panels(panels: Sequence[Panel]) -> str:
    """Return an SVG document with the panels side by side.

    Examples
    --------
    >>> draw_panels([Panel("Loss", "step", [Curve("training", [(0, 2.0), (10, 1.0)])])]).startswith("<svg")
    True
    """
    body = "".join(
        f'<g transform="translate({place * _WIDTH},0)">{_draw(panel)}</g>' for place, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH * len(panels)}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>{body}</svg>\n'
    )


def _draw(panel: Panel) -> str:
    points = [point for curve in panel.curves for point in curve.points if point[1] == point[1]]
    if not points:
        return f'<text x="{_LEFT}" y="20">{escape(panel.title)}: nothing to show</text>'
    xs, ys = [x for x, _ in points], [y for _, y in points]
    horizontal = _Axis(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT)
    vertical = _Axis(min(*ys, 0.0) if min(ys) < 0 else 0.0, max(ys), _HEIGHT - _BOTTOM, _TOP)
    parts = [f'<text x="{_LEFT}" y="18" font-size="13">{escape(panel.title)}</text>']
    parts += [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{vertical.at(y):.1f}" y2="{vertical.at(y):.1f}" '
        f'stroke="#ddd"/><text x="{_LEFT - 6}" y="{vertical.at(y) + 4:.1f}" text-anchor="end">{y:.3g}</text>'
        for y in vertical.ticks()
    ]
    parts += [
        f'<text x="{horizontal.at(x):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{x:.3g}</text>'
        for x in horizontal.ticks()
    ]
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(panel.x_label)}</text>')
    parts += [_draw_curve(curve, place, horizontal, vertical) for place, curve in enumerate(panel.curves)]
    return "".join(parts)


def _draw_curve(curve: Curve, place: int, horizontal: _Axis, vertical: _Axis) -> str:
    colour = _COLOURS[place % len(_COLOURS)]
    line = " ".join(f"{horizontal.at(x):.1f},{vertical.at(y):.1f}" for x, y in curve.points if y == y)  # noqa: PLR0124
    return (
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{_LEFT + 110 * place}" y="36" fill="{colour}">{escape(curve.name)}</text>'
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """Map values to places."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return a value's place."""
        spread = self.high - self.low
        return self.start + (self.end - self.start) * ((value - self.low) / spread if spread else 0.5)

    def ticks(self) -> list[float]:
        """Return evenly spaced values."""
        spread = self.high - self.low
        return [self.low + spread * place / (_NUM_TICKS - 1) for place in range(_NUM_TICKS)] if spread else [self.low]
