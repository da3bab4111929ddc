"""List everything that can be wrong with a pattern, in one table that the parser and its test share.

GrammarError
├── PatternError                 the pattern is not well formed
└── UnsupportedFeatureError
    └── UnsupportedPatternError  it is well formed, but its language is not regular, or not compiled
"""

from __future__ import annotations

from dataclasses import dataclass

from fsm.errors import GrammarError, UnsupportedFeatureError

__all__ = ["PROBLEMS", "PatternError", "Problem", "UnsupportedPatternError", "make_pattern_error"]

_CONTEXT = 60


class PatternError(GrammarError):
    """Report a pattern that its dialect does not allow; ``where`` holds the column."""


class UnsupportedPatternError(UnsupportedFeatureError):
    """Report a pattern that means something no finite automaton can check."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One row of the table.

    Parameters
    ----------
    message : what is wrong and the cure; ``{got}`` stands for the offending text.
    examples : (dialect, pattern, column) of patterns that have this problem.
    is_unsupported : the pattern is well formed, but not compiled.
    """

    message: str
    examples: tuple[tuple[str, str, int], ...]
    is_unsupported: bool = False


PROBLEMS: dict[str, Problem] = {
    "group_open": Problem(
        'this "(" is never closed; add ")" or write "\\("',
        (("python", "a(b", 2), ("ecma", "(?:a|(b)", 1), ("python", "(?=a", 1)),
    ),
    "group_closed": Problem(
        'this ")" closes nothing; remove it or write "\\)"',
        (("python", "ab)", 3), ("ecma", ")", 1)),
    ),
    "class_open": Problem(
        'this "[" is never closed; add "]" or write "\\["',
        (("python", "a[bc", 2), ("python", "[]", 1), ("ecma", "[a\\]", 1)),
    ),
    "class_range": Problem(
        'the range "{got}" runs backwards; swap its ends',
        (("python", "[z-a]", 2), ("ecma", "x[a9-0]", 4)),
    ),
    "class_range_of_sets": Problem(
        'the range "{got}" has a set at one end; write the "-" first or last, or as "\\-"',
        (("python", "[\\d-z]", 2), ("python", "[a-\\w]", 2)),
    ),
    "repeat_nothing": Problem(
        'there is nothing to repeat before "{got}"; write "\\{got}" for the character itself',
        (("python", "*a", 1), ("ecma", "a|+", 3), ("python", "(?:?)", 4), ("python", "^*", 2), ("ecma", "a**", 3)),
    ),
    "repeat_twice": Problem(
        'a repetition cannot be repeated by "{got}"; put the first one in "(?:...)"',
        (("python", "a**", 3), ("python", "a{2}{3}", 5)),
    ),
    "repeat_bounds": Problem(
        'the repetition "{got}" has a least count above its most; swap them',
        (("python", "a{3,2}", 2), ("ecma", "(a){10,9}", 4)),
    ),
    "repeat_without_least": Problem(
        'the ECMA dialect has no repetition "{got}"; write "{{0,...}}", or "\\{{" for a brace',
        (("ecma", "a{,5}", 2),),
    ),
    "escape_end": Problem(
        'the pattern ends in a single "\\"; write "\\\\" for the character itself',
        (("python", "ab\\", 3), ("ecma", "\\", 1)),
    ),
    "escape_unknown": Problem(
        'the escape "{got}" means nothing in this dialect; remove the "\\" for the character itself',
        (("python", "\\q", 1), ("python", "[\\y]", 2), ("ecma", "a\\Z", 2), ("ecma", "\\a", 1)),
    ),
    "escape_short": Problem(
        'the escape "{got}" needs hexadecimal digits: \\xHH, \\uHHHH, \\UHHHHHHHH (Python) or \\u{{H}} (ECMA)',
        (("python", "\\x1", 1), ("ecma", "\\u12", 1), ("python", "\\U0001", 1), ("ecma", "\\u{}", 1)),
    ),
    "escape_large": Problem(
        'the escape "{got}" is above the last code point; use at most 10FFFF',
        (("python", "\\U00110000", 1), ("ecma", "\\u{110000}", 1)),
    ),
    "escape_name": Problem(
        '"{got}" does not name a character; use a name of the Unicode character database, or \\uHHHH',
        (("python", "\\N{NO SUCH NAME}", 1), ("python", "\\N", 1)),
    ),
    "escape_control": Problem(
        '"{got}" is not a control character; write \\cA to \\cZ',
        (("ecma", "\\c1", 1), ("ecma", "[\\c]", 2)),
    ),
    "escape_octal": Problem(
        '"{got}" is not an octal escape of one byte; use \\xHH, or \\0 alone for the null character',
        (("python", "\\777", 1), ("ecma", "\\01", 1)),
    ),
    "property_unknown": Problem(
        '"{got}" is not a known Unicode property; use a general category (\\p{{Lu}}), a script (\\p{{Script=Greek}}), '
        "or a binary property of ECMA-262 (\\p{{Alphabetic}})",
        (("ecma", "\\p{Nonsense}", 1), ("ecma", "\\pL", 1), ("python", "\\p{Script=Klingon}", 1), ("ecma", "\\p{L", 1)),
    ),
    "group_unknown": Problem(
        'the group "{got}" means nothing in this dialect; write "(?:...)" or "\\("',
        (
            ("python", "(?%a)", 1),
            ("python", "(?)", 1),
            ("ecma", "(?#a)", 1),
            ("python", "(?", 1),
            ("python", "(?<a)", 1),
        ),
    ),
    "group_name": Problem(
        '"{got}" cannot name a group; use letters, digits and "_", close with ">"',
        (("python", "(?P<1a>b)", 1), ("ecma", "(?<>b)", 1), ("python", "(?P<a", 1)),
    ),
    "group_name_twice": Problem(
        'the group name "{got}" is used twice; rename one',
        (("python", "(?P<a>b)(?P<a>c)", 9), ("ecma", "(?<a>b)(?<a>c)", 8)),
    ),
    "flag_unknown": Problem(
        'the flags "{got}" are not known here; use i, m, s, and in the Python dialect a, u, x',
        (("python", "(?z)a", 1), ("python", "(?i-i:a)", 1), ("ecma", "(?x)a", 1)),
    ),
    "flag_place": Problem(
        'the flags "{got}" apply to the whole pattern and must come first; move them, or write "(?i:...)"',
        (("python", "a(?i)b", 2),),
    ),
    "comment_open": Problem(
        'the comment "(?#" is never closed; add ")"',
        (("python", "a(?#b", 2),),
    ),
    "back_reference": Problem(
        'the back-reference "{got}" is not compiled: repeating earlier text is not regular; '
        "list the possible texts as alternatives",
        (("python", "(a)\\1", 4), ("ecma", "(?<n>a)\\k<n>", 8), ("python", "(?P<n>a)(?P=n)", 9)),
        is_unsupported=True,
    ),
    "recursion": Problem(
        'the recursion "{got}" is not compiled: nesting is not regular; use a Lark grammar',
        (("python", "(?R)", 1), ("python", "(a(?1)?)", 3), ("python", "(?&n)", 1)),
        is_unsupported=True,
    ),
    "conditional": Problem(
        'the conditional group "{got}" is not compiled: it depends on an earlier group; '
        "write both cases as alternatives",
        (("python", "(a)?(?(1)b|c)", 5),),
        is_unsupported=True,
    ),
    "atomic": Problem(
        'the atomic or possessive "{got}" is only compiled where each repetition has one length; '
        "remove the possessive mark, or add a look-ahead that says where to stop",
        (("python", "(?>a|ab)c", 1), ("python", "(?:a|ab)++", 9), ("python", "(?>a*?)b", 1)),
        is_unsupported=True,
    ),
    "locale": Problem(
        'the flags "{got}" ask for the locale, which text patterns do not have; remove "L"',
        (("python", "(?L)a", 1),),
        is_unsupported=True,
    ),
}


def make_pattern_error(name: str, pattern: str, place: int, got: str) -> GrammarError:
    """Return the error for one row of the table, with the column (counted from 1) and a caret under it."""
    problem = PROBLEMS[name]
    begin = max(0, place - _CONTEXT)
    shown = "".join([symbol if symbol.isprintable() else "?" for symbol in pattern[begin : place + _CONTEXT]])
    message = f"{problem.message.format(got=got)}\n  {shown}\n  {' ' * (place - begin)}^"
    kind = UnsupportedPatternError if problem.is_unsupported else PatternError
    return kind(message, where=f"regular expression, column {place + 1}")
