"""Check the law of every sampler by exact enumeration: vocabulary 8, length 3, chi-square at N = 20,000.

The expected law is that of ``tests/reference/samplers.py``: plain Python, one rule after the other. Draws are made row
by row with a uniform of (seed, row, step); rows with the same text so far share the call.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

import guidance
from fsm.mask import pack_token_ids
from guidance.logits import Pipeline, draw_tokens
from guidance.sampling import Sampling, uniform
from tests.reference.samplers import next_law
from tests.reference.tiny_world import END, SIZE, TOKENS, Table, make_model

NUM_DRAWS, LENGTH, PROMPT = 20_000, 3, (1, 2, 1)

SAMPLERS = {
    "plain": {},
    "greedy": {"temperature": 0.0},
    "temperature": {"temperature": 0.6},
    "top-k": {"top_k": 3},
    "top-p": {"top_p": 0.8},
    "min-p": {"min_p": 0.15},
    "typical": {"typical_p": 0.7},
    "epsilon": {"epsilon": 0.08},
    "eta": {"eta": 0.2},
    "top-n-sigma": {"top_n_sigma": 1.0},
    "xtc": {"xtc_probability": 0.5, "xtc_threshold": 0.15},
    "mirostat 1": {"mirostat": 1, "mirostat_tau": 1.5},
    "mirostat 2": {"mirostat": 2, "mirostat_tau": 1.5, "mirostat_rate": 0.6},
    "adaptive": {"adaptive_temperature": True, "temperature": 1.3},
    "all": {
        "temperature": 1.4,
        "top_n_sigma": 2.0,
        "top_k": 6,
        "top_p": 0.95,
        "min_p": 0.02,
        "typical_p": 0.97,
        "eta": 0.02,
    },
    "temperature last": {"temperature": 1.7, "temperature_last": True, "top_p": 0.85, "min_p": 0.05},
    "xtc last": {"temperature": 1.6, "temperature_last": True, "xtc_probability": 0.4, "top_k": 7},
}
PENALTIES = guidance.Penalties(
    repetition=1.3,
    frequency=0.4,
    presence=0.2,
    dry=guidance.Dry(multiplier=0.5, allowed_length=1),
    logit_bias={0: 0.5, (1, 2): -0.7},
    no_repeat_ngram=3,
    bad_words=["ab", "fg"],
    suppress_tokens=[4],
    min_tokens=2,
)


def legal_after(tokens):
    """Return what a small made-up grammar allows."""
    last = tokens[-1]
    return {token for token in range(SIZE) if token % 2 == last % 2 or token in {(last + 1) % SIZE, (last + 3) % SIZE}}


@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("name", SAMPLERS)
def test_law_equals_enumeration(name, composed):
    """Alone, and with a mask and every penalty, texts come as often as their probability says."""
    sampling = Sampling(**SAMPLERS[name], seed=11, penalties=PENALTIES if composed else None)
    table = Table(17)
    pipeline = Pipeline(sampling, model=make_model(table))
    expected: dict[tuple, float] = {}
    counts: Counter = Counter()
    frontier = {(): (list(range(NUM_DRAWS)), 1.0, pipeline.start(PROMPT), first_mu(sampling))}
    while frontier:
        longer = {}
        for text, (rows, share, states, mu) in frontier.items():
            logits = table.prefill([[*PROMPT, *text]])[1][0]
            legal = legal_after([*PROMPT, *text]) if composed else None
            law, before = slow(logits[0].tolist(), sampling, legal, text, mu)
            drawn = draw_rows(pipeline, states, logits, legal=legal, rows=rows, step=len(text))
            for token in np.flatnonzero(np.array(law) > 0).tolist():
                after = (*text, token)
                if token == END or len(after) == LENGTH:
                    expected[after] = share * law[token]
                    counts[after] += len(drawn[token][0])
                    continue
                log_prob = drawn[token][1] if drawn[token][0] else 0.0
                moved = pipeline.advance(states, token, log_prob)
                longer[after] = (drawn[token][0], share * law[token], moved, move_mu(sampling, mu, law, before, token))
            assert all(law[token] > 0 for token in drawn if drawn[token][0]), "a token that the law forbids was drawn"
        frontier = {text: entry for text, entry in longer.items() if entry[0]}
    assert sum(counts.values()) == NUM_DRAWS
    assert is_plausible(counts, expected)


def slow(logits, sampling, legal, text, mu):
    """Return the reference's law."""
    return next_law(
        logits,
        sampling,
        legal=legal,
        prompt=PROMPT,
        output=text,
        mu=mu,
        token_bytes=TOKENS,
        ends=(END,),
        protected=(END,),
    )


def draw_rows(pipeline, states, logits, *, legal, rows, step):
    """Return {token: (rows that drew it, log-probability)}; the first rows are drawn by the pipeline as well."""
    mask = None if legal is None else pack_token_ids(sorted(legal), SIZE)[None]
    uniforms = [uniform(pipeline.sampling.seed, row, step) for row in rows]
    law = pipeline.process([[states]], logits[None], mask)
    scale = 0.0 if pipeline.sampling.is_greedy else 1.0
    columns = draw_tokens(
        law.logits[0].expand(len(rows), -1), None, scales=[scale] * len(rows), uniforms=uniforms
    ).token_ids
    some = min(len(rows), 20)
    masks = None if mask is None else mask.repeat(some, axis=0)
    draws = pipeline.draw([states] * some, logits.expand(some, SIZE), masks, uniforms=uniforms[:some])
    tokens = columns if law.token_ids is None else law.token_ids[0, 0][columns].tolist()
    assert draws.token_ids == tokens[:some]
    found = defaultdict(lambda: ([], 0.0))
    for row, column, token in zip(rows, columns, tokens, strict=True):
        if token not in found:
            found[token] = ([], law.log_prob(0, 0, column))
        found[token][0].append(row)
    for token, log_prob in zip(draws.token_ids, draws.log_probs, strict=True):
        if not pipeline.sampling.is_greedy:
            assert log_prob == pytest.approx(found[token][1], abs=1e-5)
    return found


def first_mu(sampling):
    """Return mirostat's first bound."""
    return 2 * sampling.mirostat_tau if sampling.mirostat else None


def move_mu(sampling, mu, law, before, token):
    """Return mirostat's next bound: version 1 looks at the law before truncation."""
    if sampling.mirostat is None:
        return None
    surprise = -math.log2((before if sampling.mirostat == 1 else law)[token])
    return mu - (sampling.mirostat_rate or 1.0) * (surprise - sampling.mirostat_tau)


def is_plausible(counts, expected):
    """Tell whether the chi-square statistic is below its 1e-5 point; rare texts are put together."""
    common = {text: p * NUM_DRAWS for text, p in expected.items() if p * NUM_DRAWS >= 5}
    rest = NUM_DRAWS - sum(common.values())
    terms = [(counts[text] - value) ** 2 / value for text, value in common.items()]
    if rest > 1:
        terms.append((NUM_DRAWS - sum(counts[text] for text in common) - rest) ** 2 / rest)
    freedom = len(terms) - 1
    if freedom == 0:
        return True
    # Wilson and Hilferty: the cube root of chi-square over its degrees of freedom is nearly normal.
    score = ((sum(terms) / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    return score < 4.27
