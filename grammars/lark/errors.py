"""List everything that can be wrong with a Lark grammar, in one table that the reader and its test share.

GrammarError
├── LarkError                  the grammar is not well formed
└── UnsupportedFeatureError
    └── UnsupportedLarkError   it is well formed, but means something that is not compiled
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fsm.errors import GrammarError, UnsupportedFeatureError

__all__ = ["PROBLEMS", "LarkError", "Problem", "UnsupportedLarkError", "make_lark_error", "place_of"]


class LarkError(GrammarError):
    """Report a Lark grammar that is not well formed; ``where`` holds the line and column."""


class UnsupportedLarkError(UnsupportedFeatureError):
    """Report a Lark grammar that means something that is not compiled."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One row of the table.

    Parameters
    ----------
    message : what is wrong and the cure; ``{got}`` stands for the offending text.
    examples : (grammar, line, column) of grammars that have this problem.
    pattern : what the message of ``lark`` says then; its group, if any, is ``{got}``. Empty: our own check.
    is_unsupported : the grammar is well formed, but not compiled.
    parser : how the examples are read.
    """

    message: str
    examples: tuple[tuple[str, int, int], ...]
    pattern: str = ""
    is_unsupported: bool = False
    parser: Literal["earley", "lalr"] = "earley"


PROBLEMS: dict[str, Problem] = {
    "undefined": Problem(
        '"{got}" is used but not defined; define it, or import it with %import',
        (('start: "a" b\n', 1, 12), ("start: A\nA: B\n", 2, 4), ("start: _x{A}\nA: /a/\n", 1, 8)),
        r"(?:Rule|Terminal|Template) '(\w+)' used but not defined|Terminal used but not defined: (\w+)",
    ),
    "defined_twice": Problem(
        '"{got}" is defined twice; rename one, or join them with "|"',
        (('start: "a"\nstart: "b"\n', 2, 1), ("start: A\nA: /a/\nA: /b/\n", 3, 1)),
        r"(?:Rule|Terminal) '(\w+)' defined more than once",
    ),
    "ignored_undefined": Problem(
        '"{got}" is to be ignored but is not defined; define it, or import it with %import',
        (('start: "a"\n%ignore WS\n', 2, 9),),
        r"Terminals \{'(\w+)'.*were marked to ignore",
    ),
    "alternative_twice": Problem(
        'two alternatives of "{got}" are the same once options are expanded; remove one',
        (('start: "a" -> x | "a" -> y\n', 1, 1),),
        r"Rules defined twice:[\s\S]*?<(\w+) :",
    ),
    "rule_in_terminal": Problem(
        'the rule "{got}" is used in a terminal, which holds only terminals; write its name in capitals, or make the '
        "terminal a rule",
        (('start: A\nA: b\nb: "x"\n', 2, 4),),
        r"Rules aren't allowed inside terminals \((?:NonTerminal\('|Token\('RULE', ')?(\w+)",
    ),
    "terminal_recursion": Problem(
        'the terminal "{got}" is defined by itself; only rules may be recursive: write its name in small letters',
        (('start: A\nA: "x" A | "y"\n', 2, 1),),
        r"Recursion in terminal '(\w+)'",
    ),
    "terminal_alias": Problem(
        '"->" names an alternative of a rule, but this is a terminal; remove it',
        (('start: A\nA: "x" -> y\n', 2, 8),),
        r"Aliasing not allowed in terminals",
    ),
    "empty_literal": Problem(
        "an empty string or pattern matches nothing that could be read; remove it, or make what holds it optional",
        (('start: "" "a"\n', 1, 8),),
        r"Empty terminals are not allowed|Terminals cannot be empty",
    ),
    "range_backwards": Problem(
        'the repetition "{got}" has a least count above its most; swap them',
        (('start: "a"~3..2\n', 1, 12),),
        r"Bad Range for [\s\S]*\((\d+\.\.\d+) isn't allowed",
    ),
    "template_arguments": Problem(
        'the template "{got}" is used with another number of arguments than it has; add or remove some',
        (('start: t{"a"}\nt{x, y}: x y\n', 1, 8),),
        r"Wrong number of template arguments used for (\w+)",
    ),
    "extend_undefined": Problem(
        '"{got}" is to be changed but is not defined; define it, or import it first',
        (('start: "a"\n%extend b: "c"\n', 2, 9), ('start: "a"\n%override b: "c"\n', 2, 11)),
        r"(?:Can't extend|Cannot override a nonexisting) (?:rule|terminal) (\w+)",
    ),
    "import_missing": Problem(
        'there is no grammar file "{got}"; imports are looked for beside the grammar, then in lark\'s own: common, '
        "python, unicode, lark",
        (("start: A\n%import nowhere.A\n", 2, 9),),
    ),
    "newline_in_literal": Problem(
        'a string or pattern goes on past its line; write the line end as "\\n"',
        (("start: /a\nb/\n", 1, 8),),
        r"You can(?:not put newlines in string literals| only use newlines in regular expressions)",
    ),
    "start_undefined": Problem(
        'the grammar has no rule "{got}" to start with; define it, or pass start="..." with one of its rules',
        (('item: "a"\n', 1, 1),),
    ),
    "terminal_nullable": Problem(
        'the terminal "{got}" matches the empty text, of which there is no end; let it match one character at least, '
        'and make it optional ("?") where it is used',
        (("start: A\nA: /a*/\n", 2, 1), ("start: /(?=b)/ /b/\n", 1, 8)),
    ),
    "terminal_pattern": Problem(
        'the pattern of "{got}" is not well formed: {detail}',
        (("start: A\nA: /a(b/\n", 2, 1), ("start: /[z-a]/\n", 1, 8)),
    ),
    "declared": Problem(
        'the terminal "{got}" is only declared: a program would have to make it, and text has no such program; '
        "define it by a pattern; where it stands for indentation, pass an indenter",
        (("start: A\n%declare A\n", 2, 10),),
        is_unsupported=True,
    ),
    "collision": Problem(
        'after some text two rules are complete and "{got}" may come next, which does not tell which rule was meant; '
        "join the rules, or read the grammar with parser='earley'",
        (('start: a X | b X\na: Y\nb: Y\nX: "x"\nY: "y"\n', 1, 10),),
        r"Reduce/Reduce collision in (?:Terminal\(')?(\$?\w+)",
        is_unsupported=True,
        parser="lalr",
    ),
    "shadowed": Problem(
        'the terminal "{got}" is never read somewhere it may come, because another one that matches the same text is '
        "tried first; give it a higher priority (NAME.1: ...), or read the grammar with parser='earley'",
        (("start: A | B\nA: /[ab]+/\nB: /[a]/\n", 3, 1),),
        is_unsupported=True,
        parser="lalr",
    ),
    "unseparated": Problem(
        "some tokens that may follow one another read as one where nothing is between them; let a character be ignored "
        "(%ignore \" \"), or read the grammar with parser='earley'",
        (("start: A B\nA: /[a-z]+/\nB: /[a-y]+!/\n", 1, 1),),
        is_unsupported=True,
        parser="lalr",
    ),
    "line_end": Problem(
        'the terminal "{got}" ends lines, so it must match a line end, also with spaces or tabs after it; write '
        "it like /(\\r?\\n[\\t ]*)+/",
        (),
        is_unsupported=True,
        parser="lalr",
    ),
    "back_reference": Problem(
        'the terminal "{got}" refers back to what it matched, which is not regular; list the possible texts instead',
        (("start: /(a|b)\\1/\n", 1, 8),),
        is_unsupported=True,
    ),
    "conditional": Problem(
        'the terminal "{got}" depends on an earlier group, which is not compiled; write both cases as alternatives',
        (("start: /(a)?(?(1)b|c)/\n", 1, 8),),
        is_unsupported=True,
    ),
    "atomic": Problem(
        'the terminal "{got}" has an atomic group or possessive repetition, which is not compiled; say what must '
        "follow with a look-ahead",
        (("start: /(?>a|ab)c/\n", 1, 8), ("start: /a++b/\n", 1, 8)),
        is_unsupported=True,
    ),
    "look_before": Problem(
        'the terminal "{got}" looks at the text before its own beginning (look-behind, "^" or "\\b" in front), which '
        "is not compiled; begin the terminal one character earlier, or drop it: tokens end only where they must",
        (("start: /(?<=a)b/\n", 1, 8), ("start: /\\bb/\n", 1, 8), ("start: /^b/\n", 1, 8)),
        is_unsupported=True,
    ),
    "look_in_behind": Problem(
        'the terminal "{got}" has a look inside a look-behind, which is not compiled; take it out',
        (("start: /ab(?<=(?=b)b|b)c/\n", 1, 8),),
        is_unsupported=True,
    ),
    "pattern": Problem(
        'the terminal "{got}" uses something that is not compiled; write it with classes, groups, repetitions, looks',
        (),
        is_unsupported=True,
    ),
    "syntax": Problem(
        "the grammar is not well formed here: {detail}",
        (('start: ("a"\n', 1, 12), ("start a\n", 1, 7), ('start: "a" -> \n', 1, 15), ("start: &\n", 1, 8)),
    ),
    "other": Problem("{detail}", ()),
}


def make_lark_error(name: str, text: str, place: int, *, got: str = "", detail: str = "") -> GrammarError:
    """Return the error for one row of the table, with line, column (counted from 1) and a caret under it."""
    problem = PROBLEMS[name]
    begin = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    shown = text[begin : end if end >= 0 else len(text)].replace("\t", " ")
    offset = max(0, place - begin - 60)
    line, column = text.count("\n", 0, place) + 1, place - begin + 1
    caret = " " * (place - begin - offset) + "^"
    message = f"{problem.message.format(got=got, detail=detail)}\n  {shown[offset : offset + 120]}\n  {caret}"
    kind = UnsupportedLarkError if problem.is_unsupported else LarkError
    return kind(message, where=f"lark grammar, line {line}, column {column}")


def place_of(text: str, got: str, name: str) -> int:
    """Return where in the grammar a problem with ``got`` is best pointed at; 0 where it is not found."""
    if not got:
        return _SPECIAL.get(name, _nothing)(text)
    word = re.escape(got) if not got[:1].isalnum() and got[:1] != "_" else rf"(?<!\w){re.escape(got)}(?!\w)"
    defined = [match.start(1) for match in re.finditer(rf"(?m)^[?!]*({word})(?=[\s.:{{])", text)]
    used = [match.start() for match in re.finditer(word, text) if match.start() not in defined]
    if name == "defined_twice" and len(defined) > 1:
        return defined[1]
    if name in _POINT_AT_DEFINITION and defined:
        return defined[0]
    return (used or defined or [0])[0]


_POINT_AT_DEFINITION = {
    "defined_twice", "alternative_twice", "terminal_recursion", "terminal_nullable", "terminal_pattern",
    "back_reference", "conditional", "atomic", "look_before", "look_in_behind", "pattern", "shadowed", "line_end",
}  # fmt: skip


def _nothing(text: str) -> int:
    return 0


def _find_alias(text: str) -> int:
    match = re.search(r"(?m)^_*[A-Z][A-Z0-9_]*[^\n]*?(->)", text)
    return match.start(1) if match else 0


def _find_empty(text: str) -> int:
    match = re.search(r'""|//i?(?=\s)', text)
    return match.start() if match else 0


def _find_open(text: str) -> int:
    match = re.search(r"/[^/\n]*\n", text)
    return match.start() if match else 0


_SPECIAL = {"terminal_alias": _find_alias, "empty_literal": _find_empty, "newline_in_literal": _find_open}
