"""Read MaskBench schemas and instances, and tokenise the instances with the Llama-3 vocabulary."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tiktoken

from fsm.vocabulary import Vocabulary
from guidance.tokenizers import load_ranks, vocabulary_from

__all__ = ["Case", "Instance", "Tokenizer", "read_cases"]

# The pre-tokeniser of Llama 3.
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Tokenizer:
    """The Llama-3 tokenizer from its rank file: the ranks, then the begin and end tokens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ranks = load_ranks(path)
        size = len(self.ranks)
        self.special = {"<|begin_of_text|>": size, "<|end_of_text|>": size + 1}
        self.eos_token_id = size + 1
        self.size = size + 2

    @cached_property
    def encoding(self) -> tiktoken.Encoding:
        """The encoder of texts."""
        return tiktoken.Encoding("llama3", pat_str=_PATTERN, mergeable_ranks=self.ranks, special_tokens=self.special)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The same tokens as our engine takes them."""
        return vocabulary_from(self.encoding, eos_token_ids=[self.eos_token_id])

    def encode(self, text: str) -> list[int]:
        """Encode a text; nothing in it is read as a special token."""
        return self.encoding.encode(text, disallowed_special=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One document: whether the schema holds for it, and its tokens."""

    is_valid: bool
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One schema with its documents."""

    id: str
    schema: Any
    instances: tuple[Instance, ...]


def read_cases(path: Path, tokenizer: Tokenizer, *, limit: int | None = None, seed: int = 0) -> list[Case]:
    """Read the cases of a ``.jsonl.gz`` file; with a limit, a sample of them in the file's order."""
    rows = list(_read_rows(path))
    if limit is not None and limit < len(rows):
        rows = [rows[n] for n in sorted(random.Random(seed).sample(range(len(rows)), limit))]
    return [_case(row, tokenizer) for row in rows]


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _case(row: dict[str, Any], tokenizer: Tokenizer) -> Case:
    instances = tuple(
        Instance(
            is_valid=test["valid"], token_ids=tuple(tokenizer.encode(json.dumps(test["data"], ensure_ascii=False)))
        )
        for test in row["tests"]
    )
    return Case(id=row["id"], schema=row["schema"], instances=instances)
