"""Check what stands between a layer's matrices in steps of fixed shape."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from guidance.transformer import LlamaCausalLM, read_checkpoint
from guidance.transformer.fixed_step import read_fixed
from tests.guidance.transformer.test_llama import FAMILIES, make

# Rows, new tokens, query heads, key heads, head size, slots.
SIZES = [(1, 1, 2, 1, 8, 5), (2, 3, 4, 2, 16, 70), (3, 1, 6, 2, 24, 200), (1, 8, 4, 4, 32, 400)]


def case(sizes):
    """Return what a layer's middle works on; the last row's first tokens are padding where there are several."""
    num_rows, num_new, num_heads, num_kv_heads, size, num_slots = sizes
    random = torch.Generator().manual_seed(num_slots)
    qkv = torch.randn(num_rows, num_new, (num_heads + 2 * num_kv_heads) * size, generator=random)
    angles = torch.randn(num_slots, size // 2, generator=random)
    rotations = torch.polar(torch.ones_like(angles), angles)
    starts = torch.randint(0, num_slots - num_new + 1, (num_rows, 1), generator=random)
    places = starts + torch.arange(num_new)
    places[-1, : num_new - 1] = num_slots
    keys, values = (torch.randn(num_rows, num_kv_heads, num_slots + 1, size, generator=random) for _ in range(2))
    return qkv, rotations, places, keys, values, torch.randn(num_heads + num_kv_heads, 1, size, generator=random)


@pytest.mark.parametrize(("family", "changes"), FAMILIES)
def test_fixed_reads_equal_usual_steps(family, changes, tmp_path):
    """Rows of different lengths that gain different numbers of tokens have the logits of the usual path."""
    make(family, **changes).save_pretrained(tmp_path)
    model = LlamaCausalLM(*read_checkpoint(tmp_path), static_cache=20)
    prompts = [[1, 2, 3, 4, 5], [8, 9]]
    cache, _ = model.prefill(prompts)
    expected, _ = model.prefill(prompts)
    for step in ([[20], [21]], [[23, 24, 25], [26]], [[29], [30, 31]]):
        lengths = [len(line) for line in step]
        padded = torch.tensor([[0] * (3 - len(line)) + line for line in step])
        places = torch.full((2, 3), 20)
        for row, length in enumerate(lengths):
            places[row, 3 - length :] = torch.arange(cache.positions[row], cache.positions[row] + length)
        logits = read_fixed(model, cache, padded, places)
        cache.positions = [position + length for position, length in zip(cache.positions, lengths, strict=True)]
        usual = model.decode_step(expected, padded, lengths)[:, -1]
        torch.testing.assert_close(logits, usual, atol=1e-4, rtol=1e-4)


def test_triton_kernels_equal_their_twins():
    """The checks of ``interpreted_triton.py`` hold; the interpreter must be chosen before Triton is imported."""
    pytest.importorskip("triton")
    checks = Path(__file__).parent / "interpreted_triton.py"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(checks)]
    root = Path(__file__).parents[3]
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(root)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, env=environment)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    assert " passed" in run.stdout
