"""List everything that can be wrong with a GBNF or EBNF grammar, in one table that the reader and its test share.

GrammarError
├── NotationError                  the grammar is not well formed
└── UnsupportedFeatureError
    └── UnsupportedNotationError   it is well formed, but means something that is not compiled
"""

from __future__ import annotations

from dataclasses import dataclass

from fsm.errors import GrammarError, UnsupportedFeatureError

__all__ = ["PROBLEMS", "NotationError", "Problem", "UnsupportedNotationError", "make_notation_error"]


class NotationError(GrammarError):
    """Report a grammar that its notation does not allow; ``where`` holds the line and column."""


class UnsupportedNotationError(UnsupportedFeatureError):
    """Report a grammar that means something that is not compiled."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One row of the table.

    Parameters
    ----------
    message : what is wrong and the cure; ``{got}`` stands for the offending text.
    examples : (notation, grammar, line, column) of grammars that have this problem.
    is_unsupported : the grammar is well formed, but not compiled.
    """

    message: str
    examples: tuple[tuple[str, str, int, int], ...]
    is_unsupported: bool = False


PROBLEMS: dict[str, Problem] = {
    "rule_expected": Problem(
        'a rule "name ::= ..." is expected here, got "{got}"; every text belongs to a rule',
        (("gbnf", '"a"\n', 1, 1), ("gbnf", 'root ::= "a" )\n', 1, 14), ("ebnf", 'root = "a"\n', 1, 1)),
    ),
    "item_expected": Problem(
        'a literal, class, rule name or group is expected here, got "{got}"; write "" for nothing',
        (("gbnf", "root ::= *\n", 1, 10), ("ebnf", 'root ::= "a" | &\n', 1, 16)),
    ),
    "group_open": Problem(
        'this "(" is never closed; add ")"',
        (("gbnf", 'root ::= ("a" | "b"\n', 1, 10), ("ebnf", "root ::= (\n", 1, 10)),
    ),
    "literal_open": Problem(
        'this string is never closed; add a quote, or write a quote inside as "\\""',
        (("gbnf", 'root ::= "a\n', 1, 10),),
    ),
    "class_open": Problem(
        'this "[" is never closed; add "]", or write a bracket inside as "\\]"',
        (("gbnf", "root ::= [a-z\n", 1, 10),),
    ),
    "class_empty": Problem(
        'the class "{got}" holds no character; add some, or remove it',
        (("gbnf", "root ::= []\n", 1, 10), ("ebnf", 'root ::= "a" []\n', 1, 14)),
    ),
    "class_range": Problem(
        'the range "{got}" runs backwards; swap its ends',
        (("gbnf", "root ::= [z-a]\n", 1, 11),),
    ),
    "escape_unknown": Problem(
        'the escape "{got}" means nothing; use \\n \\r \\t \\\\ \\" \\[ \\] \\- \\xHH \\uHHHH \\UHHHHHHHH',
        (("gbnf", 'root ::= "\\q"\n', 1, 11), ("ebnf", "root ::= [\\y]\n", 1, 11)),
    ),
    "escape_short": Problem(
        'the escape "{got}" needs hexadecimal digits that name a character: \\xHH, \\uHHHH or \\UHHHHHHHH',
        (("gbnf", 'root ::= "\\x1"\n', 1, 11), ("ebnf", 'root ::= "\\uD800"\n', 1, 11)),
    ),
    "bounds": Problem(
        'the repetition "{got}" is not one; write {{m}}, {{m,}} or {{m,n}} with m not above n',
        (("gbnf", 'root ::= "a"{3,2}\n', 1, 13), ("ebnf", 'root ::= "a"{x}\n', 1, 13)),
    ),
    "defined_twice": Problem(
        'the rule "{got}" is defined twice; rename one, or join them with "|"',
        (("gbnf", 'root ::= "a"\nroot ::= "b"\n', 2, 1),),
    ),
    "undefined": Problem(
        'the rule "{got}" is used but not defined; define it, or put quotes around literal text',
        (("gbnf", 'root ::= "a" item\n', 1, 14), ("ebnf", "root ::= (x | root2)*\n", 1, 11)),
    ),
    "start_undefined": Problem(
        'the grammar has no rule "{got}" to start with; define it, or pass start="..." with one of its rules',
        (("gbnf", 'item ::= "a"\n', 1, 1), ("ebnf", "\n", 1, 1)),
    ),
    "token": Problem(
        '"{got}" names a token of one vocabulary, but a grammar is about text; write the text, or use guidance tags',
        (("gbnf", "root ::= <think>\n", 1, 10), ("gbnf", "root ::= !<[7]>\n", 1, 10)),
        is_unsupported=True,
    ),
    "look_ahead": Problem(
        'the look-ahead "{got}" is only a hint about what follows, and nothing checks that it holds; remove it, '
        "which changes no text that is accepted",
        (("ebnf", 'root ::= "a" (= "b")\n', 1, 14),),
        is_unsupported=True,
    ),
    "macro": Problem(
        '"{got}" dispatches on tags or tokens, which is not compiled; use grammars.tags',
        (("ebnf", 'root ::= TagDispatch(("<a>", x))\nx ::= "a"\n', 1, 10),),
        is_unsupported=True,
    ),
}


def make_notation_error(name: str, notation: str, text: str, *, place: int, got: str = "") -> GrammarError:
    """Return the error for one row of the table, with line, column (counted from 1) and a caret under it."""
    problem = PROBLEMS[name]
    begin = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    shown = text[begin : end if end >= 0 else len(text)].replace("\t", " ")
    offset = max(0, place - begin - 60)
    line, column = text.count("\n", 0, place) + 1, place - begin + 1
    caret = " " * (place - begin - offset) + "^"
    message = f"{problem.message.format(got=got)}\n  {shown[offset : offset + 120]}\n  {caret}"
    kind = UnsupportedNotationError if problem.is_unsupported else NotationError
    return kind(message, where=f"{notation} grammar, line {line}, column {column}")
