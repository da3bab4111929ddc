"""Ask Pydantic for the JSON Schema of a type, and narrow it to what its validators accept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pydantic
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticSerializationError, core_schema

from fsm.errors import GrammarError

__all__ = ["describe", "make_adapter"]


def make_adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    """Return what validates values of a type.

    Raises
    ------
    GrammarError : Pydantic knows no such type.
    """
    try:
        return pydantic.TypeAdapter(annotation)
    except (pydantic.errors.PydanticUserError, pydantic.errors.PydanticUndefinedAnnotation, TypeError) as error:
        raise _unknown_type(annotation, error) from error


def describe(adapter: pydantic.TypeAdapter[Any] | None, annotation: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type.

    Raises
    ------
    GrammarError : it has none.
    """
    assert adapter is not None
    try:
        return adapter.json_schema(schema_generator=_SchemaGenerator)
    except (pydantic.errors.PydanticUserError, PydanticSerializationError, TypeError) as error:
        raise _unknown_type(annotation, error) from error


# Keys are strings in JSON; these are the ones that read as the type.
_KEY_PATTERNS: dict[str, JsonSchemaValue] = {
    "bool": {"enum": ["true", "false"]},
    "int": {"pattern": "^-?(?:0|[1-9][0-9]{0,17})$"},
    "float": {"pattern": r"^-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?$"},
    "decimal": {"pattern": r"^-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?$"},
}


class _SchemaGenerator(GenerateJsonSchema):
    """Narrow Pydantic's schemas to what its validators accept.

    Its decimal may be any string; its dates may lie in the year 0, its times may end in a leap second, and its
    durations may have more digits than a timedelta holds.
    """

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Return a number with the bounds of the decimal."""
        described: JsonSchemaValue = {"type": "number"}
        self.update_with_validations(described, schema, self.ValidationsMapping.numeric)
        digits, places = schema.get("max_digits"), schema.get("decimal_places")
        if digits is None and places is None:
            return described
        # So many digits, of which so many stand behind the point: one way to place the point after the other.
        ways: list[JsonSchemaValue] = []
        for behind in [places] if places is not None else range((digits or 0) + 1):
            way: JsonSchemaValue = {"multipleOf": float(Decimal(1).scaleb(-behind))}
            if digits is not None:
                bound = 10 ** max(digits - behind, 0)
                way |= {"exclusiveMinimum": -bound, "exclusiveMaximum": bound}
            ways.append(way)
        described["allOf"] = [*described.get("allOf", []), {"anyOf": ways}]
        return described

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Return objects whose names are all written as the keys are."""
        described = super().dict_schema(schema)
        keys = schema.get("keys_schema")
        if keys is None:
            return described
        names = dict(_KEY_PATTERNS.get(keys["type"], self.generate_inner(keys)))
        names.pop("title", None)
        if described.pop("patternProperties", None) is not None or names != {"type": "string"}:
            described["additionalProperties"] = self.generate_inner(schema["values_schema"])
            described["propertyNames"] = names
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
