"""Make values of texts that are not finished: what is not there yet is None."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

import pydantic
import typing_extensions

__all__ = ["construct"]


def construct(annotation: Any, content: Any) -> Any:
    """Return content as a value of the type, without what is not there yet."""
    annotation = _strip(annotation)
    if isinstance(content, dict):
        return _construct_object(annotation, content)
    if isinstance(content, list):
        return _construct_list(annotation, content)
    try:
        return pydantic.TypeAdapter(annotation).validate_python(content)
    except (pydantic.ValidationError, pydantic.errors.PydanticUserError):
        return content


def _construct_object(annotation: Any, content: dict[str, Any]) -> Any:
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, pydantic.BaseModel):
            return _construct_model(member, content)
        if isinstance(member, type) and dataclasses.is_dataclass(member):
            return _construct_dataclass(member, content)
        if typing.is_typeddict(member) or typing_extensions.is_typeddict(member):
            hints = typing_extensions.get_type_hints(member)
            return {name: construct(hints.get(name, Any), item) for name, item in content.items()}
        arguments = typing.get_args(member)
        if len(arguments) == 2:
            return {name: construct(arguments[1], item) for name, item in content.items()}
    return content


def _construct_model(model: type[pydantic.BaseModel], content: dict[str, Any]) -> pydantic.BaseModel:
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = next((key for key in (field.alias, name) if key in content), None)
        default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data=values)
        values[name] = default if key is None else construct(field.annotation, content[key])
    return model.model_construct(_fields_set=set(content) & set(values), **values)


def _construct_dataclass(kind: type[Any], content: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(kind, include_extras=True)
    value = object.__new__(kind)
    for field in dataclasses.fields(kind):
        item = construct(hints[field.name], content[field.name]) if field.name in content else None
        object.__setattr__(value, field.name, item)
    return value


def _construct_list(annotation: Any, content: list[Any]) -> Any:
    for member in _members(annotation):
        arguments = typing.get_args(member)
        if arguments:
            inner = arguments[0] if len(arguments) == 1 or arguments[-1] is ... else Any
            return [construct(inner, item) for item in content]
    return content


def _members(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return tuple(_strip(member) for member in typing.get_args(annotation))
    return (annotation,)


def _strip(annotation: Any) -> Any:
    while typing.get_origin(annotation) in {
        typing.Annotated,
        typing.Required,
        typing.NotRequired,
        typing_extensions.Required,
        typing_extensions.NotRequired,
    }:
        annotation = typing.get_args(annotation)[0]
    return annotation
