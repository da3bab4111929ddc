"""Read regular expressions, in Python's and ECMA's dialects, as automata over code points.

`regex_dfa` is the entry; ``parser.py`` reads patterns, ``errors.py`` lists what can be wrong with one.
"""

from __future__ import annotations

from grammars.regex.compile import parse_regex, regex_dfa
from grammars.regex.errors import PROBLEMS, PatternError, UnsupportedPatternError
from grammars.regex.flags import Flag
from grammars.regex.interegular_dfa import interegular_dfa

__all__ = [
    "PROBLEMS",
    "Flag",
    "PatternError",
    "UnsupportedPatternError",
    "interegular_dfa",
    "parse_regex",
    "regex_dfa",
]
