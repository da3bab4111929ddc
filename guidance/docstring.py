"""Split a docstring into the prompt and the template of the answer.

Fields that are parameters are filled in. Where a field is none, it is a hole of the answer: the prompt then ends with
the line before the first hole (with what is before the hole, where that is the first line), and what follows is written
with the model, hole by hole.
"""

from __future__ import annotations

import dataclasses
import inspect
import string
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pydantic
import typing_extensions

from fsm.errors import GrammarError
from grammars.templates import Template
from grammars.templates.template import parse_template
from guidance.errors import PromptError

__all__ = ["Docstring"]


class Docstring:
    """Hold a function's docstring, its parameters and its return type.

    Parameters
    ----------
    function : the function.

    Raises
    ------
    PromptError : there is no docstring, or it names a field that is neither a parameter nor a hole.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = getattr(function, "__name__", "function")
        self._signature = inspect.signature(function)
        self._returns = typing.get_type_hints(function, include_extras=True).get("return")
        self._known = set(self._signature.parameters)
        text = inspect.cleandoc(function.__doc__ or "")
        self._types = _fields_of(self._returns)
        self._prompt, self._answer = self._split(text)
        self._filled_answer = None if self._answer and self._has_parameters() else self._make_output({})

    @property
    def is_same_output(self) -> bool:
        """Tell whether every call has the same output type."""
        return self._filled_answer is not None

    def fill(self, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        """Return the prompt and the output type of a call with these arguments."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        prompt = self._prompt.format(**bound.arguments)
        output = self._filled_answer or self._make_output(bound.arguments)
        return prompt, None if output is _NOTHING else output

    def _make_output(self, arguments: Mapping[str, Any]) -> Any:
        if not self._answer:
            return _NOTHING if self._returns is None else self._returns
        parts = [_literal(text, field, arguments) for text, field in self._pieces(self._answer)]
        typed = {field.name for _, field in self._pieces(self._answer) if field is not None and field.spec}
        types = {name: kind for name, kind in self._types.items() if name not in typed}
        try:
            return Template(parse_template("".join(parts), types), self._build())
        except GrammarError as error:
            raise PromptError(f"{self.name}: in the docstring: {error}") from error

    def _build(self) -> Any:
        """Return what makes the call's value of the holes' values."""
        if self._types or self._returns in (None, Any, dict) or typing.get_origin(self._returns) is dict:
            return self._returns
        (name, *others) = dict.fromkeys(
            field.name for _, field in self._pieces(self._answer) if field is not None and not self._is_known(field)
        )
        if others:
            raise PromptError(
                f"{self.name}: got the holes {[name, *others]} and the return type {self._returns!r}, expected a "
                "dictionary or a class with these fields; change the return annotation"
            )
        return _Single(name)

    def _split(self, text: str) -> tuple[str, str]:
        if not text:
            raise PromptError(
                f"{self.name}: got no docstring, expected one: it is the prompt; write what the model is to do"
            )
        head, answer, is_answer = "", "", False
        for before, field in self._pieces(text):
            spelled = "" if field is None else field.spelled
            if not is_answer and field is not None and not self._is_known(field):
                head += _spell(before)
                cut = head.rfind("\n") + 1 or len(head)
                head, answer, is_answer = head[:cut], head[cut:] + spelled, True
            elif is_answer:
                answer += _spell(before) + spelled
            else:
                head += _spell(before) + spelled
        return head, answer

    def _pieces(self, text: str) -> list[tuple[str, _Field | None]]:
        try:
            parsed = list(string.Formatter().parse(text))
        except ValueError as error:
            raise PromptError(
                f"{self.name}: got a docstring that is not a template ({error}), expected fields such as {{text}}; "
                "write literal braces twice"
            ) from error
        found = []
        for before, name, spec, conversion in parsed:
            field = None if name is None else _Field(name, spec or "", conversion or "")
            if field is not None and not self._is_known(field) and not self._is_hole(field):
                raise PromptError(
                    f"{self.name}: got the field {{{name}}} in the docstring, expected one of {sorted(self._known)}; "
                    f"name a parameter, give the hole a type ({{{name}:str}}), or write literal braces twice"
                )
            found.append((before, field))
        return found

    def _is_known(self, field: _Field) -> bool:
        return field.name.split(".")[0].split("[")[0] in self._known

    def _is_hole(self, field: _Field) -> bool:
        return field.name.isidentifier() and (bool(field.spec) or field.name in self._types)

    def _has_parameters(self) -> bool:
        return any(field is not None and self._is_known(field) for _, field in self._pieces(self._answer))


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    spec: str
    conversion: str

    @property
    def spelled(self) -> str:
        conversion = f"!{self.conversion}" if self.conversion else ""
        return f"{{{self.name}{conversion}{':' if self.spec else ''}{self.spec}}}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Single:
    """Take the value of the only hole."""

    name: str

    def __call__(self, values: Mapping[str, Any]) -> Any:
        return values[self.name]


_NOTHING: Any = object()


def _literal(text: str, field: _Field | None, arguments: Mapping[str, Any]) -> str:
    """Return a piece of the answer's template with its parameter filled in."""
    if field is None:
        return _spell(text)
    root = field.name.split(".")[0].split("[")[0]
    if root not in arguments:
        return _spell(text) + field.spelled
    return _spell(text + field.spelled.format(**arguments))


def _spell(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _fields_of(kind: Any) -> dict[str, Any]:
    """Return the fields of a class that holds some, by name."""
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return {name: field.rebuild_annotation() for name, field in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind) or typing.is_typeddict(kind) or typing_extensions.is_typeddict(kind):
        return typing_extensions.get_type_hints(kind, include_extras=True)
    return {}
