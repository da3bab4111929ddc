"""Check that the watermark benchmark runs, at a small size, and that its intervals are right."""

from __future__ import annotations

import json

import pytest

from benchmarks import watermarking


def test_watermark_benchmark_prints_costs_and_writes_them(monkeypatch, capsys, tmp_path):
    """Every scheme has a row; the file holds the figures with machine and versions."""
    monkeypatch.setattr(watermarking, "LARGE", 512)
    file = tmp_path / "figures.json"
    assert watermarking.main(["--texts", "0", "--repeats", "3", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert all(f"| {scheme} |" in printed for scheme in watermarking.SCHEMES)
    assert json.loads(file.read_text())["figures"]["selfhash.ms"] > 0


def test_wilson_intervals_hold_the_share():
    """As in Wilson (1927): 9 of 10 lies between .596 and .982."""
    assert watermarking.wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-3)
