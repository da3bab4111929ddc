"""Compare decoded JSON values as JSON Schema does: numbers by value, booleans apart from numbers."""

from __future__ import annotations

import json
from collections.abc import Hashable
from decimal import Decimal
from fractions import Fraction
from typing import Any

__all__ = ["canonical", "decode", "is_equal"]


def canonical(value: Any) -> Hashable:
    """Return a hashable stand-in; two values are equal JSON exactly when their stand-ins are.

    Examples
    --------
    >>> canonical(1) == canonical(1.0), canonical(1) == canonical(True)
    (True, False)
    """
    kind = type(value)
    if kind is str or value is None:
        same: str | None = value
        return same
    if kind is bool:
        return ("boolean", value)
    if kind is int or kind is float or kind is Decimal:
        return Fraction(str(value)) if kind is float else Fraction(value)
    if kind is list:
        return ("array", tuple(canonical(item) for item in value))
    return ("object", frozenset((name, canonical(item)) for name, item in value.items()))


def is_equal(left: Any, right: Any) -> bool:
    """Tell whether two values are the same JSON value."""
    return canonical(left) == canonical(right)


def decode(text: bytes) -> Any:
    """Decode JSON with decimals kept exact."""
    return json.loads(text, parse_float=Decimal)
