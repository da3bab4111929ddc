"""Read a grammar from the options of a command."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guidance.errors import GrammarError, InputFileError

__all__ = ["GrammarChoice", "read_schema"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarChoice:
    """Hold the grammar options of one command; at most one is set.

    schema : a JSON Schema file      regex : a pattern      choice : alternatives
    lenient : whether what a schema asks for that is not supported is left unchecked
    """

    schema: Path | None = None
    regex: str | None = None
    choice: tuple[str, ...] = ()
    lenient: bool = False

    def __post_init__(self) -> None:
        """Refuse two grammars at once."""
        given = [name for name in ("schema", "regex", "choice") if getattr(self, name)]
        if len(given) > 1:
            raise GrammarError(
                f"options: got --{' and --'.join(given)}, expected at most one of --schema, --regex, --choice; drop one"
            )

    @property
    def is_given(self) -> bool:
        """Tell whether there is a grammar."""
        return bool(self.schema or self.regex is not None or self.choice)

    def output(self) -> Any:
        """Return what `guidance.generate` takes as output: a schema, a grammar, or None."""
        if self.schema is not None:
            return read_schema(self.schema)
        if self.regex is not None:
            from grammars import regex

            return regex(self.regex)
        if self.choice:
            from grammars import choice

            return choice(list(self.choice))
        return None

    def grammar(self) -> Any:
        """Return the grammar, as `guidance generate` would use it.

        Raises
        ------
        GrammarError : when none of the options was given, or its text is not a grammar.
        """
        if not self.is_given:
            raise GrammarError("options: got no grammar, expected one of --schema, --regex, --choice; give one")
        output = self.output()
        if self.schema is None:
            return output
        from grammars import json_schema
        from guidance.output import SEPARATORS

        return json_schema(output, whitespace=SEPARATORS, lenient=self.lenient)


def read_schema(path: Path) -> Any:
    """Return the JSON Schema a file holds.

    Raises
    ------
    InputFileError : when the file cannot be read.
    GrammarError : when it is not JSON, or JSON that is no schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputFileError(
            f"schema file {path}: got {reason}, expected a readable JSON file; check the path"
        ) from error
    try:
        schema = json.loads(text)
    except ValueError as error:
        place = re.search(r"line (\d+) column (\d+)", str(error))
        where = f"line {place[1]}, column {place[2]}" if place else "the whole file"
        raise GrammarError(
            f"got text that is not JSON ({str(error).split(':')[0]}), expected a JSON Schema; correct the file",
            where=f"schema file {path}, {where}",
        ) from error
    if not isinstance(schema, (dict, bool)):
        raise GrammarError(
            f'got {type(schema).__name__}, expected an object such as {{"type": "object"}}; correct the file',
            where=f"schema file {path}",
        )
    return schema
