"""Check what watermarks do to logits: one list everywhere, an unchanged law on average, and identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from guidance.logits import Context
from guidance.watermark import Watermark
from guidance.watermark.green_lists import GreenLists
from guidance.watermark.gumbel import _race_on_device
from guidance.watermark.hashing import hash_tensor, hash_tokens
from guidance.watermark.tournament import _run_on_device
from guidance.watermark.windows import read_windows
from tests.reference import watermarks as slow

LISTS = ("lefthash", "selfhash", "minhash", "skipgram")
FREE = ("gumbel", "synthid")
PROMPT = [3, 1, 4, 1, 5, 9, 2, 6]


def processed(watermark, logits, prompt=PROMPT, context=None):
    """Return the processed logits of one position."""
    processor = watermark.processor()
    state = processor.start(prompt)
    given = torch.as_tensor(logits).view(1, 1, -1)
    return processor.process([[state]], given, *([] if context is None else [context]))[0, 0]


@pytest.mark.parametrize("num_seeds", [1, 3])
@pytest.mark.parametrize("size", [0, 1, 31, 1024, 1025])
def test_hashes_are_equal_in_the_loop_in_torch_and_by_the_formula(num_seeds, size):
    """Three ways, one list: what the processor adds on any device is what the detector looks up."""
    rng = np.random.default_rng(size)
    seeds = rng.integers(0, 2**64, (2, num_seeds), dtype=np.uint64)
    loop = hash_tokens(seeds, None, size)
    tensor = hash_tensor(seeds, torch.arange(size)[None])
    assert np.array_equal(loop, tensor.numpy())
    for row in range(2):
        chosen = range(0, size, max(1, size // 20))
        assert [slow.hash_token(seeds[row].tolist(), v) for v in chosen] == [int(loop[row, v]) for v in chosen]


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=9), st.integers(0, 2**64 - 1))
@settings(max_examples=50, deadline=None)
def test_hashes_of_chosen_tokens_are_those_of_the_whole_vocabulary(token_ids, seed):
    """A column's hash depends on its token, not on its place."""
    seeds = np.array([[seed]], dtype=np.uint64)
    found = hash_tokens(seeds, np.array([token_ids]), len(token_ids))[0]
    assert found.tolist() == [slow.hash_token([seed], token) for token in token_ids]


@pytest.mark.parametrize("scheme", LISTS)
def test_green_lists_add_delta_where_the_slow_twin_does(scheme):
    """The fast list is the list of the formula, on the whole vocabulary and on chosen columns."""
    mark = Watermark(key=b"key", scheme=scheme, gamma=0.3, delta=1.5)
    logits = np.random.default_rng(0).normal(size=50).astype(np.float32)
    wanted = slow.add_to_green(mark, PROMPT, dict(enumerate(logits.tolist())))
    assert processed(mark, logits).tolist() == pytest.approx(list(wanted.values()), abs=1e-6)
    columns = torch.tensor([7, 11, 40]).view(1, 1, 3)
    few = processed(mark, logits[[7, 11, 40]], context=Context(token_ids=columns))
    assert few.tolist() == pytest.approx([wanted[7], wanted[11], wanted[40]], abs=1e-6)


@pytest.mark.parametrize("scheme", LISTS)
def test_green_lists_on_a_device_equal_those_of_the_loop(scheme):
    """The path other devices take gives the same bits."""
    processor = GreenLists(Watermark(key=b"key", scheme=scheme))
    states = [[processor.start(PROMPT), processor.start(PROMPT[::-1])], [processor.start([1]), processor.start([])]]
    logits = torch.randn(2, 2, 300)
    seeds, marks = read_windows(processor.watermark, states)
    on_device = processor._add_on_device(logits.view(4, -1), None, seeds, marks)
    assert torch.equal(on_device.view(2, 2, -1), processor.process(states, logits))


@pytest.mark.parametrize("scheme", FREE)
def test_distortion_free_processors_on_a_device_equal_those_of_the_loop(scheme):
    """So do the choice and the tournament."""
    mark = Watermark(key=b"key", scheme=scheme)
    processor = mark.processor()
    states = [[processor.start(PROMPT[place:])] for place in range(5)]
    logits = torch.randn(5, 1, 300)
    seeds, marks = read_windows(mark, states)
    flat = logits.view(5, -1)
    if scheme == "gumbel":
        on_device = _race_on_device(flat, None, seeds, marks)
    else:
        hashes = hash_tensor(seeds, torch.arange(300)[None])
        won = _run_on_device(flat, hashes, mark.depth)
        on_device = torch.where(torch.from_numpy(marks)[:, None], won, flat)
    assert torch.allclose(on_device.view_as(logits), processor.process(states, logits), atol=1e-5)


def test_race_and_tournament_equal_their_slow_twins():
    """The winner and the winners' law are those of the formulas."""
    logits = np.random.default_rng(1).normal(size=40).astype(np.float32)
    mark = Watermark(key=b"key", scheme="gumbel")
    left = processed(mark, logits)
    assert int(left.argmax()) == slow.race(mark, PROMPT, dict(enumerate(logits.tolist())))
    assert int(torch.isfinite(left).sum()) == 1
    mark = Watermark(key=b"key", scheme="synthid", depth=20)
    law = torch.softmax(torch.tensor(logits).double(), dim=0)
    wanted = slow.tournament(mark, PROMPT, dict(enumerate(law.tolist())))
    assert torch.softmax(processed(mark, logits).double(), 0).tolist() == pytest.approx(list(wanted.values()), abs=1e-6)


@pytest.mark.parametrize("scheme", FREE)
def test_distortion_free_schemes_keep_the_law_on_average_over_keys(scheme):
    """Averaged over keys, the chosen law is p, within four standard errors (A13)."""
    law = torch.tensor([0.5, 0.25, 0.15, 0.07, 0.03])
    total, squares, num_keys = torch.zeros(5), torch.zeros(5), 3000
    for number in range(num_keys):
        mark = Watermark(key=number.to_bytes(4, "big"), scheme=scheme, depth=8)
        found = torch.softmax(processed(mark, law.log()), dim=0)
        total, squares = total + found, squares + found**2
    mean = total / num_keys
    error = ((squares / num_keys - mean**2) / num_keys).sqrt()
    assert ((mean - law).abs() < 4 * error).all()


@pytest.mark.parametrize("scheme", FREE)
def test_distortion_free_schemes_leave_a_repeated_context_alone(scheme):
    """The second time a context comes, the law stays as it is: no loops."""
    mark = Watermark(key=b"key", scheme=scheme, context_size=2)
    processor = mark.processor()
    state, logits = processor.start([1, 2]), torch.randn(1, 1, 9)
    assert not torch.equal(processor.process([[state]], logits), logits)
    for token in (7, 1, 2):
        state = processor.advance(state, token, 0.0)
    assert torch.equal(processor.process([[state]], logits), logits)


@pytest.mark.parametrize("scheme", [*LISTS, *FREE])
def test_watermarks_do_not_depend_on_the_batch(scheme):
    """Each row and position of a batch has the law it has alone (A7, A11)."""
    processor = Watermark(key=b"key", scheme=scheme).processor()
    prompts = [PROMPT, PROMPT[2:], [], [8], PROMPT[::-1], [0] * 9]
    states = [[processor.start(prompts[2 * row + place]) for place in range(2)] for row in range(3)]
    logits = torch.randn(3, 2, 70)
    together = processor.process(states, logits)
    for row in range(3):
        for place in range(2):
            alone = processor.process([[states[row][place]]], logits[row : row + 1, place : place + 1])
            assert torch.equal(alone[0, 0], together[row, place])


@pytest.mark.parametrize("scheme", [*LISTS, *FREE])
def test_states_are_values(scheme):
    """Advancing leaves the old state as it was, and a state depends on tokens only (A10)."""
    processor = Watermark(key=b"key", scheme=scheme).processor()
    first = processor.start(PROMPT)
    second = processor.advance(first, 7, -1.0)
    processor.advance(second, 8, -1.0)
    assert first == processor.start(PROMPT)
    assert second == processor.advance(processor.start(PROMPT), 7, -9.0)


@pytest.mark.parametrize("scheme", [*LISTS, *FREE])
def test_watermarks_keep_the_support(scheme):
    """What truncation and mask took out stays out."""
    logits = torch.randn(60)
    logits[::3] = -math.inf
    found = processed(Watermark(key=b"key", scheme=scheme), logits.numpy())
    assert torch.isneginf(found[::3]).all()
    assert torch.isfinite(found).any()


def test_delta_zero_is_the_identity_and_infinite_delta_forbids_red():
    """The two ends of the strength: nothing, and a hard list that never empties a law."""
    processor = Watermark(key=b"key", delta=0.0).processor()
    logits = torch.randn(1, 1, 64)
    assert processor.process([[processor.start(PROMPT)]], logits) is logits
    hard = Watermark(key=b"key", scheme="lefthash", delta=math.inf)
    found = processed(hard, logits[0, 0].numpy())
    green = [slow.is_green(hard, PROMPT, v) for v in range(64)]
    assert torch.isfinite(found).tolist() == green
    alone = logits[0, 0].clone()
    alone[[v for v in range(64) if green[v]]] = -math.inf
    assert torch.equal(processed(hard, alone.numpy()), alone)


def test_lists_have_their_share_and_differ_between_contexts():
    """A quarter of the tokens is green; two contexts share a sixteenth."""
    size, gamma = 20_000, 0.25
    seeds = np.random.default_rng(5).integers(0, 2**64, (20, 1), dtype=np.uint64)
    green = hash_tokens(seeds, None, size) < round(gamma * 2**32)
    deviation = math.sqrt(gamma * (1 - gamma) / green.size)
    assert abs(green.mean() - gamma) < 4 * deviation
    both = (green[:10] & green[10:]).mean()
    assert abs(both - gamma**2) < 4 * math.sqrt(gamma**2 / (10 * size))
