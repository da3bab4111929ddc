"""Walk through the masks of real schemas: ``python -m benchmarks.walks --count 20000``.

A schema's walks depend on the seed and its name alone, so that those at fault can be walked ``--again``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.maskbench.corpus import Tokenizer
from benchmarks.maskbench.report import machine
from benchmarks.walks.oracle import Fault, Oracle, UndecidedError
from benchmarks.walks.walker import Ending, Walker
from fsm import Vocabulary, allocate_token_bitmask
from fsm.compiled import Compiled
from fsm.errors import GuidanceError

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What the walks came to, and a line for each fault."""

    endings: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, str]] = field(default_factory=list)
    num_tokens: int = 0
    path: Path | None = None

    def add_fault(self, fault: dict[str, str]) -> None:
        """Keep a fault, and write its line at once."""
        self.faults.append(fault)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(fault, ensure_ascii=False) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Walk, print the counts; the exit code is 1 when a walk was at fault."""
    options = _parse(arguments)
    vocabulary = _byte_vocabulary() if options.bytes else Tokenizer(options.tokenizer).vocabulary
    schemas = list(_read_schemas(options.data))
    if options.again:
        names = {json.loads(line)["id"] for line in options.again.read_text(encoding="utf-8").splitlines()}
        schemas = [row for row in schemas if row[0] in names]
    if options.failures:
        options.failures.write_text("", encoding="utf-8")
    started, tally = time.perf_counter(), _Tally(path=options.failures)
    _walk_all(schemas, Walker(vocabulary), vocabulary, options, tally)
    seconds = time.perf_counter() - started
    figures: dict[str, float] = {name.replace(" ", "_"): number for name, number in sorted(tally.endings.items())}
    figures |= {"tokens": tally.num_tokens, "seconds": round(seconds, 1)}
    print(json.dumps(figures, indent=1))
    if options.json:
        document = {"figures": {f"walks.{name}": value for name, value in figures.items()}, "machine": machine()}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if tally.faults else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walks", description=__doc__)
    data = Path(os.environ.get("GUIDANCE_TEST_DATA", _ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data / "maskbench" / "visible.jsonl.gz")
    parser.add_argument("--tokenizer", type=Path, default=data / "tokenizers" / "llama3.tiktoken")
    parser.add_argument("--bytes", action="store_true", help="walk over single bytes instead of tokens")
    parser.add_argument("--count", type=int, default=20_000, help="walks, spread evenly over the schemas")
    parser.add_argument("--max-tokens", type=int, default=60, help="random tokens before the way home")
    parser.add_argument("--limit", type=int, help="walk on a sample of this many schemas")
    parser.add_argument("--again", type=Path, help="walk only on the schemas that this file of faults names")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--key-order", choices=("any", "schema"), default="any")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--failures", type=Path, help="write every fault here, a JSON line each")
    options = parser.parse_args(arguments)
    for path in (options.data, options.tokenizer):
        if not path.is_file():
            parser.error(f"{path}: no such file; pass --data and --tokenizer, or set GUIDANCE_TEST_DATA")
    return options


def _byte_vocabulary() -> Vocabulary:
    return Vocabulary([*(bytes([byte]) for byte in range(256)), b"<end>"], eos_token_ids=[256])


def _read_schemas(path: Path) -> Iterator[tuple[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["id"], row["schema"]


def _walk_all(
    schemas: list[tuple[str, Any]], walker: Walker, vocabulary: Vocabulary, options: argparse.Namespace, tally: _Tally
) -> None:
    source = random.Random(options.seed)
    if options.limit is not None:
        schemas = source.sample(schemas, min(options.limit, len(schemas)))
    source.shuffle(schemas)
    each, more = divmod(options.count, len(schemas))
    for number, (name, schema) in enumerate(schemas):
        if number % 200 == 0:
            print(f"{number} of {len(schemas)} schemas", file=sys.stderr)
        count = each + (number < more)
        if count:
            source = random.Random(f"{options.seed} {name}")
            _walk_schema(name, schema, _Walking(walker, vocabulary, source, options, count), tally)


@dataclass(frozen=True, slots=True)
class _Walking:
    """How to walk on one schema."""

    walker: Walker
    vocabulary: Vocabulary
    source: random.Random
    options: argparse.Namespace
    count: int


def _walk_schema(name: str, schema: Any, walking: _Walking, tally: _Tally) -> None:
    try:
        compiled = _compile(schema, walking)
    except GuidanceError as error:
        tally.endings["refused schemas"] += 1
        print(f"{name}: {type(error).__name__}: {str(error)[:150]}", file=sys.stderr)
        return
    oracle = Oracle(schema)
    for _ in range(walking.count):
        try:
            _walk_once(name, compiled, oracle, walking, tally)
        except GuidanceError as error:  # what is not supported is found where a text first gets to it
            tally.endings["refused on the way"] += 1
            print(f"{name}: {type(error).__name__}: {str(error)[:150]}", file=sys.stderr)
        except Exception as error:  # a walk that crashes is a fault like any other
            tally.endings["crashed"] += 1
            tally.add_fault({"id": name, "fault": "crashed", "detail": f"{type(error).__name__}: {error}", "text": ""})


def _compile(schema: Any, walking: _Walking) -> Compiled:
    """Compile a schema; what is refused is refused at the latest by the first mask."""
    from grammars import json_schema

    compiled = json_schema(schema, key_order=walking.options.key_order).compile(walking.vocabulary)
    compiled.matcher().fill_next_token_bitmask(allocate_token_bitmask(1, walking.vocabulary.size))
    return compiled


def _walk_once(name: str, compiled: Compiled, oracle: Oracle, walking: _Walking, tally: _Tally) -> None:
    walk = walking.walker.walk(compiled, walking.source, max_tokens=walking.options.max_tokens)
    tally.num_tokens += walk.num_tokens
    fault: Fault | None = Fault(keyword=walk.ending)
    if walk.ending is Ending.FINISHED:
        fault = _judge(oracle, walk.text, tally)
    tally.endings[fault.keyword if fault else "right"] += 1
    if fault:
        text = walk.text.decode("utf-8", "backslashreplace")
        tally.add_fault({"id": name, "fault": fault.keyword, "detail": fault.detail, "text": text[-2000:]})


def _judge(oracle: Oracle, text: bytes, tally: _Tally) -> Fault | None:
    try:
        fault = oracle.find_fault(text)
    except UndecidedError:
        tally.endings["undecided (counted as right)"] += 1
        return None
    return None if fault is None else replace(fault, keyword=f"invalid: {fault.keyword}")


if __name__ == "__main__":
    sys.exit(main())
