"""Check ``guidance steer``: texts and tables on stdout, pictures in files, one line for what cannot work."""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points

import pytest

import guidance
from guidance.cli import main
from guidance.embedded.judge import judge_sentiment
from proxy_tuning import picture

PROMPT = "Write about the lamp.\n\n"
EXPERTS = ("--expert", "embedded/positive", "--anti-expert", "embedded/negative")


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process; return the exit code, stdout and stderr."""
    if "steer" not in {entry.name for entry in entry_points(group="guidance.commands")}:
        pytest.skip("the installed distribution is older than its commands: run make test")
    models = {}
    load = guidance.load
    monkeypatch.setattr(guidance, "load", lambda name: models.get(name) or models.setdefault(name, load(name)))

    def run_command(*arguments):
        monkeypatch.setattr(sys, "argv", ["guidance", "steer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run_command


def test_steer_prints_a_steered_text(run):
    """Praise by default, blame with a negative strength."""
    for alpha, sentiment in ((2, "positive"), (-2, "negative")):
        code, out, _ = run(PROMPT, *EXPERTS, "--alpha", alpha, "--seed", 3, "--max-tokens", 100)
        assert code == 0
        assert judge_sentiment(out) == sentiment


def test_steer_keeps_a_grammar(run):
    """A constrained text is whole, and a cut one an error."""
    code, out, _ = run(
        PROMPT, *EXPERTS, "--choice", "i hate the lamp", "--choice", "i love the lamp", "--base-top-p", 1, "--json"
    )
    assert code == 0
    assert json.loads(out)["text"] == "i love the lamp"


def test_sweep_prints_a_table_and_draws_a_picture(run, tmp_path):
    """One line for each strength; the picture is an SVG that names the model."""
    place = tmp_path / "sweep.svg"
    code, out, _ = run(PROMPT, *EXPERTS, "--sweep", "0,2", "--texts", 12, "--max-tokens", 80, "--picture", place)
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["alpha", "0", "2"]
    assert float(lines[2].split()[1]) > 90
    assert place.read_text(encoding="utf-8").startswith("<?xml")


def test_sweep_as_json_names_every_figure(run):
    """The figures by name, with an example of each strength."""
    code, out, _ = run(PROMPT, *EXPERTS, "--sweep", "1", "--texts", 4, "--max-tokens", 30, "--judge", "lamp", "--json")
    assert code == 0
    (point,) = json.loads(out)
    assert set(point) == {"strength", "rate", "perplexity", "distinct_1", "distinct_2", "example"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "got no expert and no antiexpert"),
        ((*EXPERTS, "--sweep", "0;1"), "expected numbers with commas"),
        ((*EXPERTS, "--sweep", "0", "--judge", "("), "judge: got '('"),
        ((*EXPERTS, "--sweep", "0", "--picture", "missing/x.svg"), "no folder missing"),
        (("--expert", "embedded/base"), "embedded/base: got a vocabulary that differs"),
        ((*EXPERTS, "--base-top-p", "2"), "base_top_p"),
    ],
)
def test_what_cannot_work_is_one_line(run, arguments, message):
    """Exit code 2 and the cure, before any text."""
    code, out, err = run(PROMPT, *arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_a_picture_without_its_library_names_the_extra(run, monkeypatch, tmp_path):
    """The message says what to install, before the texts are drawn."""
    monkeypatch.setattr(picture, "find_spec", lambda name: None)
    code, _, err = run(PROMPT, *EXPERTS, "--sweep", "0,1", "--picture", tmp_path / "x.svg")
    assert code == 2
    assert "constrained-guidance[pictures]" in err
