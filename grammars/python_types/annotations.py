"""Turn what callers write as a type into what Pydantic reads."""

from __future__ import annotations

import functools
import inspect
import operator
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pydantic
import typing_extensions

from fsm.errors import GrammarError

__all__ = ["arguments_of", "as_type", "is_function"]


def as_type(annotation: Any) -> Any:
    """Return a type that Pydantic knows: a model of a function's parameters, a modern TypedDict."""
    if isinstance(annotation, Mapping):
        return Any
    if is_function(annotation):
        return _signature_model(annotation)
    return _modernise(annotation)


def is_function(annotation: Any) -> bool:
    """Tell whether it is a function, which stands for its arguments."""
    return inspect.isroutine(annotation) and not isinstance(annotation, type)


def _signature_model(function: Callable[..., Any]) -> type[pydantic.BaseModel]:
    """Return a model with one field per parameter."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise GrammarError(
                f"{function.__name__}: got the parameter {parameter}, expected named parameters only; "
                "list what the function takes"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (_modernise(hints.get(name, Any)), default)
    return pydantic.create_model(function.__name__, __config__=pydantic.ConfigDict(extra="forbid"), **fields)


def arguments_of(value: Any) -> Any:
    """Return a model's fields as a dictionary."""
    if not isinstance(value, pydantic.BaseModel):
        return value
    return {name: getattr(value, name, None) for name in type(value).model_fields}


def _modernise(annotation: Any) -> Any:
    """Replace ``typing.TypedDict`` by ``typing_extensions``', which Pydantic needs before Python 3.12."""
    if typing.is_typeddict(annotation) and type(annotation).__module__ == "typing":
        return _modern_typed_dict(annotation)
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if not arguments or origin in {typing.Literal, Callable}:
        return annotation
    changed = tuple(_modernise(argument) if not isinstance(argument, list) else argument for argument in arguments)
    if all(new is old for new, old in zip(changed, arguments, strict=True)):
        return annotation
    if origin in {typing.Union, types.UnionType}:
        return functools.reduce(operator.or_, changed)
    if origin is typing.Annotated:
        return operator.getitem(typing.Annotated, changed)
    return origin[changed] if origin is not None else annotation


def _modern_typed_dict(annotation: Any) -> Any:
    hints = typing.get_type_hints(annotation, include_extras=True)
    fields = {}
    for name, hint in hints.items():
        inner = typing.get_args(hint)[0] if typing.get_origin(hint) in {typing.Required, typing.NotRequired} else hint
        wrapper = typing_extensions.Required if name in annotation.__required_keys__ else typing_extensions.NotRequired
        fields[name] = wrapper[_modernise(inner)]
    make_typed_dict: Any = typing_extensions.TypedDict
    return make_typed_dict(annotation.__name__, fields)
