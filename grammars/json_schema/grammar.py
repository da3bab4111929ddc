"""Compile a JSON Schema to the network of the JSON texts that it accepts."""

from __future__ import annotations

import json
from typing import Any

from referencing import Registry

from fsm.codes import R_FREE_STATE
from fsm.compiled import Compiled
from fsm.errors import UnsatisfiableError
from fsm.expansion_time import ExpansionTime
from fsm.explanation import remember_source
from fsm.layout import STATE_POP
from fsm.network import Network
from fsm.vocabulary import Vocabulary
from grammars.grammar import Grammar
from grammars.json_schema.clashes import find_clashes
from grammars.json_schema.evaluate import Evaluator
from grammars.json_schema.expand import Expander
from grammars.json_schema.leniency import Leniency
from grammars.json_schema.numbers import NumberSpelling
from grammars.json_schema.open_end import lay_open_value
from grammars.json_schema.prelude import Prelude, lay_prelude, lay_tail, make_prelude
from grammars.json_schema.readiness import make_ready
from grammars.json_schema.references import References
from grammars.json_schema.sample import sample_value
from grammars.json_schema.satisfiable import Satisfiability
from grammars.json_schema.shapes import JsonSchema, SchemaLimits
from grammars.json_schema.spaces import Spaces, parse_spaces
from grammars.json_schema.states import ValueStates

__all__ = ["JsonSchemaGrammar"]

_SPELLING = NumberSpelling()
_LIMITS = SchemaLimits()


class JsonSchemaGrammar(Grammar):
    """Be the JSON texts that a schema accepts; made by ``json_schema``."""

    __slots__ = ("draft", "is_ordered", "lenient", "limits", "registry", "schema", "spaces", "whitespace")

    def __init__(
        self,
        schema: JsonSchema,
        *,
        whitespace: str | tuple[str, str] = "flexible",
        key_order: str = "schema",
        draft: str | None = None,
        registry: Registry[Any] | None = None,
        limits: SchemaLimits | None = None,
        lenient: bool = False,
    ) -> None:
        self.schema = schema
        self.whitespace = whitespace
        self.spaces: Spaces = parse_spaces(whitespace)
        self.is_ordered = key_order == "schema"
        self.draft = draft
        self.registry = registry
        self.lenient = lenient
        self.limits = limits or _LIMITS

    def __repr__(self) -> str:
        return f"json_schema({json.dumps(self.schema)})"

    def compile(self, vocabulary: Vocabulary) -> Compiled:
        """Return the grammar ready for matching.

        Raises
        ------
        GrammarError : the schema is not one; the message has the JSON pointer.
        UnsatisfiableError : no value can meet the schema.
        """
        make_ready(vocabulary, lambda schema: JsonSchemaGrammar(schema, key_order="any"))
        with ExpansionTime():
            network, start = self.build()
        compiled = Compiled(network, start, vocabulary)
        remember_source(compiled, self.describe_place)
        return compiled

    def sample(self, compiled: Compiled) -> bytes:
        """Return the text of a value with every declared key, its white space as ``json.dumps`` writes it."""
        is_free = self.spaces.most != 0
        separators = (", ", ": ") if is_free else (self.spaces.comma.decode(), self.spaces.colon.decode())
        text = json.dumps(sample_value(self.schema), ensure_ascii=False, separators=separators, default=repr)
        return text.encode("utf-8", "surrogatepass")

    def describe_place(self, text: str) -> str:
        """Return what in the source governs the place after a text; empty where nothing can be said."""
        from grammars.places import describe_schema

        return describe_schema(self.schema, text)

    def build(self) -> tuple[Network, int]:
        """Return a network and the state in which a text begins."""
        prelude = make_prelude(self.spaces, _SPELLING)
        network = Network(template=prelude.template, max_states=self.limits.max_states)
        network.regs[R_FREE_STATE] = prelude.free
        root = self._lay(network, prelude, is_alone=True)
        end = network.add_byte([], default=STATE_POP, space=prelude.space)
        return network, network.add_byte([], default=network.add_call(root, end), space=prelude.space)

    def add_to(self, network: Network) -> int:
        """Lay the grammar beside others: where a text may end, what follows may begin with white space or a digit."""
        prelude = lay_prelude(network, self.spaces)
        if not network.regs[R_FREE_STATE]:
            network.regs[R_FREE_STATE] = prelude.free
        root = lay_open_value(network, self._lay(network, prelude, is_alone=False))
        end = lay_tail(network, self.spaces.most)
        return network.add_byte([], default=network.add_call(root, end), space=prelude.space)

    def _lay(self, network: Network, prelude: Prelude, *, is_alone: bool) -> int:
        """Return the state in which the value begins."""
        expander, oracle = self._open(self.schema)
        references = expander.references
        values = ValueStates(
            network,
            prelude,
            expander=expander,
            oracle=oracle,
            spaces=self.spaces,
            spelling=_SPELLING,
            is_alone=is_alone,
        )
        root = frozenset([(references.root, True)])
        if not oracle.is_satisfiable(root):
            clashes = find_clashes(self.schema, self.has_value)
            raise UnsatisfiableError(
                f"no value can meet the schema; these clash: {', '.join(clashes)}; change one of them",
                where=f"json schema at {clashes[0]}",
            )
        return values.state(root)

    def _open(self, schema: JsonSchema) -> tuple[Expander, Satisfiability]:
        """Return the algebra of a document."""
        references = References(schema, draft=self.draft, registry=self.registry, limits=self.limits)
        expander = Expander(references, Leniency(schema) if self.lenient else None)
        return expander, Satisfiability(expander, Evaluator(expander), _SPELLING, is_ordered=self.is_ordered)

    def has_value(self, schema: JsonSchema) -> bool:
        """Tell whether some value meets another schema, read and written as this one."""
        expander, oracle = self._open(schema)
        return oracle.is_satisfiable(frozenset([(expander.references.root, True)]))
