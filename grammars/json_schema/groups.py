"""Read keywords of a subschema that only say something together.

``additionalProperties`` depends on ``properties`` beside it, ``items`` on ``prefixItems``, ``maxContains`` on
``contains``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from grammars.json_schema.branch import (
    ARRAY,
    BOOLEAN,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    ItemGroup,
    MemberGroup,
    Obligation,
)
from grammars.json_schema.drafts import knows
from grammars.json_schema.references import Subschema
from grammars.json_schema.shapes import JsonSchema

if TYPE_CHECKING:
    from grammars.json_schema.expand import Expander

__all__ = ["DeclaredNames", "contains_bounds", "item_group", "member_group", "type_bits"]

_TYPE_BITS = {
    "null": NULL,
    "boolean": BOOLEAN,
    "number": NUMBER,
    "integer": NUMBER,
    "string": STRING,
    "array": ARRAY,
    "object": OBJECT,
}


def type_bits(value: Any) -> tuple[int, bool]:
    """Return the type bits a ``type`` keyword allows, and whether its numbers must be integers."""
    if type(value) is str:
        return _TYPE_BITS[value], value == "integer"
    names, bits = value, 0
    for name in names:
        bits |= _TYPE_BITS[name]
    return bits, "integer" in names and "number" not in names


class DeclaredNames(Mapping[str, Obligation]):
    """Map the names in ``properties`` to what their values must meet; a subschema is opened when it is asked for.

    node    : the subschema with ``properties``.
    schemas : the value of it.
    """

    __slots__ = ("_expander", "node", "schemas")

    def __init__(self, expander: Expander, node: Subschema, schemas: dict[str, JsonSchema]) -> None:
        self._expander = expander
        self.node = node
        self.schemas = schemas

    def __getitem__(self, name: str) -> Obligation:
        """Return what the value of a name must meet."""
        if name not in self.schemas:
            raise KeyError(name)
        return (self._expander.child(self.node, "properties", name), True)

    def __contains__(self, name: object) -> bool:
        """Tell whether a name is declared."""
        return name in self.schemas

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in the order of the schema."""
        return iter(self.schemas)

    def __len__(self) -> int:
        """Count the names."""
        return len(self.schemas)


def member_group(expander: Expander, node: Subschema) -> MemberGroup:
    """Read ``properties``, ``patternProperties`` and ``additionalProperties`` together."""
    schema = node.schema
    assert isinstance(schema, dict)
    child = expander.child
    rest = schema.get("additionalProperties")
    patterns = [p for p in schema.get("patternProperties", ()) if not skips_pattern(expander, node, p)]
    if len(patterns) < len(schema.get("patternProperties", ())):
        rest = None  # which names are additional is not known
    return MemberGroup(
        DeclaredNames(expander, node, schema.get("properties", {})),
        tuple((p, (child(node, "patternProperties", p), True)) for p in patterns),
        None if rest is None or rest is True else (child(node, "additionalProperties"), True),
    )


def skips_pattern(expander: Expander, node: Subschema, pattern: str) -> bool:
    """Tell whether a key of ``patternProperties`` is left unchecked."""
    name = pattern.replace("~", "~0").replace("/", "~1")
    return expander.skips(pattern, node, f"patternProperties/{name}")


def item_group(expander: Expander, node: Subschema) -> ItemGroup:
    """Read ``prefixItems`` and ``items``, or in older drafts ``items`` and ``additionalItems``, together."""
    schema, child = node.schema, expander.child
    assert isinstance(schema, dict)
    items = schema.get("items")
    prefix: list[Obligation] = []
    rest: Obligation | None = None
    if type(items) is list:  # how drafts before 2020-12 write a prefix
        prefix = [(child(node, "items", i), True) for i in range(len(items))]
        if "additionalItems" in schema:
            rest = (child(node, "additionalItems"), True)
    else:
        if "prefixItems" in schema and knows(node.draft, "prefixItems"):
            prefix = [(child(node, "prefixItems", i), True) for i in range(len(schema["prefixItems"]))]
        if items is not None:
            rest = (child(node, "items"), True)
    return ItemGroup(tuple(prefix), rest)


def contains_bounds(node: Subschema) -> tuple[int, int | None]:
    """Read ``minContains`` and ``maxContains`` beside ``contains``."""
    schema = node.schema
    assert isinstance(schema, dict)
    low, high = 1, None
    if knows(node.draft, "minContains"):
        low = int(schema.get("minContains", 1))
        high = int(schema["maxContains"]) if "maxContains" in schema else None
    return low, high
