"""Say how lines are indented: what ``lark.indenter.Indenter`` says to ``lark``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsm.errors import GrammarError, UnsupportedFeatureError

__all__ = ["Indenter", "read_indenter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Indenter:
    r"""Give meaning to declared terminals: a line that is indented further than the one before begins a block.

    Parameters
    ----------
    newline : the terminal that ends a line; it reads the white space that indents the next one as well.
    indent, dedent : the declared terminals that come after it where a block begins, and once for each that ends.
    open_parens, close_parens : terminals between which line ends mean nothing.
    tab_len : how many columns a tab counts.

    Raises
    ------
    GrammarError : ``tab_len`` is not positive.

    Examples
    --------
    >>> from grammars import lark
    >>> tree = r'''
    ... start: item+
    ... item: NAME _NL [_INDENT item+ _DEDENT]
    ... NAME: /[a-z]+/
    ... _NL: /(\r?\n[ ]*)+/
    ... %ignore " "
    ... %declare _INDENT _DEDENT
    ... '''
    >>> grammar = lark(tree, indenter=Indenter(newline="_NL", indent="_INDENT", dedent="_DEDENT"))
    >>> from fsm import Vocabulary
    >>> compiled = grammar.compile(Vocabulary([b"</s>", b"a", b"\n", b"  "], eos_token_ids=[0]))
    >>> matcher = compiled.matcher()
    >>> [matcher.try_advance(token) for token in (1, 2, 3, 1, 2, 1)]  # "a", "  a" inside it, "a" beside it
    [True, True, True, True, True, True]
    """

    newline: str
    indent: str
    dedent: str
    open_parens: Sequence[str] = ()
    close_parens: Sequence[str] = ()
    tab_len: int = 8

    def __post_init__(self) -> None:
        """Check the width of a tab, and keep the names as tuples."""
        if self.tab_len < 1:
            raise GrammarError(f"indenter: got tab_len={self.tab_len!r}, expected the columns of a tab, at least 1")
        object.__setattr__(self, "open_parens", tuple(self.open_parens))
        object.__setattr__(self, "close_parens", tuple(self.close_parens))


def read_indenter(indenter: Any) -> Indenter:
    """Return what an indenter says: ours, one of ``lark``'s, or a class of those.

    Raises
    ------
    GrammarError : it is something else.
    UnsupportedFeatureError : it is one of ``lark``'s that does something of its own.
    """
    from lark.indenter import Indenter as LarkIndenter

    if isinstance(indenter, Indenter):
        return indenter
    kind = indenter if isinstance(indenter, type) else type(indenter)
    if not issubclass(kind, LarkIndenter):
        raise GrammarError(
            f"indenter: got {indenter!r}, expected a grammars.lark.Indenter, or a lark.indenter.Indenter such as "
            "PythonIndenter()"
        )
    for name in ("process", "_process", "handle_NL", "always_accept"):
        if getattr(kind, name) is not getattr(LarkIndenter, name):
            raise UnsupportedFeatureError(
                f"indenter: {kind.__name__} does more than count indentation, because it has its own {name!r}; use one "
                "that only names its terminals and its tab_len"
            )
    one = kind() if isinstance(indenter, type) else indenter
    return Indenter(
        newline=one.NL_type,
        indent=one.INDENT_type,
        dedent=one.DEDENT_type,
        open_parens=one.OPEN_PAREN_types,
        close_parens=one.CLOSE_PAREN_types,
        tab_len=one.tab_len,
    )
