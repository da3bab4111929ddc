"""Check that any set of operators leaves a finite, normalised law over legal tokens: the reference's own law."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import guidance
from fsm.mask import pack_token_ids
from guidance.logits import Pipeline
from guidance.sampling import Sampling
from tests.guidance.logits.test_law import PENALTIES, PROMPT, SAMPLERS, first_mu
from tests.reference.samplers import next_law
from tests.reference.tiny_world import END, SIZE, TOKENS, Table, make_model

MODEL = make_model(Table(1))
PARTS = {
    "temperature": st.floats(0.05, 3.0),
    "top_n_sigma": st.floats(0.05, 4.0),
    "top_k": st.integers(2, 10),
    "top_p": st.floats(0.01, 1.0),
    "min_p": st.floats(0.0, 1.0),
    "typical_p": st.floats(0.01, 1.0),
    "epsilon": st.floats(0.0, 1.0),
    "eta": st.floats(0.0, 1.0),
    "xtc_probability": st.floats(0.0, 1.0),
    "xtc_threshold": st.floats(0.0, 1.0),
    "adaptive_temperature": st.booleans(),
    "temperature_last": st.booleans(),
    "penalties": st.builds(
        guidance.Penalties,
        repetition=st.floats(0.2, 3.0),
        frequency=st.floats(-2, 2),
        presence=st.floats(-2, 2),
        dry=st.none() | st.builds(guidance.Dry, allowed_length=st.integers(1, 3), window=st.none() | st.integers(2, 4)),
        logit_bias=st.dictionaries(
            st.integers(0, 3) | st.tuples(st.integers(0, 7), st.integers(0, 7)), st.floats(-3, 3)
        ),
        no_repeat_ngram=st.integers(0, 3),
        bad_words=st.lists(st.sampled_from(["a", "ab", "bcd", "g"]), max_size=2),
        suppress_tokens=st.lists(st.integers(4, 7), max_size=4),
        min_tokens=st.integers(0, 3),
    ),
}
SAMPLINGS = st.fixed_dictionaries({}, optional=PARTS).map(lambda chosen: Sampling(**chosen))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    sampling=SAMPLINGS,
    seed=st.integers(0, 99),
    legal=st.none() | st.sets(st.integers(0, SIZE - 1), min_size=1),
    output=st.lists(st.integers(0, END - 1), max_size=5),
)
def test_any_operators_leave_the_law_of_the_reference(sampling, seed, legal, output):
    """Finite, normalised, legal, and what plain Python computes."""
    pipeline = Pipeline(sampling, model=MODEL)
    states = pipeline.start(PROMPT)
    for token in output:
        states = pipeline.advance(states, token, -1.0)
    logits = 3 * torch.randn(SIZE, generator=torch.Generator().manual_seed(seed))
    mask = None if legal is None else pack_token_ids(sorted(legal), SIZE)[None]
    law = pipeline.process([[states]], logits[None, None], mask)
    found = np.zeros(SIZE)
    columns = range(SIZE) if law.token_ids is None else law.token_ids[0, 0].tolist()
    np.add.at(found, list(columns), torch.softmax(law.logits[0, 0].double(), -1).numpy())
    assert found.sum() == pytest.approx(1)
    assert legal is None or set(np.flatnonzero(found)) <= legal
    expected, _ = next_law(
        logits.tolist(),
        sampling,
        legal=legal,
        prompt=PROMPT,
        output=output,
        token_bytes=TOKENS,
        ends=(END,),
        protected=(END,),
    )
    if is_clear(logits, sampling):
        assert found == pytest.approx(expected, abs=1e-5)


def is_clear(logits, sampling):
    """Tell whether rounding cannot decide which tokens stay: no setting is an edge case by construction."""
    edges = {0.0, 1.0}
    values = {getattr(sampling, name) for name in ("top_p", "typical_p", "min_p", "epsilon", "eta", "xtc_threshold")}
    return not values & edges and bool(torch.isfinite(logits).all())


@pytest.mark.parametrize("name", SAMPLERS)
def test_one_percent_legal_never_leaves_nothing(name):
    """Whatever truncates, a legal token is drawn, and truncation itself never has to be overruled."""
    size, rng = 1000, np.random.default_rng(0)
    pipeline = Pipeline(Sampling(**SAMPLERS[name]))
    for _ in range(20):
        legal = sorted(rng.choice(size, 10, replace=False).tolist())
        logits = torch.from_numpy(rng.normal(0, 3, (1, size)).astype(np.float32))
        draws = pipeline.draw(
            [pipeline.start([])], logits, pack_token_ids(legal, size)[None], uniforms=[float(rng.random())]
        )
        assert draws.token_ids[0] in legal
        assert not draws.row(0).is_rescued
        assert math.isfinite(draws.log_probs[0])


@pytest.mark.parametrize("sampling", [*({"name": name} for name in SAMPLERS), {"penalties": PENALTIES}])
def test_broken_logits_stop_their_own_row(sampling):
    """NaN and infinity in one row give BROKEN there, and what the neighbours draw alone."""
    options = SAMPLERS[sampling["name"]] if "name" in sampling else sampling
    pipeline = Pipeline(Sampling(**options), model=MODEL)
    states = [pipeline.start(PROMPT)] * 3
    logits = torch.randn(3, SIZE, generator=torch.Generator().manual_seed(2))
    alone = pipeline.draw(states[:1], logits[2:], None, uniforms=[0.3])
    logits[0, 2], logits[1, 5] = float("nan"), float("inf")
    draws = pipeline.draw(states, logits, None, uniforms=[0.1, 0.2, 0.3])
    assert draws.token_ids == [-2, -2, alone.token_ids[0]]


@pytest.mark.parametrize("width", [8, 600])
@pytest.mark.parametrize("name", SAMPLERS)
def test_rows_of_a_batch_equal_their_single_draws_bit_for_bit(name, width):
    """Different states, masks and logits beside it change no bit of a row's draw."""
    rng = np.random.default_rng(3)
    pipeline = Pipeline(Sampling(**SAMPLERS[name], penalties=guidance.Penalties(repetition=1.2, presence=0.3)))
    logits = torch.from_numpy(rng.normal(0, 2, (6, width)).astype(np.float32))
    legal = [sorted(rng.choice(width, int(count), replace=False)) for count in rng.integers(1, width // 2, 6)]
    masks = np.stack([pack_token_ids([int(token) for token in tokens], width) for tokens in legal])
    states = [pipeline.start([1, 2, row]) for row in range(6)]
    uniforms = rng.random(6).tolist()
    for mask in (None, masks):
        together = pipeline.draw(states, logits, mask, uniforms=uniforms, wants_base=True)
        for row in range(6):
            chosen = slice(row, row + 1)
            own = None if mask is None else mask[chosen]
            alone = pipeline.draw(states[chosen], logits[chosen], own, uniforms=uniforms[chosen], wants_base=True)
            assert alone.row(0)[:2] == together.row(row)[:2]


@pytest.mark.parametrize("name", SAMPLERS)
def test_states_are_values(name):
    """A path tried and left changes nothing: the same states give the same law, in any order of calls."""
    sampling = Sampling(**SAMPLERS[name], penalties=PENALTIES)
    pipeline = Pipeline(sampling, model=MODEL)
    logits = torch.randn(1, 1, SIZE, generator=torch.Generator().manual_seed(4))
    start = pipeline.advance(pipeline.start(PROMPT), 3, guidance.logits.LogProb(-1.0, untruncated=-1.5))
    before = pipeline.process([[start]], logits, None).logits
    branch = start
    for token in (1, 2, 1, 5):
        branch = pipeline.advance(branch, token, guidance.logits.LogProb(-0.5, untruncated=-0.7))
        pipeline.process([[branch]], logits, None)
    other = pipeline.advance(start, 6, guidance.logits.LogProb(-2.0, untruncated=-2.5))
    pipeline.process([[other]], logits, None)
    assert torch.equal(pipeline.process([[start]], logits, None).logits, before)
    both = pipeline.process([[start, other]], logits.expand(1, 2, SIZE), None).logits
    assert torch.equal(both[:, :1], before)
    assert first_mu(sampling) is None or len(start) > 0
