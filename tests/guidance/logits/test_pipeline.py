"""Check the order of stages and the rescue of empty sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from fsm.mask import pack_token_ids
from guidance.logits import Pipeline, Processor, Stage
from guidance.sampling import Sampling


@dataclass(frozen=True)
class Note(Processor):
    """Write its stage into a list that the test owns."""

    stage: ClassVar[Stage] = Stage.PENALTY
    calls: list

    def process(self, states, logits, context=None):
        """Record the call."""
        self.calls.append(self.stage)
        return logits


@dataclass(frozen=True)
class NoteWatermark(Note):
    """The same at the last stage."""

    stage: ClassVar[Stage] = Stage.WATERMARK


@dataclass(frozen=True)
class CountTokens(Processor):
    """Remember how many tokens went by; forbid the token of that number."""

    stage: ClassVar[Stage] = Stage.PENALTY

    def start(self, prompt_ids):
        """Start at zero."""
        return 0

    def advance(self, state, token_id, log_prob):
        """Count one."""
        return state + 1

    def process(self, states, logits, context=None):
        """Forbid one column per row and position."""
        changed = logits.clone()
        for b, row in enumerate(states):
            for p, count in enumerate(row):
                changed[b, p, count] = float("-inf")
        return changed


def draw(pipeline, logits, mask=None, uniform=0.5):
    """Draw one token."""
    return pipeline.draw([pipeline.start([])], logits, mask, uniforms=[uniform]).token_ids[0]


def test_pipeline_orders_stages_whatever_order_they_come_in():
    """A watermark given first still runs after a penalty."""
    calls = []
    pipeline = Pipeline(Sampling(top_p=0.9), [NoteWatermark(calls), Note(calls)])
    draw(pipeline, torch.zeros(1, 8))
    assert calls == [Stage.PENALTY, Stage.WATERMARK]


def test_pipeline_masks_before_it_truncates():
    """Top-k 1 among legal tokens finds one, though the most likely token is illegal."""
    logits = torch.tensor([[5.0, 1.0, 2.0, 0.0]])
    mask = pack_token_ids([1, 3], 4)[None]
    pipeline = Pipeline(Sampling(top_k=2, top_p=0.5))
    assert draw(pipeline, logits, mask) == 1


def test_pipeline_temperature_last_truncates_the_plain_law():
    """At a high temperature, top-p keeps more tokens than when it is applied before."""
    logits = torch.tensor([[0.6, 0.3, 0.06, 0.04]]).log()
    first = Pipeline(Sampling(temperature=4.0, top_p=0.85)).process([[(None, None)]], logits[:, None], None)
    last = Pipeline(Sampling(temperature=4.0, top_p=0.85, temperature_last=True)).process(
        [[(None, None)]], logits[:, None], None
    )
    assert int(torch.isfinite(last.logits).sum()) == 2
    assert int(torch.isfinite(first.logits).sum()) == 4


def test_pipeline_gives_the_same_token_on_few_columns_as_on_all():
    """Gathering the legal columns changes nothing but the work."""
    rng = np.random.default_rng(0)
    pipeline = Pipeline(Sampling(temperature=0.8, top_p=0.9, min_p=0.02))
    for trial in range(50):
        logits = torch.from_numpy(rng.normal(0, 2, (1, 640)).astype(np.float32))
        legal = sorted(rng.choice(640, 30, replace=False).tolist())
        mask = pack_token_ids(legal, 640)[None]
        dense = torch.full_like(logits, float("-inf"))
        dense[0, legal] = logits[0, legal]
        assert draw(pipeline, logits, mask, trial / 50) == draw(pipeline, dense, None, trial / 50)


def test_pipeline_keeps_the_best_legal_token_where_a_stage_leaves_none():
    """A truncation that forbids everything is overruled."""

    @dataclass(frozen=True)
    class Nothing(Processor):
        """Forbid everything."""

        stage: ClassVar[Stage] = Stage.TRUNCATION

        def process(self, states, logits, context=None):
            """Return minus infinity everywhere."""
            return torch.full_like(logits, float("-inf"))

    pipeline = Pipeline(Sampling(), [Nothing()])
    mask = pack_token_ids([0, 2], 4)[None]
    logits = torch.tensor([[1.0, 9.0, 3.0, 0.0]])
    assert draw(pipeline, logits, mask) == 2
    draws = pipeline.draw([pipeline.start([])], logits, mask, uniforms=[0.5])
    assert draws.row(0).is_rescued
    assert not Pipeline(Sampling()).draw([()], logits, mask, uniforms=[0.5]).row(0).is_rescued


def test_pipeline_states_roll_back_by_value():
    """Advancing returns new states and leaves the old ones usable."""
    pipeline = Pipeline(Sampling(temperature=0.0), [CountTokens()])
    start = pipeline.start([])
    after = pipeline.advance(start, 0, 0.0)
    logits = torch.tensor([[3.0, 2.0, 1.0]])
    assert pipeline.draw([start], logits, None, uniforms=[0.0]).token_ids == [1]
    assert pipeline.draw([after], logits, None, uniforms=[0.0]).token_ids == [0]
    assert pipeline.draw([start], logits, None, uniforms=[0.0]).token_ids == [1]


@pytest.mark.parametrize("wants_base", [False, True])
def test_pipeline_reports_base_log_probs_on_request(wants_base):
    """The base law is the model's, before mask and truncation."""
    logits = torch.tensor([[1.0, 2.0, 0.0]])
    pipeline = Pipeline(Sampling(top_k=1, temperature=0.7), [CountTokens()])
    draws = pipeline.draw([pipeline.start([])], logits, None, uniforms=[0.0], wants_base=wants_base)
    expected = [torch.log_softmax(logits[0], -1)[draws.token_ids[0]].item()] if wants_base else []
    assert draws.base_log_probs == pytest.approx(expected)


def test_pipeline_keeps_every_legal_token_where_whole_words_of_the_mask_are_set():
    """A word of 32 allowed tokens is -1 as a signed number; all 32 stay."""
    mask = pack_token_ids(range(32, 64), 1024)[None]
    processor = CountTokens()
    pipeline = Pipeline(Sampling(), [processor])
    law = pipeline.process([[pipeline.start([])]], torch.zeros(1, 1, 1024), mask)
    assert sorted(law.token_ids[0, 0].tolist()) == list(range(32, 64))
