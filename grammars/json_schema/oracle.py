"""Name what the plans of arrays and objects ask of the exact tests."""

from __future__ import annotations

from typing import Protocol

from grammars.json_schema.branch import Obligation
from grammars.json_schema.references import Subschema
from grammars.json_schema.shapes import JsonSchema

__all__ = ["Obligations", "Oracle"]

Obligations = frozenset[Obligation]


class Oracle(Protocol):
    """Tell whether some value meets obligations, and whether a value does."""

    def is_satisfiable(self, obligations: Obligations) -> bool:
        """Tell whether some value meets them all."""

    def is_certain(self, parent: Subschema, schema: JsonSchema) -> bool:
        """Tell whether a subschema below another certainly has a value; False says nothing."""

    def take_certain(self, obligation: Obligation) -> Obligations:
        """Return the set of one obligation that some value is certain to meet."""

    def meets_all(self, obligations: Obligations, value: object) -> bool:
        """Tell whether a value meets them all."""
