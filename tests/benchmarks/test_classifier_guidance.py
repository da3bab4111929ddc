"""Check that the benchmark of classifier guidance runs, at a small size."""

from __future__ import annotations

import json

from benchmarks import classifier_guidance


def test_the_benchmark_measures_costs_strengths_and_documents(monkeypatch, capsys, tmp_path):
    """Every row is printed; the file holds shares with their intervals."""
    networks = classifier_guidance._networks
    monkeypatch.setattr(classifier_guidance, "random_llama", lambda *a, **k: load_small())
    monkeypatch.setattr(classifier_guidance, "NUM_STEPS", 2)
    monkeypatch.setattr(classifier_guidance, "STRENGTHS", {"one pass": (0.0, 4.0)})

    def load_small():
        return classifier_guidance.load_model("sentiment_head").language_model

    assert set(networks()) == {"embedded, 2 layers", "random, 8 layers"}
    file = tmp_path / "figures.json"
    assert classifier_guidance.main(["--texts", "4", "--json", str(file)]) in {0, 1}
    printed = capsys.readouterr().out
    for name in ("cost, random, 8 layers", "one pass, strength 4", "fudge in documents, strength 1"):
        assert f"| {name} |" in printed
    figures = json.loads(file.read_text())["figures"]
    assert figures["classifiers.fudge_in_documents,_strength_1.valid"] == 1.0
    assert "classifiers.one_pass,_strength_4.positive_low" in figures
