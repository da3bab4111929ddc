"""Write integers in digits before Pydantic reads them."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["spell_integers"]

_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.DOTALL)
# Python reads integers of up to 4300 digits.
_MOST_DIGITS = 4000


def spell_integers(text: str) -> str:
    """Return JSON text with integers such as ``1e2`` and ``3.0`` written in digits.

    To JSON Schema they are integers; Pydantic would read them as floats, and lose digits past the sixteenth.
    """
    return _STRING_OR_NUMBER.sub(_spell_integer, text)


def _spell_integer(match: re.Match[str]) -> str:
    literal = match[0]
    if literal[0] == '"' or literal.lstrip("-").isdigit():
        return literal
    value = Decimal(literal)
    if value.adjusted() > _MOST_DIGITS or value != value.to_integral_value():
        return literal
    return str(int(value))
