"""Check draws against a slow twin and against the law itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.mask import pack_token_ids
from guidance.logits import Pipeline
from guidance.logits._draw_kernels import fill_weights_kernel, find_best_kernel, find_kth_kernel, find_nucleus_kernel
from guidance.logits._kernels import count_bits_kernel
from guidance.logits.sampler import BROKEN, EMPTY, _draw_dense, draw_tokens
from guidance.sampling import Sampling, uniform
from tests.reference.logits import allowed_columns, draw, law_of
from tests.reference.samplers import next_law


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


@pytest.mark.parametrize("size", [1, 2, 31, 64, 65, 600, 5000])
@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.7, "top_p": 0.9},
        {"top_k": 5, "top_p": 0.6},
        {"top_k": 40, "min_p": 0.05, "temperature": 1.5},
        {"temperature": 2.0, "temperature_last": True, "top_k": 9, "top_p": 0.8, "min_p": 0.02},
    ],
)
@pytest.mark.parametrize("ties", [False, True])
def test_truncated_draws_equal_the_slow_twin(size, options, ties):
    """The same uniform picks the same token, with its log-probability, also among ties and under a mask."""
    rng = np.random.default_rng(size)
    pipeline = Pipeline(Sampling(**options))
    for trial in range(12):
        row = rng.normal(0, 2, size).astype(np.float32)
        if ties:
            row = np.round(row)
        legal = (
            None
            if trial % 3 == 0
            else set(rng.choice(size, max(1, size // (2, 12)[trial % 2]), replace=False).tolist())
        )
        mask = None if legal is None else pack_token_ids(sorted(legal), size)[None]
        law, _ = next_law(row.tolist(), pipeline.sampling, legal=legal)
        u = uniform(trial, size, 0)
        draws = pipeline.draw([pipeline.start([])], torch.from_numpy(row)[None], mask, uniforms=[u])
        (token,) = draws.token_ids
        running = np.cumsum(law)
        assert law[token] > 0
        assert running[token] - law[token] - 1e-5 <= u <= running[token] + 1e-5
        assert draws.log_probs[0] == pytest.approx(math.log(law[token]), abs=1e-4)


@pytest.mark.parametrize("u", [0.0, 0.5, 1 - 2.0**-53])
def test_extreme_uniforms_draw_tokens_of_weight(u):
    """Neither end of the unit interval draws what has no probability."""
    logits = torch.full((1, 3000), float("-inf"))
    logits[0, [700, 1500, 2300]] = torch.tensor([0.0, 1.0, -200.0])
    for path in PATHS:
        assert path(logits, None, [1.0], [u], wants_base=False).token_ids[0] in {700, 1500}


@given(st.lists(st.floats(width=32, allow_infinity=False) | st.sampled_from([math.inf, -math.inf]), min_size=1))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_find_best_equals_the_naive_loop(values):
    """The first largest value, -1 where there is none, -2 where one is broken."""
    array = np.array(values, dtype=np.float32)
    expected = int(array.argmax())
    if np.isnan(array).any() or array.max() == math.inf:
        expected = -2
    elif array.max() == -math.inf:
        expected = -1
    assert find_best_kernel(array) == expected
    repeated = np.tile(array, 300)
    assert find_best_kernel(repeated) == expected


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=200), st.integers(1, 60))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_find_kth_equals_sorting(weights, k):
    """The k-th largest weight, by bisection over bit patterns."""
    array = np.array([*weights, 1.0], dtype=np.float32)
    found = find_kth_kernel(array, min(k, array.size), np.empty_like(array))
    assert found == np.sort(array)[::-1][min(k, array.size) - 1]


@pytest.mark.parametrize("size", [1, 2, 63, 64, 1000, 1025, 20_000])
@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("p", [0.001, 0.5, 0.9, 0.999, 1 - 1e-7])
def test_find_nucleus_equals_sorting(size, spread, p):
    """The least weight of the smallest set of largest ones whose sum reaches p; flat, peaked, and with ties."""
    rng = np.random.default_rng(size)
    for has_ties in (False, True):
        logits = rng.normal(0, spread, size)
        logits = np.round(logits) if has_ties else logits
        weights = np.exp(logits - logits.max()).astype(np.float32)
        ordered = np.sort(weights)[::-1].astype(np.float64)
        total = ordered.sum()
        least = find_nucleus_kernel(weights, total, p * total, np.empty_like(weights))
        above, reached = ordered[ordered > least].sum(), ordered[ordered >= least].sum()
        assert above <= p * total * (1 + 1e-6)
        assert reached >= p * total * (1 - 1e-6)


def test_weights_equal_the_exponential():
    """To the rounding of float32, from the largest value to where they vanish."""
    values = np.linspace(-100, 3, 4001, dtype=np.float32)
    weights = np.empty(4001, dtype=np.float32)
    total = fill_weights_kernel(values, np.float32(3), np.float32(0.9), weights)
    exact = np.exp(0.9 * (values.astype(np.float64) - 3))
    assert weights == pytest.approx(exact, rel=1e-5, abs=1e-37)
    assert total == pytest.approx(exact.sum(), rel=1e-6)
    assert weights[-1] == 1.0
    assert weights[0] == 0.0


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=50))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_count_bits_equals_the_naive_loop(words):
    """Every bit of every word counts once."""
    assert count_bits_kernel(np.array(words, dtype=np.int32)) == sum((word & 0xFFFFFFFF).bit_count() for word in words)
