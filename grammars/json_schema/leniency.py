"""Note what a lenient grammar leaves unchecked where a strict one refuses.

What is left unchecked asks nothing, neither where it must hold nor where it must fail, so that no document is lost to
it. The pointers of what stands in the document are found before the first mask; what only an expansion shows, such as
a negation that a ``oneOf`` asks for, is added then.
"""

from __future__ import annotations

from typing import Any

from fsm.errors import UnsupportedFeatureError
from grammars.json_schema.shapes import JsonSchema
from grammars.regex import regex_dfa

__all__ = ["UNIQUE_MUST_FAIL", "Leniency"]

UNIQUE_MUST_FAIL = '"uniqueItems" under "not" is not supported; state the wanted arrays directly'
_VALUES = frozenset({"const", "default", "enum", "examples"})
_MAPS = frozenset({"$defs", "definitions", "dependentSchemas", "dependencies", "patternProperties", "properties"})


class Leniency:
    """Collect the warnings of one document; owned by its expander."""

    def __init__(self, document: JsonSchema) -> None:
        self._warnings: dict[str, str] = {}
        self._scan(document, "#", fails=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not enforced, each with its JSON pointer."""
        return tuple(f"json schema at {where}: not enforced: {what}" for where, what in self._warnings.items())

    def note(self, where: str, what: str) -> None:
        """Note once what is not enforced at a pointer."""
        self._warnings.setdefault(where, what.partition("\n")[0])

    def skips(self, pattern: str, where: str) -> bool:
        """Tell whether a pattern is none that can be compiled; if so, note it."""
        try:
            regex_dfa(pattern, "ecma", search=True)
        except UnsupportedFeatureError as error:
            self.note(where, error.message)
            return True
        return False

    def _scan(self, schema: Any, where: str, *, fails: bool) -> None:
        """Find what will not be enforced, wherever it stands; ``fails`` below an odd number of ``not``."""
        if type(schema) is list:
            for i, each in enumerate(schema):
                self._scan(each, f"{where}/{i}", fails=fails)
        elif type(schema) is dict:
            if fails and schema.get("uniqueItems") is True:
                self.note(f"{where}/uniqueItems", UNIQUE_MUST_FAIL)
            for keyword, value in schema.items():
                self._scan_keyword(keyword, value, f"{where}/{_escape(keyword)}", fails=fails)

    def _scan_keyword(self, keyword: str, value: Any, where: str, *, fails: bool) -> None:
        if keyword == "pattern" and type(value) is str:
            self.skips(value, where)
        elif keyword in _MAPS and type(value) is dict:
            for name, each in value.items():
                if keyword == "patternProperties":
                    self.skips(name, f"{where}/{_escape(name)}")
                self._scan(each, f"{where}/{_escape(name)}", fails=fails)
        elif keyword not in _VALUES:
            self._scan(value, where, fails=fails != (keyword == "not"))


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
