"""Check the command line: results on stdout, notes on stderr, exit codes, and no traceback for bad input."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import guidance
from guidance.cli import main
from guidance.errors import InputFileError

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "120",
    "PYTHONUTF8": "1",
}
COMMAND = [sys.executable, "-c", "from guidance.cli import main; main()"]
PROMPT = "Who is described?\n\nMara Lindqvist is 36 and lives in Turin."


@dataclass(frozen=True)
class Done:
    """Hold what one command printed, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process, as a shell would."""
    models = {}
    load = guidance.load
    monkeypatch.setattr(guidance, "load", lambda name: models.get(name) or models.setdefault(name, load(name)))

    def run_command(*arguments, text=""):
        monkeypatch.setattr(sys, "argv", ["guidance", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run_command


@pytest.fixture
def schema_file(tmp_path):
    """Write the example's schema."""
    file = tmp_path / "person.json"
    file.write_text((ROOT / "examples" / "person.schema.json").read_text())
    return file


def test_generate_prints_the_text_alone(run, schema_file):
    """Nothing but the result is on stdout, so it can be piped."""
    done = run("generate", PROMPT, "--schema", schema_file)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"name": "Mara Lindqvist", "age": 36, "city": "Turin"}


def test_generate_reads_stdin_and_prints_json(run):
    """The prompt may come through a pipe; --json tells everything."""
    done = run("generate", "--regex", r"\d{1,3}", "--json", text="How old is the person?\n\nMara Lindqvist is 36.\n\n")
    report = json.loads(done.stdout)
    assert (report["text"], report["stop_reason"]) == ("36", report["stop_reason"])
    assert len(report["log_probs"]) == len(report["token_ids"]) == report["metrics"]["num_output_tokens"]


def test_generate_chooses_and_writes_a_file(run, tmp_path):
    """--output gets what stdout would have."""
    file = tmp_path / "out.txt"
    done = run("generate", PROMPT, "--choice", "person", "--choice", "event", "--output", file)
    assert (done.returncode, done.stdout) == (0, "")
    assert file.read_text() in ("person\n", "event\n")


def test_compile_reports_the_cost(run, schema_file):
    """Plain and as JSON."""
    plain, report = run("compile", schema_file), run("compile", "--schema", schema_file, "--json")
    assert plain.returncode == 0, plain.stderr
    assert "first mask ms" in plain.stdout
    cost = json.loads(report.stdout)
    assert cost["first_mask_ms"] >= cost["compile_ms"] >= 0
    assert cost["vocabulary_size"] == 1024
    assert cost["forced_prefix"].startswith("{")
    assert cost["shortest_output_bytes"] > 20
    assert "enforced    #: type" in plain.stdout
    assert cost["report"]["unreachable"] == []


def test_compile_warns_of_what_a_lenient_grammar_leaves_unchecked(run, tmp_path):
    """Refused by default; with ``--lenient`` listed on stderr and in the report."""
    file = tmp_path / "schema.json"
    file.write_text(json.dumps({"properties": {"twice": {"type": "string", "pattern": "^(.)\\1$"}}}))
    plain, report = run("compile", file, "--lenient"), run("compile", file, "--lenient", "--json")
    assert plain.returncode == 0
    assert "json schema at #/properties/twice/pattern: not enforced" in plain.stderr.replace("\n", " ")
    (warning,) = json.loads(report.stdout)["warnings"]
    assert warning.startswith("json schema at #/properties/twice/pattern")


def test_explain_says_what_may_follow_and_why_not(run):
    """Bytes, tokens, the end, and the reason for one token."""
    done = run("explain", "20", "--regex", "[0-9]{4}", "--token", "a")
    assert done.returncode == 0, done.stderr
    first, tokens, end, *why = done.stdout.splitlines()
    assert first == "next bytes: " + " ".join(f"'{digit}'" for digit in range(10))
    assert tokens.startswith("next tokens (")
    assert end == "may end here: no"
    assert why
    report = json.loads(run("explain", "2020", "--regex", "[0-9]{4}", "--json").stdout)
    assert report == {"bytes": [], "tokens": {}, "may_end": True, "why": None}


@pytest.mark.parametrize("command", ["generate", "compile", "explain"])
def test_help_has_an_example(run, command):
    """Every command shows one."""
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"Example: guidance {command}" in done.stdout


BAD_INPUT = {
    "missing schema file": ("generate", "x", "--schema", "no-such-file.json"),
    "schema is not JSON": ("compile", "{broken}"),
    "schema is a number": ("compile", "{number}"),
    "schema with an unknown type": ("compile", "{type}"),
    "two grammars": ("generate", "x", "--regex", "a", "--choice", "b"),
    "no grammar": ("compile",),
    "broken regex": ("compile", "--regex", "a("),
    "unknown model": ("generate", "x", "--model", "embedded/nonsense"),
    "missing model folder": ("generate", "x", "--model", "./no/such/folder"),
    "empty prompt": ("generate", ""),
    "prompt longer than the context": ("generate", "1 " * 3000),
    "negative temperature": ("generate", "x", "--temperature", "-1"),
    "no tokens": ("generate", "x", "--max-tokens", "0"),
    "budget too small": ("generate", "x", "--regex", "a{50}", "--max-tokens", "3"),
    "forbidden prefix": ("explain", "abc", "--regex", r"\d+"),
    "unknown token": ("explain", "1", "--regex", r"\d+", "--token", "no such token"),
    "output folder missing": ("generate", "x", "--regex", "a", "--output", "no/such/folder/file"),
}


@pytest.mark.parametrize("name", sorted(BAD_INPUT))
def test_bad_input_is_one_line_and_exit_code_two(run, name, tmp_path):
    """The line says what was given, what was expected and the cure; no traceback, no result, no file left behind."""
    for file, text in {"broken": '{"type": ', "number": "3", "type": '{"type": "strnig"}'}.items():
        (tmp_path / file).write_text(text)
    before = sorted(tmp_path.iterdir())
    arguments = [
        argument.format(**{p.name: p for p in before}) if argument[:1] == "{" else argument
        for argument in BAD_INPUT[name]
    ]
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("guidance: compiling")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_output_that_is_cut_short_leaves_no_file(run, tmp_path):
    """A result that is none is not written."""
    file = tmp_path / "out.txt"
    done = run("generate", "x", "--regex", "(a|b){2,}c", "--max-tokens", "3", "--output", file)
    assert done.returncode in (0, 2)
    assert file.exists() == (done.returncode == 0)


def test_command_line_starts_as_a_process():
    """The installed entry point prints its help without loading torch."""
    code = """
import sys
sys.argv[1:] = ["--help"]
from guidance.cli import main
try:
    main()
finally:
    print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr
    assert "generate" in done.stdout
    assert done.stdout.endswith("False\n")


@pytest.mark.parametrize("to_file", [False, True])
def test_interrupt_exits_130_and_keeps_what_there_is(run, monkeypatch, tmp_path, to_file):
    """Ctrl-C ends with the text so far on stdout, and leaves no file that looks finished."""
    model = guidance.load("embedded")
    monkeypatch.setattr(guidance, "load", lambda name: model)
    step = model.language_model.decode_step
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return step(*args, **kwargs)

    monkeypatch.setattr(model.language_model, "decode_step", interrupted)
    file = tmp_path / "out.txt"
    done = run("generate", "Count:", "--regex", "([0-9] ){90}", *(["--output", file] if to_file else []))
    assert done.returncode == 130
    assert "interrupted" in done.stderr
    assert re.fullmatch("([0-9] ?)+\n", done.stdout)
    assert not file.exists()


def test_interrupt_before_the_first_token_exits_130(run, monkeypatch):
    """Also while the model is loading."""

    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(guidance, "load", interrupted)
    done = run("generate", "x")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_file_error_is_an_os_error():
    """Callers may catch what they always caught."""
    assert issubclass(InputFileError, OSError)
