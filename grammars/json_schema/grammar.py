"""Compile a JSON Schema to the network of the JSON texts that it accepts."""

from __future__ import annotations

import json
from typing import Any

from referencing import Registry

from fsm._kernels import R_FREE_STATE
from fsm.compiled import Compiled
from fsm.errors import UnsatisfiableError
from fsm.layout import STATE_POP
from fsm.network import Network
from fsm.vocabulary import Vocabulary
from grammars.grammar import Grammar
from grammars.json_schema.clashes import find_clashes
from grammars.json_schema.evaluate import Evaluator
from grammars.json_schema.expand import Expander
from grammars.json_schema.numbers import NumberSpelling
from grammars.json_schema.prelude import make_prelude
from grammars.json_schema.references import References
from grammars.json_schema.satisfiable import Satisfiability
from grammars.json_schema.shapes import JsonSchema, SchemaLimits
from grammars.json_schema.spaces import Spaces, parse_spaces
from grammars.json_schema.states import ValueStates

__all__ = ["JsonSchemaGrammar"]

_SPELLING = NumberSpelling()


class JsonSchemaGrammar(Grammar):
    """Be the JSON texts that a schema accepts; made by ``json_schema``."""

    __slots__ = ("draft", "is_ordered", "limits", "registry", "schema", "spaces")

    def __init__(
        self,
        schema: JsonSchema,
        *,
        whitespace: str | tuple[str, str] = "flexible",
        key_order: str = "schema",
        draft: str | None = None,
        registry: Registry[Any] | None = None,
        limits: SchemaLimits | None = None,
    ) -> None:
        self.schema = schema
        self.spaces: Spaces = parse_spaces(whitespace)
        self.is_ordered = key_order == "schema"
        self.draft = draft
        self.registry = registry
        self.limits = limits or SchemaLimits()

    def __repr__(self) -> str:
        return f"json_schema({json.dumps(self.schema)})"

    def compile(self, vocabulary: Vocabulary) -> Compiled:
        """Return the grammar ready for matching.

        Raises
        ------
        GrammarError : the schema is not one; the message has the JSON pointer.
        UnsatisfiableError : no value can meet the schema.
        """
        network, start = self.build()
        return Compiled(network, start, vocabulary)

    def build(self) -> tuple[Network, int]:
        """Return a network and the state in which a text begins."""
        expander, oracle = self._open(self.schema)
        references = expander.references
        prelude = make_prelude(self.spaces)
        network = Network(template=prelude.template, max_states=self.limits.max_states)
        network.regs[R_FREE_STATE] = prelude.free
        values = ValueStates(network, prelude, expander=expander, oracle=oracle, spaces=self.spaces, spelling=_SPELLING)
        root = frozenset([(references.root, True)])
        if not oracle.is_satisfiable(root):
            clashes = find_clashes(self.schema, self._is_satisfiable)
            raise UnsatisfiableError(
                f"no value can meet the schema; these clash: {', '.join(clashes)}; change one of them",
                where=f"json schema at {clashes[0]}",
            )
        end = network.add_byte([], default=STATE_POP, space=prelude.space)
        value = network.add_call(values.state(root), end)
        start = network.add_byte([], default=value, space=prelude.space)
        return network, start

    def _open(self, schema: JsonSchema) -> tuple[Expander, Satisfiability]:
        """Return the algebra of a document."""
        references = References(schema, draft=self.draft, registry=self.registry, limits=self.limits)
        expander = Expander(references)
        return expander, Satisfiability(expander, Evaluator(expander), _SPELLING, is_ordered=self.is_ordered)

    def _is_satisfiable(self, schema: JsonSchema) -> bool:
        expander, oracle = self._open(schema)
        return oracle.is_satisfiable(frozenset([(expander.references.root, True)]))
