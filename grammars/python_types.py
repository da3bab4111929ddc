"""Turn Python types into grammars, and the texts they accept back into values.

A type's text is JSON, by the JSON Schema that Pydantic gives it; objects are closed unless the type says otherwise.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import operator
import re
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pydantic
import typing_extensions
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticSerializationError, core_schema, from_json

from fsm.errors import GrammarError

__all__ = ["TypeReader", "from_type", "schema_of"]


class TypeReader:
    """Read texts as values of one type.

    Parameters
    ----------
    annotation : any type Pydantic knows, a callable (its signature), or a JSON Schema as a mapping.

    Raises
    ------
    GrammarError : when no JSON Schema describes the type.

    Examples
    --------
    >>> TypeReader(list[int]).parse("[1, 2]")
    [1, 2]
    """

    def __init__(self, annotation: Any) -> None:
        self.annotation = _as_type(annotation)
        self._returns_arguments = _is_function(annotation)
        self._schema = dict(annotation) if isinstance(annotation, Mapping) else None
        self._adapter = None if self._schema is not None else _adapter(self.annotation)

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the type's texts."""
        return _close_objects(_describe(self._adapter, self.annotation)) if self._schema is None else self._schema

    def parse(self, text: str) -> Any:
        """Return the value a whole text stands for.

        Raises
        ------
        ValueError : when the text is not JSON, or a validator of the type refuses the value.
        """
        if self._adapter is None:
            return json.loads(text)
        value = self._adapter.validate_json(_spell_integers(text))
        return _arguments(value) if self._returns_arguments else value

    def parse_partial(self, text: str) -> Any:
        """Return the value as far as the text goes; None where it tells nothing yet.

        Examples
        --------
        >>> TypeReader(dict[str, str]).parse_partial('{"name": "Ad')
        {'name': 'Ad'}
        """
        try:
            content = from_json(text, allow_partial="trailing-strings")
        except ValueError:
            return None
        if self._adapter is None:
            return content
        value = _construct(self.annotation, content)
        return _arguments(value) if self._returns_arguments else value


def from_type(annotation: Any, **options: Any) -> Any:
    """Return the grammar of a type's JSON texts.

    `options` are those of `grammars.json_schema`: whitespace, key_order, and so on.

    Raises
    ------
    GrammarError : when no JSON Schema describes the type.
    """
    from grammars.constructors import json_schema

    return json_schema(schema_of(annotation), **options)


def schema_of(annotation: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type, with objects closed.

    Examples
    --------
    >>> schema_of(int)
    {'type': 'integer'}
    """
    return TypeReader(annotation).schema


# -- from types to Pydantic -----------------------------------------------------------------------------------------


def _as_type(annotation: Any) -> Any:
    if isinstance(annotation, Mapping):
        return Any
    if _is_function(annotation):
        return _signature_model(annotation)
    return _modernise(annotation)


def _is_function(annotation: Any) -> bool:
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


def _arguments(value: Any) -> Any:
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


def _adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    try:
        return pydantic.TypeAdapter(annotation)
    except (pydantic.errors.PydanticUserError, pydantic.errors.PydanticUndefinedAnnotation, TypeError) as error:
        raise _unknown_type(annotation, error) from error


def _describe(adapter: pydantic.TypeAdapter[Any] | None, annotation: Any) -> dict[str, Any]:
    assert adapter is not None
    try:
        return adapter.json_schema(schema_generator=_SchemaGenerator)
    except (pydantic.errors.PydanticUserError, PydanticSerializationError, TypeError) as error:
        raise _unknown_type(annotation, error) from error


class _SchemaGenerator(GenerateJsonSchema):
    """Narrow Pydantic's schemas to what its validators accept.

    Its decimal may be any string; its dates may lie in the year 0, its times may end in a leap second, and its
    durations may have more digits than a timedelta holds.
    """

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Return a number with the bounds of the decimal."""
        described: JsonSchemaValue = {"type": "number"}
        self.update_with_validations(described, schema, self.ValidationsMapping.numeric)
        return described

    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        """Return dates from the year 1 on."""
        return {**super().date_schema(schema), "pattern": "^(?!0000)"}

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        """Return times without leap seconds."""
        return {**super().time_schema(schema), "pattern": "^(?!.*:60)"}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """Return both together."""
        return {**super().datetime_schema(schema), "pattern": "^(?!0000)(?!.*:60)"}

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        """Return durations whose numbers have at most six digits."""
        return {**super().timedelta_schema(schema), "pattern": "^[^0-9]+(?:[0-9]{1,6}[^0-9]+)+$"}


def _unknown_type(annotation: Any, error: Exception) -> GrammarError:
    reason = str(error).strip().split("\n")[0]
    return GrammarError(
        f"output: got {annotation!r}, expected a type with a JSON Schema, such as a Pydantic model, a dataclass, a "
        f"TypedDict, an Enum, a Literal, int or list[str] ({reason}); declare the fields it has"
    )


# -- closing objects ------------------------------------------------------------------------------------------------

_SCHEMA_KEYWORDS = ("additionalProperties", "items", "not", "if", "then", "else", "contains", "propertyNames")
_LIST_KEYWORDS = ("anyOf", "allOf", "oneOf", "prefixItems")
_MAPPING_KEYWORDS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def _close_objects(schema: Any) -> Any:
    """Return the schema with ``additionalProperties: false`` where properties are listed and nothing else is said.

    Pydantic ignores unknown keys when it reads, so its schemas leave objects open; a model asked to write one should
    not invent keys.
    """
    if not isinstance(schema, dict):
        return schema
    closed = dict(schema)
    for keyword in _SCHEMA_KEYWORDS:
        if keyword in closed:
            closed[keyword] = _close_objects(closed[keyword])
    for keyword in _LIST_KEYWORDS:
        if keyword in closed:
            closed[keyword] = [_close_objects(item) for item in closed[keyword]]
    for keyword in _MAPPING_KEYWORDS:
        if keyword in closed:
            closed[keyword] = {name: _close_objects(item) for name, item in closed[keyword].items()}
    if closed.get("type") == "object" and "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


# -- numbers -----------------------------------------------------------------------------------------------------------

_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.DOTALL)
# Python reads integers of up to 4300 digits.
_MOST_DIGITS = 4000


def _spell_integers(text: str) -> str:
    """Return JSON text with integers such as ``1e2`` and ``3.0`` written in digits.

    To JSON Schema they are integers; Pydantic would read them as floats, and lose digits past the sixteenth.
    """
    return _STRING_OR_NUMBER.sub(_spell_integer, text)


def _spell_integer(match: re.Match[str]) -> str:
    literal = match[0]
    if literal[0] == '"' or literal.lstrip("-").isdigit():
        return literal
    value = Decimal(literal)
    if value.adjusted() > _MOST_DIGITS or value != value.to_integral_value():
        return literal
    return str(int(value))


# -- partial values -------------------------------------------------------------------------------------------------


def _construct(annotation: Any, content: Any) -> Any:
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
            return {name: _construct(hints.get(name, Any), item) for name, item in content.items()}
        arguments = typing.get_args(member)
        if len(arguments) == 2:
            return {name: _construct(arguments[1], item) for name, item in content.items()}
    return content


def _construct_model(model: type[pydantic.BaseModel], content: dict[str, Any]) -> pydantic.BaseModel:
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = next((key for key in (field.alias, name) if key in content), None)
        default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data=values)
        values[name] = default if key is None else _construct(field.annotation, content[key])
    return model.model_construct(_fields_set=set(content) & set(values), **values)


def _construct_dataclass(kind: type[Any], content: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(kind, include_extras=True)
    value = object.__new__(kind)
    for field in dataclasses.fields(kind):
        item = _construct(hints[field.name], content[field.name]) if field.name in content else None
        object.__setattr__(value, field.name, item)
    return value


def _construct_list(annotation: Any, content: list[Any]) -> Any:
    for member in _members(annotation):
        arguments = typing.get_args(member)
        if arguments:
            inner = arguments[0] if len(arguments) == 1 or arguments[-1] is ... else Any
            return [_construct(inner, item) for item in content]
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
