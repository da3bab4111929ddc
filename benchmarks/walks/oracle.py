"""Judge a finished text: whether it parses, without duplicate keys, and `jsonschema` holds for it.

Numbers are read exactly, as integers and decimals, so that ``multipleOf: 0.1`` is not judged by binary rounding;
patterns mean what ECMA-262 says, not what Python's dialect makes of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jsonschema
import referencing.exceptions
from jsonschema import validators

from benchmarks.walks.dialect import with_python_patterns

__all__ = ["Fault", "Oracle", "UndecidedError", "read_json"]

_MAX_EXPONENT = 5_000
_TIME_FORMATS = (("format", "date-time"), ("format", "time"))


class UndecidedError(Exception):
    """The validator library cannot judge: a pattern outside Python's dialect, a number too large to divide."""


class DuplicateKeyError(ValueError):
    """An object has a key twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a text: the keyword that fails, ``parse`` or ``duplicate key``; and the validator's words."""

    keyword: str
    detail: str = ""


class Oracle:
    """Validate texts against one schema; formats are checked, and ``$schema`` chooses the draft.

    Examples
    --------
    >>> Oracle({"multipleOf": 0.1}).find_fault(b"0.3") is None
    True
    >>> Oracle({"maximum": 2}).find_fault(b"3").keyword
    'maximum'
    """

    def __init__(self, schema: Any) -> None:
        chosen = validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        checker = chosen.TYPE_CHECKER.redefine_many({"number": _is_number, "integer": _is_integer})
        exact = validators.extend(chosen, {"multipleOf": _check_multiple}, type_checker=checker)
        spelled = with_python_patterns(read_json(json.dumps(schema)))
        self._validator = exact(spelled, format_checker=chosen.FORMAT_CHECKER)

    def find_fault(self, text: bytes) -> Fault | None:
        """Find the first fault; None when the text is right.

        Raises
        ------
        UndecidedError : the library cannot judge this schema or text.
        """
        try:
            value = read_json(text)
        except DuplicateKeyError:
            return Fault(keyword="duplicate key")
        except ValueError as failure:
            return Fault(keyword="parse", detail=str(failure))
        try:
            error = next(self._validator.iter_errors(value), None)
        except (re.error, RecursionError, referencing.exceptions.Unresolvable) as failure:
            raise UndecidedError(str(failure)) from failure
        if error is not None and _is_leap_second(error):
            raise UndecidedError("the library knows no leap seconds; RFC 3339 has them")
        return None if error is None else Fault(keyword=_name(error), detail=error.message[:300])


def read_json(text: bytes | str) -> Any:
    """Parse strictly: exact numbers, no duplicate keys, no NaN."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique)


def _is_leap_second(error: jsonschema.ValidationError) -> bool:
    return (error.validator, error.validator_value) in _TIME_FORMATS and ":60" in error.instance


def _name(error: jsonschema.ValidationError) -> str:
    return f"format {error.validator_value}" if error.validator == "format" else str(error.validator)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateKeyError
    return members


def _is_number(_checker: object, value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _is_integer(checker: object, value: object) -> bool:
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return _is_number(checker, value) and (isinstance(value, int) or value.is_integer())  # type: ignore[attr-defined]


def _check_multiple(_validator: object, divisor: Any, value: Any, _schema: object) -> Any:
    if not _is_number(None, value):
        return
    if isinstance(value, Decimal) and abs(value.adjusted()) > _MAX_EXPONENT:
        raise UndecidedError(f"{value} is too large or too small to divide")
    if Fraction(value) % Fraction(divisor):
        yield jsonschema.ValidationError(f"{value} is not a multiple of {divisor}")
