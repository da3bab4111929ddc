"""Turn patterns into automata, keeping the ones made most recently."""

from __future__ import annotations

import re
from typing import Literal

from fsm.automata.assertive_dfa import AssertiveDfa
from fsm.automata.expression import ANY_TEXT, EMPTY, Expression
from fsm.automata.expression_dfa import ExpressionDfa, any_string
from fsm.automata.kept import keep_automata
from fsm.automata.rests import resolve_looks
from fsm.dfa import Dfa, literals
from fsm.expansion_time import ExpansionTime
from grammars.regex.assertions import enclose
from grammars.regex.flags import Flag
from grammars.regex.parser import parse_pattern

__all__ = ["Dialect", "parse_regex", "regex_dfa"]

Dialect = Literal["python", "ecma"]

_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]()\ud800-\udfff]")


def parse_regex(pattern: str, dialect: Dialect = "python", *, flags: Flag = Flag.NONE) -> Expression:
    """Return ``pattern`` as an expression, anchors and looks not yet resolved.

    Raises
    ------
    GrammarError : the pattern is malformed or not regular; the message has the column and a caret.
    ValueError : the dialect is neither ``"python"`` nor ``"ecma"``.
    """
    if dialect not in ("python", "ecma"):
        message = f'dialect: got {dialect!r}, expected "python" or "ecma"'
        raise ValueError(message)
    return parse_pattern(pattern, is_ecma=dialect == "ecma", flags=flags)


@keep_automata(4096)
def regex_dfa(
    pattern: str,
    dialect: Dialect = "python",
    search: bool = False,  # noqa: FBT001, FBT002
    flags: Flag = Flag.NONE,
) -> Dfa:
    r"""Return the automaton of the texts that ``pattern`` matches.

    Parameters
    ----------
    pattern : the regular expression.
    dialect : ``"python"`` (module ``re``) or ``"ecma"`` (ECMA-262 with the ``u`` flag, as JSON Schema asks).
    search : the pattern may match anywhere in the text; otherwise it must match all of it.
    flags : flags for the whole pattern.

    Examples
    --------
    >>> regex_dfa(r"\d{4}-\d\d").accepts("2024-02")
    True
    >>> regex_dfa("^x-", "ecma", search=True).accepts("x-ray")
    True
    """
    if "|" in pattern and not search and flags is Flag.NONE and not _SPECIAL.search(pattern):
        return literals(pattern.split("|"))  # nothing but alternatives: a list, however many there are
    expression = enclose(parse_regex(pattern, dialect, flags=flags), ANY_TEXT if search else EMPTY)
    if expression is ANY_TEXT:
        return any_string()
    if expression.is_plain:
        return ExpressionDfa(expression)
    with ExpansionTime():
        return resolve_looks(expression) or AssertiveDfa(expression)
