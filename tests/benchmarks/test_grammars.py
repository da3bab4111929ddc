"""The benchmark of grammars runs every kind through our engine, and its bar can be missed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.grammars import least, main, misses

DATA = Path(os.environ.get("GUIDANCE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
TOKENIZER = DATA / "tokenizers" / "llama3.tiktoken"


@pytest.mark.skipif(not TOKENIZER.is_file(), reason="the Llama-3 vocabulary is not at hand; set GUIDANCE_TEST_DATA")
def test_grammars_are_measured(tmp_path):
    """A small run writes its figures, and our engine accepts every text."""
    path = tmp_path / "figures.json"
    assert main(["--engines", "ours", "--only", "date", "--runs", "1", "--json", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert "ours.date.cold_us" in text
    assert "ours.date_time.first_us" in text


def test_the_bar_can_be_missed():
    """Every way to miss the bar is told."""
    good = {"first_us": 1.0, "cold_us": 1.0, "warm_us": 1.0}
    slow = {"first_us": 9000.0, "cold_us": 9.0, "warm_us": 0.9}
    fast = {"first_us": 1.0, "cold_us": 1.0, "warm_us": 0.1}
    assert len(misses({"ours": {"x": slow}, "llguidance": {"x": good}})) == 3
    assert misses({"ours": {"x": fast}, "llguidance": {"x": good}}) == []
    assert misses({"ours": {"x": {}}, "llguidance": {"x": good}}) == ["x: refused"]


def test_the_least_is_taken_of_each_figure_alone():
    """A row that one run lacks is that of the others; one that all lack stays without figures."""
    runs = [{"ours": {"x": {"cold_us": value}, "y": {}}} for value in (3.0, 1.0, 9.0)]
    runs.append({"ours": {"x": {}, "y": {}}})
    assert least(runs) == {"ours": {"x": {"cold_us": 1.0}, "y": {}}}
