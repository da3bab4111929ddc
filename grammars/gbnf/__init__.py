"""Read GBNF and EBNF grammars; `gbnf` and `ebnf` are the entries.

parser.py    text to trees       nodes.py    the trees
reading.py   trees to rules      errors.py   what can be wrong
"""

from __future__ import annotations

from grammars.context_free.grammar import ContextFreeGrammar

__all__ = ["ebnf", "gbnf"]


def gbnf(text: str, *, start: str = "root") -> ContextFreeGrammar:
    r"""Return the grammar written in llama.cpp's notation.

    Literals with escapes, classes, ``.``, groups, ``* + ? {m,n}``, comments; recursion of every kind, left recursion
    included. Characters are Unicode code points. Lines may be broken anywhere.

    Parameters
    ----------
    text : the grammar.
    start : the rule that a whole text is.

    Raises
    ------
    GrammarError : the grammar is malformed or not compiled; the message points at line and column, and names the cure.

    Examples
    --------
    >>> gbnf('root ::= "[" (root ("," root)*)? "]"')
    gbnf('root ::= "[" (root ("," root)*)? "]"')
    """
    from grammars.gbnf.reading import read_notation

    return read_notation(text, "gbnf", start)


def ebnf(text: str, *, start: str = "root") -> ContextFreeGrammar:
    """Return the grammar written in xgrammar's notation, which is `gbnf`'s with look-ahead hints and macros.

    Look-ahead hints and macros are refused, with the cure.

    Parameters
    ----------
    text : the grammar.
    start : the rule that a whole text is.

    Raises
    ------
    GrammarError : the grammar is malformed or not compiled; the message points at line and column, and names the cure.

    Examples
    --------
    >>> ebnf('root ::= [0-9]+ ("." [0-9]{1,3})?')
    ebnf('root ::= [0-9]+ ("." [0-9]{1,3})?')
    """
    from grammars.gbnf.reading import read_notation

    return read_notation(text, "ebnf", start)
