"""Check the report on steering: its intervals, its figures' names, and a small run of a real section."""

from __future__ import annotations

import json

import pytest

from benchmarks.steering import __main__ as report
from benchmarks.steering import documents
from benchmarks.steering.rows import Row, Share, to_figures, to_table


@pytest.mark.parametrize(("count", "total"), [(1, 10), (90, 100), (500, 1000), (0, 7), (7, 7)])
def test_interval_is_wilsons(count, total):
    """Each end solves (share - p)^2 = z^2 p (1 - p) / n, the definition of the score interval."""
    share = Share(count, total)
    low, high = share.interval
    assert low <= share.value <= high
    for end in (low, high):
        if 0 < end < 1:
            assert (share.value - end) ** 2 == pytest.approx(1.96**2 * end * (1 - end) / total, abs=1e-12)


def test_figures_are_named_by_section_row_and_figure(tmp_path, monkeypatch, capsys):
    """Shares come with their interval; an aim that was missed is named."""
    rows = [
        Row(section="toy", name="a row", figures={"share": Share(1, 2), "cost": 3.0}, aim="less", is_reached=False),
        Row(section="toy", name="other", figures={"cost": 2.0}),
    ]
    monkeypatch.setattr(report, "SECTIONS", {"toy": lambda num_texts: iter(rows)})
    place = tmp_path / "figures.json"
    assert report.main(["--json", str(place)]) == 0
    document = json.loads(place.read_text(encoding="utf-8"))
    assert document["figures"] == to_figures(rows)
    assert document["figures"]["toy.a_row.share"] == 0.5
    assert document["figures"]["toy.other.cost"] == 2.0
    assert document["figures"]["toy.a_row.is_reached"] == 0.0
    printed = capsys.readouterr().out
    assert "missed:\ntoy, a row: less" in printed
    assert to_table(rows) in printed


def test_documents_are_valid_and_steered():
    """The section on JSON, with a few texts: every document valid, most of the effect kept."""
    rows = {row.name: row for row in documents.measure(8)}
    assert set(rows) == {"experts: base", "experts: steered", "proxy: base", "proxy: steered"}
    for row in rows.values():
        assert row.figures["valid"].value == 1.0
    assert rows["experts: steered"].figures["positive"].value > rows["experts: base"].figures["positive"].value
    assert rows["proxy: steered"].figures["formal"].value > 0.8
