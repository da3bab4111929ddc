"""Check expressions over models against a slow evaluation, and the plans they compile to."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.mask import pack_token_ids
from guidance.logits import Context
from proxy_tuning import BASE, ModelArithmetic, SteeringError, Term, intersection, union
from proxy_tuning.plan import compile_plan
from proxy_tuning.weights import as_weight
from tests.reference.model_arithmetic import log_law

PROMPT = "in the"
WEIGHTS = st.floats(-2, 2).map(lambda value: round(value, 2))


def fading(step):
    """Halve at every step."""
    return 0.5**step


def expressions(leaves):
    """Draw expressions over leaves."""

    def extend(inner):
        pairs = st.tuples(inner, inner)
        return st.one_of(
            pairs.map(lambda pair: pair[0] + pair[1]),
            pairs.map(lambda pair: pair[0] - pair[1]),
            st.tuples(WEIGHTS, inner).map(lambda pair: pair[0] * pair[1]),
            inner.map(lambda part: fading * part),
            pairs.map(lambda pair: union(_law(pair[0]), _law(pair[1]))),
            pairs.map(lambda pair: intersection(_law(pair[0]), _law(pair[1]))),
        )

    return st.recursive(st.sampled_from(leaves), extend, max_leaves=6)


def _law(formula):
    """Return an expression whose weights add up to something, as part of a choice must."""
    return formula + 20.0 * BASE


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_expressions_equal_a_slow_evaluation(base, experts, data):
    """Any expression, at any step, with and without a grammar: the same law to 1e-5."""
    first, second, *_ = experts
    formula = 30.0 * BASE + data.draw(expressions([BASE, Term(first), Term(second), Term(base)]))
    step = data.draw(st.integers(0, 3))
    size = base.vocabulary.size
    legal = sorted(data.draw(st.sets(st.integers(1, size - 1), min_size=2, max_size=size)))
    ids = base.encode(PROMPT)
    logits = base.language_model.prefill([ids])[1]
    bound = ModelArithmetic(law=formula).bind(base)
    context = Context(mask=pack_token_ids(legal, size)[None], companion=bound.open([ids]))
    found = torch.log_softmax(bound.process([[step]], logits, context)[0, 0, legal].double(), -1)

    def own(model):
        return dict(enumerate(model.language_model.prefill([ids])[1][0, 0].tolist()))

    laws = {first: own(first), second: own(second), base: own(base)}
    expected = log_law(formula, laws[base], laws, legal=legal, step=step)
    torch.testing.assert_close(found.tolist(), [expected[v] for v in legal], atol=2e-4, rtol=1e-4)


def test_equal_terms_are_read_once_and_opposite_ones_not_at_all(base, experts):
    """Weights of one law add up before anything runs."""
    first, second, *_ = experts
    plan = compile_plan(BASE + Term(first) + 0.5 * Term(first) - Term(second) + Term(second), base)
    assert len(plan.readers) == 1
    assert plan.blend.readers[0][1].constant == 1.5
    plan = compile_plan(BASE + 2 * Term(base), base)
    assert plan.needs_nothing
    assert plan.blend.base.constant == 3.0


def test_terms_of_one_network_are_rows_and_networks_of_one_shape_a_stack(base, experts, models):
    """One forward pass for each shape: variants of a network are rows of it."""
    first, second, third, _ = experts
    alone = models(8, num_layers=1, name="alone")
    formula = BASE + Term(first) + Term(second) + Term(third) + Term(alone) + Term(alone, prompt="x")
    plan = compile_plan(formula, base)
    assert str(plan) == "expert 2 and expert 3 and expert 4, stacked; alone and alone"
    assert [len(forward.readers) for forward in plan.forwards] == [3, 2]


def test_a_schedule_counts_steps(base, experts):
    """A weight may vary: an expert that fades is the base in the end."""
    formula = BASE + (lambda step: 1.0 if step == 0 else 0.0) * (Term(experts[0]) - BASE)
    method = ModelArithmetic(law=formula).bind(base)
    assert method.is_stateful
    ids = base.encode(PROMPT)
    logits = base.language_model.prefill([ids])[1]
    context = Context(companion=method.open([ids]))
    start = method.start(ids)
    torch.testing.assert_close(method.process([[start]], logits, context), experts[0].language_model.prefill([ids])[1])
    after = method.advance(start, 3, 0.0)
    torch.testing.assert_close(method.process([[after]], logits, context), logits)


def test_union_with_the_base_subtracts_only_where_the_other_is_more_likely(base, experts):
    """``Q1 - w union(Q1, Q2)`` leaves tokens alone, up to a constant, that Q2 does not prefer."""
    ids = base.encode(PROMPT)
    logits = base.language_model.prefill([ids])[1]
    method = ModelArithmetic(law=BASE - 0.9 * union(BASE, Term(experts[0]))).bind(base)
    found = method.process([[0]], logits, Context(companion=method.open([ids])))[0, 0]
    ours = torch.log_softmax(logits[0, 0], -1)
    theirs = torch.log_softmax(experts[0].language_model.prefill([ids])[1][0, 0], -1)
    difference = torch.log_softmax(found, -1) - ours
    spared = difference[ours >= theirs]
    assert float(spared.max() - spared.min()) < 1e-3
    assert (difference[ours < theirs] < spared.min()).all()


def test_weights_that_add_up_to_nothing_are_refused(base, experts):
    """There is no law to draw from; a schedule is refused at the step where it happens."""
    with pytest.raises(SteeringError, match="add up to -1, expected more than 0"):
        compile_plan(BASE - 2 * Term(experts[0]), base, is_normalised=True)
    method = ModelArithmetic(law=BASE - float * Term(experts[0])).bind(base)
    ids = base.encode(PROMPT)
    logits = base.language_model.prefill([ids])[1]
    with pytest.raises(SteeringError, match="at some step"):
        method.process([[1]], logits, Context(companion=method.open([ids])))


def test_what_is_no_law_is_refused(experts):
    """A model must be wrapped; a union needs two."""
    with pytest.raises(SteeringError, match=r"got Model, .*Term\(model\)"):
        BASE + experts[0]
    with pytest.raises(SteeringError, match="union: got 1 laws"):
        union(BASE)
    with pytest.raises(SteeringError, match="finite number"):
        BASE * math.inf


def test_weights_of_schedules_add_and_multiply():
    """Schedules are kept by name until a step is known; opposite ones cancel."""
    weight = as_weight(fading) * 3.0 + as_weight(1.0)
    assert weight.at(0) == 4.0
    assert weight.at(1) == 2.5
    assert (as_weight(fading) + as_weight(fading) * -1.0).is_nothing
