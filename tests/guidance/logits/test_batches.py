"""Check whole generations: with every operator on, a row of a ragged batch is what it is alone."""

from __future__ import annotations

import pytest

import guidance
from grammars import regex
from tests.guidance.logits.test_law import SAMPLERS

PROMPTS = ["hello", "a much longer prompt than the others", "x"]
PENALTIES = guidance.Penalties(
    repetition=1.15,
    frequency=0.2,
    presence=0.1,
    dry=guidance.Dry(),
    logit_bias={70: 0.5, "the": -0.5},
    no_repeat_ngram=4,
    bad_words=["ea", "zz"],
    min_tokens=4,
)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "plain"])
def test_rows_of_a_ragged_batch_equal_their_single_runs(model, name):
    """Tokens are the same, and log-probabilities to the rounding of the network's own arithmetic.

    That rounding may let a token at the edge of a truncated set come or go, which moves the others by its probability.
    """
    n = 1 if name == "greedy" else 2
    sampling = guidance.Sampling(**SAMPLERS[name], seed=9, n=n, penalties=PENALTIES)
    for output in (None, regex('{"a": (true|tan|an), "b": (the|in)+}')):
        together = guidance.generate(model, PROMPTS, output, sampling=sampling, max_tokens=24)
        for prompt, found in zip(PROMPTS, together, strict=True):
            alone = guidance.generate(model, prompt, output, sampling=sampling, max_tokens=24)
            for one, other in zip(*([found, alone] if n > 1 else [[found], [alone]]), strict=True):
                assert one.token_ids == other.token_ids
                assert one.log_probs == pytest.approx(other.log_probs, abs=0.02)
                assert output is not None or "ea" not in one.text
