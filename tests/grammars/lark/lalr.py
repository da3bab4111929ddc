"""Ask lark's LALR parser, contextual lexer and indenter whether a text is accepted, beside a matcher."""

from __future__ import annotations

import random
import sysconfig
from functools import cache
from pathlib import Path
from unittest.mock import patch

import lark as reference
import lark.lexer
from lark.indenter import PythonIndenter

from fsm import Compiled
from fsm.position import REJECTED
from grammars import lark as read_lark
from tests.grammars.lark.earley import BYTES

__all__ = [
    "PYTHON",
    "accepts_lalr",
    "break_lines",
    "fits",
    "has_conflicts",
    "library_texts",
    "make_parser",
    "read_python",
]

PYTHON = Path(reference.__file__).parent / "grammars" / "python.lark"


def make_parser(text: str, **options) -> reference.Lark:
    """Return lark's LALR parser, which is not to look for terminals that overlap: that may take minutes."""
    with patch.object(lark.lexer, "has_interegular", False):
        return reference.Lark(text, parser="lalr", **options)


def has_conflicts(text: str) -> bool:
    """Tell whether lark's parser has to choose, or may complete empty rules for ever."""
    with patch.object(lark.lexer, "_check_regex_collisions"):
        try:
            reference.Lark(text, parser="lalr", strict=True)
        except reference.exceptions.LarkError:
            return True
    return False


@cache
def read_python() -> tuple[reference.Lark, Compiled]:
    """Return lark's Python grammar as its own parser and as a matcher's grammar."""
    text = PYTHON.read_text(encoding="utf-8")
    parser = make_parser(text, postlex=PythonIndenter(), start="file_input", source_path=str(PYTHON))
    return parser, read_lark(PYTHON, start="file_input", indenter=PythonIndenter()).compile(BYTES)


def accepts_lalr(parser: reference.Lark, text: str) -> bool:
    """Tell whether the parser accepts the text; its indenter stumbles over some, which it does not accept then."""
    try:
        parser.parse(text)
    except (reference.exceptions.LarkError, AssertionError, IndexError):
        return False
    return True


def fits(compiled: Compiled, text: str) -> bool:
    """Tell whether the grammar accepts the text, read at once."""
    position = compiled.advance_bytes(compiled.start, text.encode(), bytes) if text else compiled.start
    return position is not REJECTED and compiled.is_accepting(position)


def library_texts(random_: random.Random, count: int, most_characters: int) -> list[str]:
    """Return some files of the standard library that are not too long."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = [path for path in sorted(folder.rglob("*.py")) if "site-packages" not in path.parts]
    found: list[str] = []
    while len(found) < count:
        path = random_.choice(files)
        if path.stat().st_size <= most_characters:
            try:
                found.append(path.read_text(encoding="utf-8"))
            except UnicodeDecodeError:
                continue
    return found


def break_lines(random_: random.Random, text: str) -> str:
    """Return a text in which one line is moved, cut, dropped or has a character too many."""
    lines = text.split("\n")
    place = random_.randrange(len(lines))
    line = lines[place]
    cut = random_.randrange(len(line) + 1)
    lines[place] = random_.choice(
        [
            f" {line}",
            f"\t{line}",
            line[1:],
            line[:cut],
            f"{line}\n{line}",
            line[:cut] + random_.choice("()[]:,;#\"'\\ =.x1") + line[cut:],
        ]
    )
    return "\n".join(lines)
