"""The GPU benchmark runs its twins on the CPU, and says so where there is no GPU."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks.gpu.__main__ import main


def test_twins_are_measured_on_the_cpu(tmp_path):
    """Every figure that needs no GPU is there."""
    file = tmp_path / "figures.json"
    arguments = ["--device", "cpu", "--shape", "tiny", "--slots", "64", "--steps", "4", "--repeats", "2"]
    assert main([*arguments, "--batch", "1", "3", "--json", str(file)]) == 0
    figures = json.loads(file.read_text())["figures"]
    assert figures["frozen_states"] > 20
    for batch in (1, 3):
        assert figures[f"batch{batch}.tokens_per_second"] > 0
        share = figures[f"batch{batch}.schema.ms_per_step"] / figures[f"batch{batch}.free.ms_per_step"] - 1
        assert figures[f"batch{batch}.schema_share"] == pytest.approx(share)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_said_plainly(capsys):
    """No figure is made up."""
    assert main([]) == 0
    assert "no CUDA device here: nothing was measured" in capsys.readouterr().out
