"""Join what ``output=`` was given to a grammar and to a reader of its texts."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from fsm import Vocabulary
from grammars.python_types import TypeReader
from grammars.templates import Template
from guidance.captures import GrowingCaptures, read_captures
from guidance.decoding.request import CompiledLike
from guidance.decoding.stopping import StopReason
from guidance.errors import OutputError

__all__ = ["SEPARATORS", "Output", "output_key"]

# As json.dumps writes. A model has no reason to choose where white space stands, and what it does not choose is forced
# text, which costs no model call; a grammar made with grammars.json_schema takes any policy.
SEPARATORS = (", ", ": ")

_WHOLE = frozenset({StopReason.ACCEPTED, StopReason.EOS})


class Output:
    """Hold one output type, its grammar compiled for one vocabulary, and how to read its texts.

    Nothing and ``str`` mean free text; a grammar means its text; everything else is JSON.

    Parameters
    ----------
    output : a type, a callable, a JSON Schema as a mapping, a grammar, or None.
    vocabulary : the vocabulary to compile for.

    Raises
    ------
    GrammarError : when the type or the schema has no grammar.
    """

    def __init__(self, output: Any, vocabulary: Vocabulary) -> None:
        self.compiled: CompiledLike | None = None
        self._reader: TypeReader | None = None
        self._template: Template | None = output if isinstance(output, Template) else None
        if output is None or output is str:
            return
        if not hasattr(output, "compile"):
            from grammars import json_schema

            self._reader = TypeReader(output)
            output = json_schema(self._reader.schema, whitespace=SEPARATORS)
        self.compiled = output.compile(vocabulary)
        self._growing = GrowingCaptures(self.compiled)

    def captures(self, token_ids: Sequence[int], *, head: bytes = b"") -> dict[str, Any]:
        """Return what the named parts of a grammar hold.

        head : text of the output before its tokens.
        """
        return read_captures(self.compiled, token_ids, head=head)

    def parse(self, text: str, stop_reason: StopReason, captures: Mapping[str, Any]) -> Any:
        """Return the value of a finished text, or the error that says why there is none."""
        if self.compiled is None:
            return text
        if self._reader is None and (self._template is None or stop_reason not in _WHOLE):
            return text if stop_reason in _WHOLE else _cut_short(text, stop_reason)
        try:
            return self._read(text, captures)
        except ValueError as error:
            if stop_reason not in _WHOLE:
                return _cut_short(text, stop_reason)
            reason = "; ".join(line.strip() for line in str(error).splitlines()[:3])
            return OutputError(
                f"output: got {text!r}, which fits the schema but not the type's own checks ({reason}), expected both "
                "to agree; put the check into the type's schema, or into the prompt",
                text=text,
            )

    def _read(self, text: str, captures: Mapping[str, Any]) -> Any:
        if self._template is not None:
            return self._template.read_value(captures)
        assert self._reader is not None
        return self._reader.parse(text)

    def parse_partial(self, text: str) -> Any:
        """Return the value as far as the text goes."""
        if self._template is not None:
            return self._template.read_partial(self._growing.read(text))
        return text if self._reader is None else self._reader.parse_partial(text)


def output_key(output: Any) -> Hashable:
    """Return what two outputs share exactly when one compiled grammar serves both."""
    if isinstance(output, Mapping):
        return json.dumps(output, sort_keys=False, default=repr)
    return output if isinstance(output, Hashable) else id(output)


def _cut_short(text: str, stop_reason: StopReason) -> OutputError:
    shown = text if len(text) <= 200 else f"...{text[-200:]}"
    return OutputError(
        f"output: got {shown!r}, cut short ({stop_reason.value}), expected a whole value; raise max_tokens", text=text
    )
