"""Check that the benchmark counts and reports as it says, with an engine whose faults are known."""

# ruff: noqa: D102 -- the members of the fake engine are documented by the protocol

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.maskbench.corpus import Case, Instance
from benchmarks.maskbench.engine import Cursor, RefusedError, SetupCost
from benchmarks.maskbench.figures import covered_ids, figures_of
from benchmarks.maskbench.measure import Outcome, measure_case
from benchmarks.maskbench.report import save_json, table, update_readme
from benchmarks.maskbench.run import EngineRun

COST = SetupCost(kernel_seconds=0.0, vocabulary_seconds=0.5, vocabulary_bytes=1_000_000)
EOS = 40
A, B = 33, 2  # token ids in different words of the mask


class TokenEngine:
    """Accept exactly the token sequence that the schema lists."""

    name, version, cost = "tokens", "1", COST

    def __init__(self) -> None:
        self.mask = np.zeros(2, np.int32)

    def compile(self, schema: Any) -> TokenSchema:
        if schema == "refuse":
            raise RefusedError("no such thing")
        if schema == "slow":
            time.sleep(5)
        return TokenSchema(schema, self.mask)


class TokenSchema:
    def __init__(self, tokens: list[int], mask: Any) -> None:
        self.tokens = tokens
        self.mask = mask

    def memory_bytes(self) -> int | None:
        return 1000

    def cursor(self) -> Cursor:
        rest = list(self.tokens)

        def fill() -> None:
            self.mask[:] = 0
            token = rest[0] if rest else EOS
            self.mask[token >> 5] |= np.int32(1 << (token & 31))

        def advance(token: int) -> bool:
            if rest and rest[0] == token:
                del rest[0]
                return True
            return False

        return Cursor(fill=fill, advance=advance, is_accepting=lambda: not rest)


def case(schema: Any, *instances: tuple[bool, list[int]], name: str = "case") -> Case:
    """Make a case of (is valid, tokens) pairs."""
    return Case(
        id=name,
        schema=schema,
        instances=tuple(Instance(is_valid=valid, token_ids=tuple(tokens)) for valid, tokens in instances),
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (case([A, B], (True, [A, B]), (False, [A]), (False, [B])), Outcome.RIGHT),
        (case([A, B], (True, [A, B]), (False, [A, B])), Outcome.ACCEPTS_INVALID),
        (case([A, B], (True, [A, B]), (True, [A])), Outcome.REJECTS_VALID),
        (case([A, B], (True, [A]), (False, [A, B])), Outcome.ACCEPTS_INVALID),
        (case("refuse", (True, [A])), Outcome.REFUSED),
        (case("slow", (True, [A])), Outcome.TIMEOUT),
    ],
)
def test_measure_case_outcome_is_the_worst_of_its_documents(given: Case, expected: Outcome) -> None:
    """Accepting something invalid weighs more than rejecting something valid."""
    result = measure_case(TokenEngine(), given, eos_token_id=EOS, cap_seconds=0.2)
    assert result.outcome is expected
    assert result.differing == 0


def test_measure_case_times_each_step_once_and_the_first_mask_apart() -> None:
    """The first mask belongs to the compile time; the second pass has every step."""
    given = case([A, B, A], (True, [A, B, A]), (True, [A, B, A]))
    result = measure_case(TokenEngine(), given, eos_token_id=EOS, cap_seconds=5)
    assert (len(result.first), len(result.cold), len(result.warm)) == (2, 5, 6)
    assert result.ttfm > 0
    assert result.memory_bytes == 1000


def test_measure_case_counts_masks_that_disagree_with_advance() -> None:
    """A token that is in the mask and refused, or the other way round, is a fault of the engine."""

    class Liar(TokenEngine):
        def compile(self, schema: Any) -> TokenSchema:
            schema = super().compile(schema)
            honest: Callable[[], Cursor] = schema.cursor
            schema.cursor = lambda: Cursor(  # type: ignore[method-assign]
                fill=honest().fill, advance=lambda _: False, is_accepting=lambda: False
            )
            return schema

    result = measure_case(Liar(), case([A], (True, [A])), eos_token_id=EOS, cap_seconds=5)
    assert result.differing == 2  # in each of the two passes
    assert result.outcome is Outcome.REJECTS_VALID


def make_run(*cases: Case, name: str = "tokens", is_sampled: bool = False) -> EngineRun:
    """Run cases under the token engine."""
    run = EngineRun(name=name, version="1", cost=COST, is_sampled=is_sampled)
    run.results = [measure_case(TokenEngine(), given, eos_token_id=EOS, cap_seconds=5) for given in cases]
    return run


def test_figures_count_and_rank() -> None:
    """Counts are exact, percentiles are those of the recorded times."""
    run = make_run(case([A, B], (True, [A, B]), (False, [A])), case("refuse", (True, [A])))
    run.results[0].warm = [1000, 2000, 3000]
    figures = figures_of(run)
    assert figures["schemas"] == 2
    assert figures["schemas_right"] == 1
    assert figures["schemas_refused"] == 1
    assert figures["schemas_right_percent"] == 50
    assert figures["tbm_warm_p50_us"] == 2
    assert figures["tbm_warm_avg_us"] == 2
    assert figures["schema_p50_bytes"] == 1000


def test_covered_ids_are_compiled_by_every_engine_that_ran_all() -> None:
    """An engine that ran a sample does not shrink the comparison."""
    good, bad = case([A], (True, [A]), name="good"), case("refuse", (True, [A]), name="bad")
    whole = make_run(good, bad)
    assert covered_ids([whole, make_run(good, case([A], (True, [A]), name="bad"))]) == {"good"}
    assert covered_ids([make_run(good), make_run(is_sampled=True)]) == {"good"}


def test_table_and_readme_replace_only_the_section(tmp_path: Path) -> None:
    """What stands outside the markers stays; writing twice changes nothing."""
    text = table({"tokens 1": figures_of(make_run(case([A, B], (True, [A, B]))))})
    assert "| right | 1 (100.0 %) |" in text
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n\n<!-- maskbench:start -->\nold\n<!-- maskbench:end -->\nafter\n", encoding="utf-8")
    update_readme(readme, text)
    once = readme.read_text(encoding="utf-8")
    assert once == f"# Title\n\n<!-- maskbench:start -->\n{text}\n<!-- maskbench:end -->\nafter\n"
    update_readme(readme, text)
    assert readme.read_text(encoding="utf-8") == once


def test_readme_without_markers_gets_the_section_at_its_end(tmp_path: Path) -> None:
    """A README that never had the table keeps all its text."""
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n", encoding="utf-8")
    update_readme(readme, "new")
    assert readme.read_text(encoding="utf-8").startswith("# Title\n\n## Benchmark\n\n<!-- maskbench:start -->\nnew\n")


def test_save_json_maps_names_to_values_with_machine_and_versions(tmp_path: Path) -> None:
    """Every figure has one flat name."""
    path = tmp_path / "figures.json"
    save_json(path, {"tokens": figures_of(make_run(case([A], (True, [A]))))}, {"seed": 0})
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["figures"]["tokens.schemas_right"] == 1
    assert {"processor", "python", "numpy"} <= set(document["machine"])


def test_main_skips_what_is_absent_and_measures_the_rest(tmp_path: Path, data_directory: Path) -> None:
    """The command reads the file, runs llguidance where it is installed, and writes the figures."""
    pytest.importorskip("llguidance")
    from benchmarks.maskbench.__main__ import main

    data = tmp_path / "small.jsonl.gz"
    row = {
        "id": "one",
        "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        "tests": [{"valid": True, "data": {"a": 1}}, {"valid": False, "data": {"a": "x"}}],
    }
    with gzip.open(data, "wt", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")
    out, failures = tmp_path / "out.json", tmp_path / "failures.jsonl"
    ranks = data_directory / "tokenizers" / "llama3.tiktoken"
    arguments = ["--data", str(data), "--tokenizer", str(ranks), "--engines", "llguidance", "--json", str(out)]
    assert main([*arguments, "--failures", str(failures)]) == 0
    figures = json.loads(out.read_text(encoding="utf-8"))["figures"]
    assert figures["llguidance.schemas_right"] == 1
    assert figures["llguidance.tbm_warm_count"] > 5
    assert failures.read_text(encoding="utf-8") == ""


def test_main_names_a_file_that_is_absent(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file ends with code 2 and the cure."""
    from benchmarks.maskbench.__main__ import main

    with pytest.raises(SystemExit) as stop:
        main(["--data", "no/such/file"])
    assert stop.value.code == 2
    assert "no/such/file: no such file; pass --data" in capsys.readouterr().err
