"""Check that what speculation is said to bring is the published formula of what was measured."""

from __future__ import annotations

import pytest

from guidance.decoding.proposal import Step
from guidance.speculation import expected_tokens, predicted_speedup
from guidance.speculation.pace import Costs, Pace


def pace_of(*steps: Step) -> Pace:
    """Return the pace of these steps, after steps without drafts that took one second each."""
    pace = Pace(Costs())
    for _ in range(8):
        pace.learn(Step(seconds=1.0, drafted=[0], drawn=[1], has_ended=[False]))
    for step in steps:
        pace.learn(step)
    return pace


def test_steps_alike_give_the_formula():
    """With one number of drafts in every step the prediction is the formula, and so is a faithful outcome."""
    pace = pace_of(
        *(Step(seconds=1.5, drafted=[2], drawn=[drawn], has_ended=[False]) for drawn in (1, 3, 2, 3, 1, 3, 1, 2))
    )
    pace.examine(num_accepted=8, num_rejected=4)
    figures = pace.figures()
    assert figures.acceptance == pytest.approx(2 / 3)
    assert figures.cost_ratio == pytest.approx(0.25)
    assert figures.num_tokens == 2
    assert figures.predicted_speedup == pytest.approx(predicted_speedup(2 / 3, 0.25, 2))
    assert figures.actual_speedup == pytest.approx(2 / 1.5)


def test_each_step_has_its_own_number_of_drafts():
    """A long and a short step are expected to draw what each of them would, not twice what their mean would."""
    pace = pace_of(
        Step(seconds=3.0, drafted=[8], drawn=[2], has_ended=[False]),
        Step(seconds=1.0, drafted=[0], drawn=[1], has_ended=[False]),
        Step(seconds=1.5, drafted=[2], drawn=[2], has_ended=[False]),
    )
    pace.examine(num_accepted=2, num_rejected=2)
    expected = expected_tokens(0.5, 8) + expected_tokens(0.5, 2)
    assert pace.figures().predicted_speedup == pytest.approx(expected / 4.5)
    assert pace.figures().predicted_speedup < predicted_speedup(0.5, 0.25, 5)


def test_no_text_is_expected_to_go_on_after_its_end():
    """Where the last of four drafts ends the text, four tokens are drawn and four were to be expected."""
    for drawn in (1, 2, 4, 5):
        pace = pace_of(Step(seconds=2.0, drafted=[4], drawn=[drawn], has_ended=[True]))
        pace.examine(num_accepted=drawn, num_rejected=0)
        assert pace.figures().predicted_speedup == pytest.approx(pace.figures().actual_speedup)
        assert pace.figures().actual_speedup == pytest.approx(drawn / 2)


def test_rows_of_a_batch_count_alike():
    """Two rows that draw three and one tokens draw as fast as one that draws two."""
    pace = pace_of(Step(seconds=2.0, drafted=[4, 0], drawn=[3, 1], has_ended=[False, False]))
    pace.examine(num_accepted=2, num_rejected=1)
    figures = pace.figures()
    assert (figures.num_tokens, figures.cost_ratio) == (2.0, pytest.approx(0.5))
    assert figures.actual_speedup == pytest.approx(1.0)
    assert figures.predicted_speedup == pytest.approx((expected_tokens(2 / 3, 4) + 1) / 4)


def test_acceptance_is_remembered_and_forgotten():
    """A later batch begins with what earlier ones found, and other texts soon change it."""
    costs = Costs()
    assert costs.acceptance == pytest.approx(2 / 3)
    for _ in range(50):
        Pace(costs).examine(num_accepted=4, num_rejected=0)
    assert costs.acceptance > 0.95
    for _ in range(50):
        Pace(costs).examine(num_accepted=0, num_rejected=4)
    assert costs.acceptance < 0.2
