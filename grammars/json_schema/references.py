"""Resolve references between subschemas, and give every subschema one identity.

Input: a schema document and, for references that leave it, a ``referencing.Registry``. Output: ``Subschema`` nodes; the
same place reached under the same dynamic scope is the same node, so that recursion ends, and so are plain subschemas
that mean the same. Documents whose references are
all pointers into themselves (``grammars.json_schema.document``) are resolved here; the rest is left to ``referencing``.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any
from urllib.parse import unquote

import referencing
import referencing.exceptions
import referencing.jsonschema
from referencing import Registry

from fsm.errors import GrammarError, LimitError
from grammars.json_schema.document import read_marks
from grammars.json_schema.drafts import draft_of, is_older
from grammars.json_schema.meaning import is_reference_only, meaning_of
from grammars.json_schema.shapes import JsonSchema, SchemaLimits, check_shape, pointer_token
from grammars.json_schema.vocabularies import extended_draft, without_validation

__all__ = ["SPECIFICATIONS", "Composite", "References", "Subschema"]

SPECIFICATIONS = {
    "draft4": referencing.jsonschema.DRAFT4,
    "draft6": referencing.jsonschema.DRAFT6,
    "draft7": referencing.jsonschema.DRAFT7,
    "draft2019-09": referencing.jsonschema.DRAFT201909,
    "draft2020-12": referencing.jsonschema.DRAFT202012,
}


class Subschema:
    """Be one subschema in one dynamic scope; compared by identity.

    Attributes
    ----------
    schema : the decoded JSON: an object, or a boolean.
    draft : the draft it is read by.
    """

    __slots__ = ("_pointer", "draft", "resolver", "schema")

    def __init__(self, schema: JsonSchema, pointer: str | Place, draft: str, resolver: Any = None) -> None:
        self.schema = schema
        self._pointer = pointer
        self.draft = draft
        self.resolver = resolver

    @property
    def pointer(self) -> str:
        """Where it was found, for messages; written when first asked for."""
        pointer = self._pointer
        if type(pointer) is tuple:
            parent, path = pointer
            pointer = self._pointer = parent.pointer + "".join([f"/{pointer_token(step)}" for step in path])
        assert type(pointer) is str
        return pointer

    def __repr__(self) -> str:
        return f"Subschema({self.pointer})"


Place = tuple[Subschema, tuple[str | int, ...]]
"""A subschema, and a path below it."""


class Composite(Subschema):
    """Be an ``anyOf`` of subschemas that stand in different places."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Subschema, ...]) -> None:
        super().__init__({"anyOf": [part.schema for part in parts]}, parts[-1].pointer, parts[-1].draft)
        self.parts = parts


class References:
    """Intern the subschemas of one document and follow its references.

    Parameters
    ----------
    schema : the document.
    draft : the draft where ``$schema`` is absent; None for the newest.
    registry : other documents that may be referred to.
    """

    def __init__(
        self, schema: JsonSchema, *, draft: str | None, registry: Registry[Any] | None, limits: SchemaLimits
    ) -> None:
        self.draft, is_bare = extended_draft(schema, draft, registry)
        schema = without_validation(schema) if is_bare else schema
        self.limits = limits
        self._document = schema
        self._checked: set[int] = set()
        self._num_followed = 0
        self._kept: list[Any] = []  # keeps foreign documents alive, so that identities stay unique
        self._nodes: dict[tuple[int, Any], Subschema] = {}
        self._meanings: dict[tuple[str, Hashable], Subschema] = {}
        self._synthetic: dict[str, Subschema] = {}
        self._composites: dict[tuple[Subschema, ...], Subschema] = {}
        self.true = Subschema(schema=True, pointer="#", draft=self.draft)
        self.false = Subschema(schema=False, pointer="#", draft=self.draft)
        self._is_dynamic = is_full = registry is not None
        if check_shape(schema, draft=self.draft, limits=limits) and not is_full:
            marks = read_marks(schema)
            self._is_dynamic, is_full = marks.is_dynamic, marks.is_full
        resolver = self._make_resolver(registry) if is_full else None
        self.root = self._intern(schema, "#", self.draft, resolver)

    def child(self, parent: Subschema, *path: str | int) -> Subschema:
        """Return the subschema at a path below another one."""
        if type(parent) is Composite:
            return parent.parts[path[-1]]  # type: ignore[index]
        schema: Any = parent.schema
        for step in path:
            schema = schema[step]
        if schema is True:
            return self.true
        if schema is False:
            return self.false
        resolver, draft = parent.resolver, parent.draft
        if resolver is not None and type(schema) is dict:
            draft = draft_of(schema, draft)
            resource = SPECIFICATIONS[draft].create_resource(schema)
            if resource.id() is not None:
                resolver = resolver.in_subresource(resource)
        return self._intern(schema, (parent, path), draft, resolver)

    def synthetic(self, schema: JsonSchema) -> Subschema:
        """Return a subschema that stands in no document; equal ones are one."""
        key = json.dumps(schema, sort_keys=True, default=_decimal_key)
        node = self._synthetic.get(key)
        if node is None:
            node = self._synthetic[key] = Subschema(schema, "#", "draft2020-12")
        return node

    def any_of(self, parts: list[Subschema]) -> Subschema:
        """Return the subschema that holds where one of some others does."""
        key = tuple(parts)
        node = self._composites.get(key)
        if node is None:
            node = self._composites[key] = Composite(key)
        return node

    def resolve(self, node: Subschema, keyword: str) -> Subschema:
        """Follow ``$ref``, ``$dynamicRef`` or ``$recursiveRef`` of a subschema.

        Raises
        ------
        GrammarError : nothing is found there.
        """
        assert isinstance(node.schema, dict)
        reference = node.schema[keyword]
        if node.resolver is None:
            return self.follow(node, reference)
        try:
            if keyword == "$recursiveRef":
                resolved = referencing.jsonschema.lookup_recursive_ref(node.resolver)
            else:
                resolved = node.resolver.lookup(reference)
        except (referencing.exceptions.Unresolvable, referencing.exceptions.NoSuchResource, ValueError) as error:
            found = self._old_anchor(node, reference)
            if found is None:
                raise self._missing(node, reference) from error
            return found
        return self._found(node, reference, resolved)

    def _old_anchor(self, node: Subschema, reference: str) -> Subschema | None:
        """Find ``"$id": "#name"`` of draft 7 in a document that the registry reads by a newer draft."""
        uri, _, name = reference.partition("#")
        if not name or not is_older(node.draft, "draft2019-09"):
            return None
        try:
            whole = node.resolver.lookup(uri or "#")
        except (referencing.exceptions.Unresolvable, ValueError):
            return None
        stack = [whole.contents]
        while stack:
            here = stack.pop()
            if type(here) is dict:
                if f"#{name}" in (here.get("$id"), here.get("id")):
                    self._check(here, reference, node.draft)
                    return self._intern(here, reference, node.draft, whole.resolver)
                stack.extend(here.values())
            elif type(here) is list:
                stack.extend(here)
        return None

    def _found(self, node: Subschema, reference: str, resolved: Any) -> Subschema:
        schema, draft = resolved.contents, node.draft
        if type(schema) is dict:
            draft = draft_of(schema, self._draft_at(resolved, node.draft))
        self._check(schema, reference, draft)
        return self._intern(schema, reference, draft, resolved.resolver)

    def _draft_at(self, resolved: Any, default: str) -> str:
        """Return the draft of the document a reference led into."""
        try:
            resource = resolved.resolver._registry[resolved.resolver._base_uri]
        except (KeyError, referencing.exceptions.NoSuchResource):
            return default
        return draft_of(resource.contents, default)

    def follow(self, node: Subschema, reference: str) -> Subschema:
        """Follow a reference at or below a subschema, where all of them are JSON pointers into the document.

        Raises
        ------
        GrammarError : nothing is found there.
        """
        if reference != "#" and not reference.startswith("#/"):
            raise self._missing(node, reference)
        here: Any = self._document
        for token in reference[2:].split("/") if len(reference) > 1 else []:
            name = unquote(token).replace("~1", "/").replace("~0", "~")
            try:
                here = here[int(name)] if type(here) is list else here[name]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise self._missing(node, reference) from error
        self._check(here, reference, node.draft)
        return self._intern(here, reference, self.draft, None)

    def _check(self, schema: Any, pointer: str, draft: str) -> None:
        """Check the shape of what a reference reached, once."""
        if id(schema) not in self._checked:
            check_shape(schema, draft=draft, limits=self.limits)
            self._kept.append(schema)
            self._checked.add(id(schema))

    def _missing(self, node: Subschema, reference: str) -> GrammarError:
        return GrammarError(
            f"reference {reference!r} leads nowhere; define it in the document, "
            "or pass the document it names in registry=referencing.Registry(...)",
            where=f"json schema at {node.pointer}",
        )

    def _intern(self, schema: Any, pointer: str | Place, draft: str, resolver: Any) -> Subschema:
        if schema is True:
            return self.true
        if schema is False:
            return self.false
        scope = None if resolver is None else self._scope(resolver)
        key = (id(schema), scope)
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = Subschema(schema, pointer, draft, resolver)
            node = self._nodes[key] = self._same(node)  # a circle of references finds the one it began with
        return node

    def _same(self, node: Subschema) -> Subschema:
        """Return the subschema that stands for all that accept the same values, as far as that is told quickly."""
        schema = node.schema
        if type(schema) is not dict:
            return node
        meaning = meaning_of(schema)
        if meaning is not None:
            return self._meanings.setdefault((node.draft, meaning), node) if meaning else self.true
        if is_reference_only(schema, ignores_siblings=is_older(node.draft, "draft2019-09")):
            return self._follow(node)
        return node

    def _follow(self, node: Subschema) -> Subschema:
        """Return what a subschema that is nothing but a reference leads to."""
        self._num_followed += 1
        try:
            if self._num_followed > self.limits.max_references:
                raise LimitError(
                    f"json schema at {node.pointer}: more than {self.limits.max_references} references lead on to one "
                    "another; refer to the last of them, or raise SchemaLimits(max_references=...)"
                )
            return self.resolve(node, "$ref")
        finally:
            self._num_followed -= 1

    def _scope(self, resolver: Any) -> Any:
        """Return what of the dynamic scope can matter: the documents passed through, outermost first, each once."""
        base = resolver._base_uri
        if not self._is_dynamic:
            return base
        return (base, *dict.fromkeys(reversed([uri for uri, _ in resolver.dynamic_scope()])))

    def _make_resolver(self, registry: Registry[Any] | None) -> Any:
        resource = SPECIFICATIONS[self.draft].create_resource(self._document)
        known = registry if registry is not None else Registry()
        from jsonschema_specifications import REGISTRY  # the metaschemas, so that references to them resolve

        known = known.with_resources(REGISTRY.items()) if registry is None else known.combine(REGISTRY)
        return known.resolver_with_root(resource)


def _decimal_key(value: Any) -> dict[str, str]:
    return {"decimal": str(value)}
