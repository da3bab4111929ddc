"""Say where white space may stand in JSON text.

``"compact"``: nowhere. ``"flexible"``: up to ``MAX_SPACES`` characters wherever JSON allows it; bounded, because
endless white space is how a model that is stuck runs out its budget. ``"any"``: without bound. A pair of strings: the
item and key separators exactly, as ``json.dumps(separators=...)`` takes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsm.errors import GrammarError

__all__ = ["MAX_SPACES", "Spaces", "parse_spaces"]

MAX_SPACES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Spaces:
    """Hold a white space policy.

    Parameters
    ----------
    most : characters in a row at most; 0 = none, None = no bound.
    comma, colon : the separators exactly.
    """

    most: int | None
    comma: bytes = b","
    colon: bytes = b":"


_NAMED = {"compact": Spaces(most=0), "flexible": Spaces(most=MAX_SPACES), "any": Spaces(most=None)}


def parse_spaces(whitespace: object) -> Spaces:
    """Read the ``whitespace`` argument.

    Raises
    ------
    GrammarError : it is none of the policies.
    """
    if isinstance(whitespace, str) and whitespace in _NAMED:
        return _NAMED[whitespace]
    if isinstance(whitespace, tuple) and len(whitespace) == 2 and all(isinstance(part, str) for part in whitespace):
        comma, colon = whitespace
        if comma.strip(" \t\n\r") == "," and colon.strip(" \t\n\r") == ":":
            return Spaces(most=0, comma=comma.encode(), colon=colon.encode())
    raise GrammarError(
        f"whitespace: got {whitespace!r}, expected 'compact', 'flexible', 'any' or a pair of separators "
        "like (', ', ': ')"
    )
