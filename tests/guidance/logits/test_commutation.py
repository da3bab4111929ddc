"""Check which operators commute: why the pipeline has one order, and where it would not matter.

In float64, over 300 random laws of 24 tokens. Operators of other packages stand here as their formulas.
"""

from __future__ import annotations

import pytest
import torch

from guidance.logits import (
    AdaptiveTemperature,
    History,
    MinP,
    RepetitionPenalty,
    Temperature,
    TokenBias,
    TopK,
    TopP,
    Typical,
)

SIZE, NUM_LAWS = 24, 300
GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 2 * torch.randn(NUM_LAWS, 1, SIZE, generator=GENERATOR, dtype=torch.float64)
LEGAL = torch.rand(NUM_LAWS, 1, SIZE, generator=GENERATOR) < 0.4
LEGAL[:, :, 3] = True
GREEN = torch.rand(NUM_LAWS, 1, SIZE, generator=GENERATOR) < 0.25
DELTA = torch.randn(NUM_LAWS, 1, SIZE, generator=GENERATOR, dtype=torch.float64)
SEEN = [[History.of([1, 4, 7, 10, 13])]] * NUM_LAWS
NOTHING = [[None]] * NUM_LAWS


def processor(made, states=NOTHING):
    """Return an operator that applies a processor."""
    return lambda z: made.process(states, z)


OPERATORS = {
    "bias": processor(TokenBias(((2, 1.5), (9, -2.0)))),
    "mask": lambda z: z.masked_fill(~LEGAL, float("-inf")),
    "temp": processor(Temperature(0.6)),
    "experts": lambda z: z + 1.3 * DELTA,
    "cfg": lambda z: torch.log_softmax(z, -1) * 1.5 - 0.5 * torch.log_softmax(DELTA, -1),
    "reppen": processor(RepetitionPenalty(1.4), SEEN),
    "wm": lambda z: z + 2.0 * GREEN,
    "topk": processor(TopK(6)),
    "topp": processor(TopP(0.8)),
    "minp": processor(MinP(0.1)),
    "typical": processor(Typical(0.8)),
    "adapt": processor(AdaptiveTemperature()),
    "renorm": lambda z: torch.log_softmax(z, -1),
}
COMMUTING = {
    "mask": "bias temp experts cfg reppen wm renorm",
    "temp": "mask reppen topk renorm",
    "experts": "bias mask wm renorm",
    "wm": "bias mask experts renorm",
    "reppen": "mask temp",
    "topk": "temp minp renorm",
    "topp": "renorm",
    "minp": "topk renorm",
}
CLASHING = {
    "mask": "topk topp minp typical adapt",
    "temp": "bias experts cfg wm topp minp typical adapt",
    "experts": "reppen topk topp minp typical",
    "wm": "reppen topk topp minp typical",
    "reppen": "topk topp minp typical renorm",
    "topk": "mask topp typical",
    "topp": "mask temp minp typical",
    "minp": "mask temp topp typical",
}


def share_different(one, other):
    """Return the share of laws that the two orders give differently."""
    first = torch.softmax(OPERATORS[other](OPERATORS[one](LOGITS)), -1)
    second = torch.softmax(OPERATORS[one](OPERATORS[other](LOGITS)), -1)
    gaps = (first - second).abs().nan_to_num(nan=1.0).amax(dim=(1, 2))
    return float((gaps > 1e-9).double().mean())


@pytest.mark.parametrize(("one", "other"), [(a, b) for a, names in COMMUTING.items() for b in names.split()])
def test_operators_commute(one, other):
    """Both orders give the same law, to 1e-9."""
    assert share_different(one, other) == 0.0


@pytest.mark.parametrize(("one", "other"), [(a, b) for a, names in CLASHING.items() for b in names.split()])
def test_operators_do_not_commute(one, other):
    """The order matters for some laws, so it must be fixed."""
    assert share_different(one, other) > 0.02


@pytest.mark.parametrize("name", ["mask", "topk", "minp"])
def test_operator_twice_is_once(name):
    """Applying it again changes nothing."""
    once = OPERATORS[name](LOGITS)
    assert torch.equal(OPERATORS[name](once), once)


def test_top_p_twice_is_not_once():
    """The nucleus of a nucleus is smaller."""
    once = OPERATORS["topp"](LOGITS)
    assert not torch.equal(OPERATORS["topp"](once), once)


def test_linear_combinations_of_logits_and_of_log_probabilities_agree():
    """Each log-softmax is a constant per row, whatever the coefficients sum to."""
    raw = LOGITS + 2.0 * (DELTA - LOGITS.roll(1, -1))
    logs = [torch.log_softmax(z, -1) for z in (LOGITS, DELTA, LOGITS.roll(1, -1))]
    combined = logs[0] + 2.0 * (logs[1] - logs[2])
    assert torch.allclose(torch.softmax(raw, -1), torch.softmax(combined, -1), atol=1e-12)


def test_masking_after_truncation_can_leave_nothing():
    """Why the mask comes first: with one token in a hundred legal, most nuclei of 40 hold none."""
    logits = torch.randn(200, 1, 2000, generator=torch.Generator().manual_seed(1))
    legal = torch.rand(200, 1, 2000, generator=torch.Generator().manual_seed(2)) < 0.01
    late = TopK(40).process(NOTHING, logits).masked_fill(~legal, float("-inf"))
    early = TopK(40).process(NOTHING, logits.masked_fill(~legal, float("-inf")))
    assert float(torch.isneginf(late.amax(-1)).double().mean()) > 0.5
    assert torch.isfinite(early.amax(-1)).all()
