"""Check draws against a slow twin and against the law itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from guidance.logits.sampler import BROKEN, EMPTY, _draw_dense, draw_tokens
from guidance.sampling import uniform
from tests.reference.logits import allowed_columns, draw, law_of


def _draw_by_loop(logits, mask, scales, uniforms, *, wants_base):
    return draw_tokens(logits, mask, scales=scales, uniforms=uniforms, wants_base=wants_base)


PATHS = [_draw_by_loop, _draw_dense]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", [1, 5, 32, 100, 2000])
@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_draws_equal_the_slow_twin(path, size, temperature):
    """The same uniform picks the same token, with the log-probability of the law drawn from."""
    rng = np.random.default_rng(size)
    for trial in range(20):
        logits = torch.from_numpy(rng.normal(0, 3, (1, size)).astype(np.float32))
        mask = rng.integers(-(2**31), 2**31, (1, -(-size // 32)), dtype=np.int64).astype(np.int32)
        columns = allowed_columns(mask[0], size)
        u = uniform(trial, 0, 0)
        scale = 1 / temperature if temperature else 0.0
        draws = path(logits, mask, [scale], [u], wants_base=True)
        if not columns:
            assert draws.token_ids == [EMPTY]
            continue
        row = logits[0].tolist()
        (token,) = draws.token_ids
        assert token == draw(row, columns, temperature=temperature, uniform=u)
        assert draws.log_probs[0] == pytest.approx(math.log(law_of(row, columns, temperature or 1.0)[token]), abs=1e-4)
        whole = law_of(row, list(range(size)), 1.0)
        assert draws.base_log_probs[0] == pytest.approx(math.log(whole[token]), abs=1e-4)


@pytest.mark.parametrize("path", PATHS)
def test_draws_follow_the_law(path):
    """Frequencies over 20,000 draws pass a chi-square test at 0.1 %."""
    logits = torch.tensor([[0.5, -1.0, 2.0, 0.0, 1.0, -2.0, 0.3, 1.5]])
    mask = np.array([[0b11010111]], dtype=np.int32)
    counts = np.zeros(8)
    num_draws = 20_000
    for start in range(0, num_draws, 1000):
        uniforms = [uniform(11, 0, start + i) for i in range(1000)]
        draws = path(
            logits.expand(1000, 8).contiguous(), mask.repeat(1000, 0), [1.0] * 1000, uniforms, wants_base=False
        )
        counts += np.bincount(draws.token_ids, minlength=8)
    law = law_of(logits[0].tolist(), allowed_columns(mask[0], 8), 1.0)
    expected = np.array([law.get(v, 0.0) * num_draws for v in range(8)])
    assert counts[expected == 0].sum() == 0
    legal = expected > 0
    chi_square = ((counts[legal] - expected[legal]) ** 2 / expected[legal]).sum()
    assert chi_square < 20.5  # 0.1 % point at 5 degrees of freedom


@pytest.mark.parametrize("path", PATHS)
def test_draw_reports_broken_logits(path):
    """A logit that is not a number stops its row and no other."""
    logits = torch.tensor([[0.0, float("nan")], [0.0, 1.0]])
    assert path(logits, None, [0.0, 0.0], [0.0, 0.0], wants_base=False).token_ids == [BROKEN, 1]


def test_draw_chooses_among_few_legal_tokens_of_a_large_vocabulary():
    """Both paths agree at a vocabulary of 128,256."""
    size = 128_256
    logits = torch.randn(1, size, generator=torch.Generator().manual_seed(0))
    mask = np.zeros((1, size // 32), dtype=np.int32)
    mask[0, [5, 900, 4000]] = 0b1011
    for scale, u in [(0.0, 0.0), (1.0, 0.3), (0.5, 0.999)]:
        few = draw_tokens(logits, mask, scales=[scale], uniforms=[u])
        dense = _draw_dense(logits, mask, [scale], [u], wants_base=False)
        assert few.token_ids == dense.token_ids
