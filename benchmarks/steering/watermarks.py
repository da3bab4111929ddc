"""Lay out what ``benchmarks.watermarking`` measures as rows beside the other ways to steer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.steering.rows import Row, Share
from benchmarks.watermarking import SCHEMES, measure_costs, measure_detection

__all__ = ["measure"]

SECTION = "watermarks"
MOST_OF_A_STEP, LEAST_FOUND = 0.03, 0.95
MARKED_TEXTS, UNMARKED_TEXTS, REPEATS = 200, 2000, 100


def measure(num_texts: int) -> Iterator[Row]:
    """Yield each scheme's cost and detection, then how unmarked texts score."""
    num_marked = min(num_texts, MARKED_TEXTS)
    figures = measure_costs(REPEATS) | measure_detection(num_marked)
    for scheme in SCHEMES:
        own = {name.removeprefix(f"{scheme}."): v for name, v in figures.items() if name.startswith(f"{scheme}.")}
        yield _cost_row(scheme, own)
        yield _detection_row(scheme, own, num_marked)
    distance, limit = figures["null.ks_distance"], figures["null.ks_five_percent_point"]
    alarms = Share(round(UNMARKED_TEXTS * figures["null.false_positives_at_1_percent"]), UNMARKED_TEXTS)
    yield Row(
        section=SECTION,
        name="unmarked texts",
        figures={"ks_distance": distance, "ks_five_percent_point": limit, "false_positives_at_1_percent": alarms},
        aim="uniform p-values, 1 % false alarms at 1 %",
        is_reached=distance < limit and alarms.interval[0] <= 0.01 <= alarms.interval[1],
    )


def _cost_row(scheme: str, own: Mapping[str, float]) -> Row:
    foreign = {"transformers_ms": own["transformers_ms"]} if "transformers_ms" in own else {}
    return Row(
        section=SECTION,
        name=f"{scheme}, cost at 128,256 tokens",
        figures={"ms": own["ms"], "share_of_step": own["share"], **foreign},
        aim=f"at most {MOST_OF_A_STEP:.0%} of a step",
        is_reached=own["share"] <= MOST_OF_A_STEP,
    )


def _detection_row(scheme: str, own: Mapping[str, float], num_marked: int) -> Row:
    found = Share(round(num_marked * own["true_positives"]), num_marked)
    names = ("mean_z", "true_positives_edited", "spike_entropy", "green", "green_edited", "green_edited_predicted")
    return Row(
        section=SECTION,
        name=f"{scheme}, 200 tokens",
        figures={"true_positives": found, **{name: own[name] for name in names if name in own}},
        aim=f"at least {LEAST_FOUND:.0%} found",
        is_reached=found.value >= LEAST_FOUND,
    )
