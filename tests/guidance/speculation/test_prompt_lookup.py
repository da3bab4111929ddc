"""Check what is copied, what is learned from it, and when copying stops."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import guidance
from fsm.mask import pack_token_ids
from guidance.decoding import Decoder, Request
from guidance.logits import Pipeline
from guidance.sampling import GREEDY
from guidance.speculation._lookup_kernels import find_followers_kernel
from guidance.speculation.pace import Costs, expected_tokens, pays, predicted_speedup
from guidance.speculation.trust import NUM_KINDS, Trust, kind_of
from tests.reference.copies import followers

TOKENS = st.integers(0, 3)


@given(
    text=st.lists(TOKENS, max_size=30),
    end=st.lists(TOKENS, min_size=1, max_size=3),
    allowed=st.none() | st.sets(TOKENS),
    count=st.integers(1, 4),
)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_copies_are_found_as_by_the_slow_twin(text, end, allowed, count):
    """Behind the longest suffix first, the last occurrence first, different and legal tokens only."""
    found = np.empty((count, 3), dtype=np.int64)
    mask = np.zeros(1, dtype=np.int32) if allowed is None else pack_token_ids(sorted(allowed), 32)
    tokens = np.array([*text, 9, 9], dtype=np.int64)  # there is room behind the text
    num_found = find_followers_kernel(
        tokens, len(text), np.array(end, dtype=np.int64), len(end), mask, allowed is not None, found
    )
    assert [tuple(row) for row in found[:num_found].tolist()] == followers(text, end, allowed, count)


@pytest.mark.parametrize("acceptance", [0.1, 0.4, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("cost_ratio", [0.01, 0.1, 0.3, 1.0])
def test_stopping_where_one_more_does_not_pay_is_the_best_number(acceptance, cost_ratio):
    """With one chance for all, it stops at the number that the published formula is largest at."""
    count = 0
    while count < 200 and pays(acceptance ** (count + 1), expected_tokens(acceptance, count), cost_ratio, count):
        count += 1
    best = max(range(201), key=lambda number: (predicted_speedup(acceptance, cost_ratio, number), -number))
    assert abs(count - best) <= 1  # two numbers may be as good as each other, to the rounding
    assert predicted_speedup(acceptance, cost_ratio, count) == pytest.approx(
        predicted_speedup(acceptance, cost_ratio, best)
    )


def test_kinds_have_numbers_of_their_own():
    """Every kind of copy is counted by itself."""
    kinds = {
        kind_of(token, suffix=suffix, is_late=is_late, is_own=is_own)
        for token in (b"a", b" ", b",")
        for suffix in range(4)
        for is_late in (False, True)
        for is_own in (False, True)
    }
    assert kinds == set(range(NUM_KINDS))


def test_trust_follows_what_happens():
    """A kind that is always wrong is soon left out, and comes back once it is right."""
    trust = Trust()
    for _ in range(200):
        trust.learn(5, is_right=False)
    assert trust.share(5) < 0.02
    for _ in range(200):
        trust.learn(5, is_right=True)
    assert trust.share(5) > 0.8
    assert trust.share(4) == pytest.approx(2 / 3)


def test_probes_become_rare_where_drafts_never_pay():
    """Each probe in vain doubles the wait for the next one; where drafts pay the wait is short again."""
    costs = Costs()
    waits = []
    for _ in range(4):
        costs.num_steps = costs.next_probe
        assert costs.is_probing
        costs.probe(is_drafting=False)
        waits.append(costs.next_probe - costs.num_steps)
        assert not costs.is_probing
    assert waits == [96, 192, 384, 768]
    costs.probe(is_drafting=True)
    assert costs.next_probe - costs.num_steps == 48


class SteadyCosts(Costs):
    """A draft that costs a tenth of a step, however busy the machine is."""

    def learn(self, step):
        """Count the step and leave its time out."""
        self.num_steps += 1


def test_wrong_copies_are_learned_and_left_out():
    """Over calls, the share of copies that come true rises, and texts stay what they are without drafts."""
    model = guidance.load("embedded")
    speculation = guidance.Speculation(draft="prompt-lookup")
    speculation.costs[id(model), 1] = SteadyCosts(deque([1.0] * 8), deque([0.1] * 8))
    output = model.compile(guidance.template("{name:str} is {age:int}")).compiled
    sentences = ["Ada Lovelace, 36, of London.", "We met Grace Hopper, who is 85.", "Alan Turing is 41 years old."]
    pipeline = Pipeline(GREEDY)
    shares = []
    for _ in range(6):
        drafted = accepted = 0
        for sentence in sentences:
            ids = tuple(model.encode(f"Who is described?\n\n{sentence}"))
            request = Request(prompt_ids=ids, pipeline=pipeline, max_tokens=60, compiled=output)
            texts = []
            for how in (None, speculation):
                decoder = Decoder(model, [request], speculate=how)
                for _ in decoder.run():
                    pass
                texts.append(decoder.rows[0].token_ids)
            assert texts[0] == texts[1]
            drafted += decoder.rows[0].num_drafted
            accepted += decoder.rows[0].num_accepted
        shares.append(accepted / max(drafted, 1))
    assert max(shares[-2:]) > shares[0]
    trust = next(iter(speculation.trust.values()))
    from_prompt = kind_of(b"a", suffix=0, is_late=False, is_own=False)
    from_answer = kind_of(b"a", suffix=1, is_late=False, is_own=True)
    assert trust.share(from_answer) < 0.5 < trust.share(from_prompt)
