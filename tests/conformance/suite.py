"""Read the official JSON Schema test suite and the MaskBench schemas as cases: a schema with documents."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import referencing
from jsonschema_specifications import REGISTRY
from referencing.jsonschema import DRAFT202012

__all__ = ["DRAFTS", "Case", "Document", "read_maskbench", "read_registry", "read_suite"]

DRAFTS = ("draft4", "draft7", "draft2019-09", "draft2020-12")
_BASE = "http://localhost:1234/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document and whether the schema holds for it."""

    value: Any
    is_valid: bool

    def to_json(self) -> bytes:
        """Write the document; lone surrogates need escapes."""
        try:
            return json.dumps(self.value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return json.dumps(self.value).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A schema with its documents. ``id`` is ``file#group`` in the suite, the schema's id in MaskBench."""

    id: str
    schema: Any
    documents: tuple[Document, ...]


def read_suite(root: Path, draft: str) -> Iterator[Case]:
    """Yield the mandatory cases of a draft, then those of ``optional/format``, in the order of the files."""
    directory = root / "json-schema-test-suite" / "tests" / draft
    for file in [*sorted(directory.glob("*.json")), *sorted((directory / "optional" / "format").glob("*.json"))]:
        name = file.relative_to(directory).as_posix().removesuffix(".json")
        for number, group in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            documents = (Document(value=test["data"], is_valid=test["valid"]) for test in group["tests"])
            yield Case(id=f"{name}#{number}", schema=group["schema"], documents=tuple(documents))


def read_registry(root: Path) -> referencing.Registry[Any]:
    """Build the registry the suite's references need: its remotes, and the meta-schemas of all drafts."""
    remotes = root / "json-schema-test-suite" / "remotes"
    resources = (
        (_BASE + file.relative_to(remotes).as_posix(), json.loads(file.read_text(encoding="utf-8")))
        for file in sorted(remotes.rglob("*.json"))
    )
    return REGISTRY.with_resources(
        (uri, referencing.Resource.from_contents(contents, default_specification=DRAFT202012))
        for uri, contents in resources
    )


def read_maskbench(root: Path) -> Iterator[Case]:
    """Yield the visible MaskBench schemas."""
    with gzip.open(root / "maskbench" / "visible.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            documents = (Document(value=test["data"], is_valid=test["valid"]) for test in row["tests"])
            yield Case(id=row["id"], schema=row["schema"], documents=tuple(documents))
