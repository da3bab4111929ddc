"""Check draws on the device: torch against the compiled loops, and Triton's kernels, interpreted, against torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fsm.mask import num_mask_words
from guidance.logits.device_draw import apply_packed_masks, draw_on_device
from guidance.logits.mask import apply_token_bitmask_inplace
from guidance.logits.sampler import Limits, draw_tokens

SIZES = [1, 31, 64, 100, 5000]
SCALES = [0.0, 0.5, 1.0, 4.0]
LIMITS = [
    Limits(),
    Limits(top_k=3),
    Limits(top_p=0.7),
    Limits(min_p=0.2),
    Limits(top_k=20, top_p=0.9, min_p=0.01),
    Limits(top_p=0.6, at_temperature_one=True),
]


def case(size, seed=0, num_rows=12):
    """Return logits with ties, masks of which some leave one token, the rows' masks, scales and random numbers."""
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(0, 3, (num_rows, size)).astype(np.float32).round(1))
    masks = random.integers(-(1 << 31), 1 << 31, (5, num_mask_words(size)), dtype=np.int64).astype(np.int32)
    masks[0] = -1
    masks[1] = 0
    masks[:, 0] |= 1 if size == 1 else 1 << int(random.integers(min(size, 31)))
    states = torch.from_numpy(random.integers(0, 5, num_rows))
    scales = torch.tensor([SCALES[i % 4] for i in range(num_rows)])
    uniforms = torch.from_numpy(random.random(num_rows))
    return logits, torch.from_numpy(masks), states, scales, uniforms


def broken_case():
    """Return rows without a law, and one that has one."""
    logits = torch.zeros(4, 40)
    logits[1, 3], logits[2, 5], logits[3, 7] = float("nan"), float("inf"), 2.0
    masks = torch.tensor([[0, 0], [-1, 255]], dtype=torch.int32)
    return logits, masks, torch.tensor([0, 1, 1, 1]), torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.zeros(4).double()


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("masked", [False, True])
def test_torch_draws_what_the_compiled_loops_draw(limits, size, masked):
    """Tokens are equal and log-probabilities agree, greedy and sampled, with ties and whatever is truncated."""
    logits, masks, states, scales, uniforms = case(size)
    draws = draw_on_device(logits, masks if masked else None, states, scales=scales, uniforms=uniforms, limits=limits)
    expected = draw_tokens(
        logits,
        masks[states].numpy() if masked else None,
        scales=scales.tolist(),
        uniforms=uniforms.tolist(),
        limits=limits,
    )
    assert draws.token_ids.tolist() == expected.token_ids
    assert draws.log_probs.tolist() == pytest.approx(expected.log_probs, abs=1e-5)
    assert not draws.is_broken.any()


@pytest.mark.parametrize("size", [70, 1300])
def test_packed_masks_are_applied_as_on_the_host(size):
    """The same logits are left, also where the mask has fewer words than the logits need."""
    logits, masks, states, _, _ = case(size)
    for words in (masks.shape[1], masks.shape[1] - 1):
        narrow = masks[:, :words].contiguous()
        expected = logits.clone()
        apply_token_bitmask_inplace(expected, narrow[states].numpy())
        assert torch.equal(apply_packed_masks(logits, narrow, states), expected)


def test_rows_without_a_law_are_told():
    """No token allowed, a logit that is not a number, an infinite one; the row beside them is drawn."""
    logits, masks, states, scales, uniforms = broken_case()
    draws = draw_on_device(logits, masks, states, scales=scales, uniforms=uniforms)
    assert draws.is_broken.tolist() == [True, True, True, False]
    assert draws.token_ids[3] == 7


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
