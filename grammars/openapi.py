"""Make grammars of the operations of an OpenAPI 3 document: their parameters and request bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fsm.errors import GrammarError
from grammars.constructors import json_schema
from grammars.json_schema.grammar import JsonSchemaGrammar
from grammars.openapi_schemas import request_document
from grammars.tags.tools import Tool

__all__ = ["from_openapi", "openapi_tools"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PARTS = ("request", "parameters", "body")
_OWN_DIALECT = "https://spec.openapis.org/oas/"


def from_openapi(
    document: Mapping[str, Any] | str, operation_id: str, *, part: str = "request", **options: Any
) -> JsonSchemaGrammar:
    """Return the grammar of what an operation is called with, as JSON.

    Parameters
    ----------
    document : an OpenAPI 3.0 or 3.1 document, decoded or as JSON text.
    operation_id : its ``operationId``, or method and path: ``"GET /pets/{id}"``.
    part : ``"request"``: an object with a member for each parameter, by name, and ``body`` for the request body;
        ``"parameters"``: that object without the body; ``"body"``: the body alone.
    options : those of `grammars.json_schema`.

    Raises
    ------
    GrammarError : it is no such document, or has no such operation; or the part is not there, or is not JSON.

    Examples
    --------
    >>> query = {"name": "limit", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 1}}
    >>> document = {"openapi": "3.1.0", "paths": {"/pets": {"get": {"operationId": "list", "parameters": [query]}}}}
    >>> from_openapi(document, "list", whitespace="compact").shortest()
    '{"limit":1}'
    """
    if part not in _PARTS:
        raise GrammarError(f"openapi: got part={part!r}, expected one of {', '.join(_PARTS)}")
    reader = _Reader(document)
    return json_schema(reader.schema(reader.find(operation_id), part), **options)


def openapi_tools(document: Mapping[str, Any] | str) -> list[Tool]:
    """Return every operation with an ``operationId`` as a tool, for `grammars.tool_calls`.

    Raises
    ------
    GrammarError : it is no OpenAPI 3 document, or a request body is not JSON.
    """
    reader = _Reader(document)
    return [
        Tool(name=operation["operationId"], parameters=reader.schema((path, method), "request"))
        for path, method, operation in reader.operations()
        if "operationId" in operation
    ]


class _Reader:
    """Look things up in one document, whose schemas are JSON Schema's already."""

    def __init__(self, document: Mapping[str, Any] | str) -> None:
        try:
            content = json.loads(document) if isinstance(document, str) else document
        except ValueError as error:
            raise GrammarError(f"openapi: got text that is not JSON: {error}; decode YAML first") from error
        version = content.get("openapi") if isinstance(content, Mapping) else None
        if not isinstance(version, str) or not version.startswith("3."):
            raise GrammarError(
                f"openapi: got the version {version!r}, expected 3.0 or 3.1; convert older documents first"
            )
        self._document = request_document(content)

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield path, method and operation."""
        for path, item in (self._document.get("paths") or {}).items():
            for method, operation in self._resolve(item).items():
                if method in _METHODS:
                    yield path, method, operation

    def find(self, operation_id: str) -> tuple[str, str]:
        """Return path and method of an operation."""
        known = []
        for path, method, operation in self.operations():
            name = operation.get("operationId", f"{method.upper()} {path}")
            if operation_id in (name, f"{method.upper()} {path}"):
                return path, method
            known.append(name)
        raise GrammarError(f"openapi: got the operation {operation_id!r}, expected one of {', '.join(known) or 'none'}")

    def schema(self, place: tuple[str, str], part: str) -> dict[str, Any]:
        """Return the JSON Schema of a part of an operation, with the document beside it for its references."""
        path, method = place
        item = self._resolve(self._document["paths"][path])
        operation, where = item[method], f"{method.upper()} {path}"
        body = self._body(operation, where)
        if part == "body":
            if body is None:
                raise GrammarError(f"openapi: {where} has no request body; ask for its parameters")
            return self._enclose({"allOf": [body[0]]})
        members, required = self._parameters([*item.get("parameters", []), *operation.get("parameters", [])], where)
        if part == "request" and body is not None:
            if "body" in members:
                raise GrammarError(f"openapi: {where} has a parameter named 'body' beside its body; ask for one part")
            members["body"] = body[0]
            required += ["body"] if body[1] else []
        return self._enclose(
            {"type": "object", "properties": members, "required": required, "additionalProperties": False}
        )

    def _enclose(self, schema: dict[str, Any]) -> dict[str, Any]:
        dialect = self._document.get("jsonSchemaDialect")
        if isinstance(dialect, str) and not dialect.startswith(_OWN_DIALECT):
            schema["$schema"] = dialect
        beside: dict[str, Any] = {key: self._document[key] for key in ("components", "paths") if key in self._document}
        return {**schema, **beside}

    def _parameters(self, listed: list[Any], where: str) -> tuple[dict[str, Any], list[str]]:
        """Return the schemas of parameters by name, and the names of those that must be given."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for reference in listed:
            parameter = self._resolve(reference)
            found[parameter["name"], parameter["in"]] = parameter
        names = [name for name, _ in found]
        for name in names:
            if names.count(name) > 1:
                raise GrammarError(
                    f"openapi: {where} has several parameters named {name!r}; rename one in the document"
                )
        members = {name: self._schema_of(parameter) for (name, _), parameter in found.items()}
        return members, [name for (name, kind), item in found.items() if kind == "path" or item.get("required") is True]

    def _schema_of(self, holder: Mapping[str, Any]) -> Any:
        if "schema" in holder:
            return holder["schema"]
        return next((media.get("schema", True) for media in holder.get("content", {}).values()), True)

    def _body(self, operation: Mapping[str, Any], where: str) -> tuple[Any, bool] | None:
        """Return the body's schema and whether there must be one."""
        if "requestBody" not in operation:
            return None
        body = self._resolve(operation["requestBody"])
        media = body.get("content", {})
        for name, content in media.items():
            kind = name.split(";")[0].strip().lower()
            if kind in ("application/json", "*/*", "application/*") or kind.endswith(("/json", "+json")):
                return content.get("schema", True), body.get("required") is True
        raise GrammarError(f"openapi: the body of {where} is {', '.join(media) or 'nothing'}, expected JSON")

    def _resolve(self, node: Any) -> Any:
        seen: list[str] = []
        while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
            reference = node["$ref"]
            if reference in seen or not reference.startswith("#/"):
                raise GrammarError(f"openapi: got the reference {reference!r}, expected one within the document")
            seen.append(reference)
            node = self._document
            for step in reference[2:].split("/"):
                key = step.replace("~1", "/").replace("~0", "~")
                if not isinstance(node, Mapping) or key not in node:
                    raise GrammarError(f"openapi: the reference {reference!r} leads nowhere")
                node = node[key]
        return node
