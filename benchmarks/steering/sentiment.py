"""Measure DExperts on praise and blame: the embedded writer with a small expert and anti-expert."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.steering.rows import Row, Share
from benchmarks.steering.texts import Sample, draw, load_model, prompts_for
from guidance.embedded.judge import judge_sentiment
from guidance.model import Model
from proxy_tuning import DExperts

__all__ = ["measure"]

SECTION = "sentiment"
ALPHAS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 3.2)
# Both sides alone reach everything at 2 within the nucleus; these settings tell the three apart.
ORDERED = ((0.2, 0.9), (2.0, 1.0))
MOST_PERPLEXITY = 1.6


def measure(num_texts: int) -> Iterator[Row]:
    """Yield the base, the sweep over alpha, and each side alone."""
    writer, positive, negative = (load_model(name) for name in ("writer", "positive", "negative"))
    prompts = prompts_for(num_texts)
    base = draw(writer, prompts)
    base_share = base.share(judge_sentiment, "positive")
    yield Row(section=SECTION, name="base", figures={"positive": base_share, **base.figures})
    before = Share(0, num_texts)
    for alpha in ALPHAS:
        sample = draw(writer, prompts, [DExperts(expert=positive, antiexpert=negative, alpha=alpha)])
        share = sample.share(judge_sentiment, "positive")
        yield _sweep_row(alpha, sample, share, base=base, before=before)
        before = share
    blame = draw(writer, prompts, [DExperts(expert=positive, antiexpert=negative, alpha=-2.0)])
    yield Row(
        section=SECTION,
        name="alpha -2",
        figures={"positive": blame.share(judge_sentiment, "positive"), **blame.figures},
        aim="blame: at most 10 % positive",
        is_reached=blame.share(judge_sentiment, "positive").value <= 0.1,
    )
    for alpha, base_top_p in ORDERED:
        yield from _sides(writer, (positive, negative), prompts, (alpha, base_top_p), base_share)


def _sweep_row(alpha: float, sample: Sample, share: Share, *, base: Sample, before: Share) -> Row:
    ratio = sample.perplexity / base.perplexity
    aim = "not below the smaller alpha's interval"
    is_reached = share.value >= before.interval[0]
    if alpha == 2.0:
        aim = f"at least 90 % at {MOST_PERPLEXITY} x base perplexity, monotone"
        is_reached = is_reached and share.value >= 0.9 and ratio <= MOST_PERPLEXITY
    figures = {"positive": share, **sample.figures, "perplexity_ratio": ratio}
    return Row(section=SECTION, name=f"alpha {alpha:g}", figures=figures, aim=aim, is_reached=is_reached)


def _sides(
    writer: Model, experts: tuple[Model, Model], prompts: list[str], settings: tuple[float, float], base: Share
) -> Iterator[Row]:
    """Yield both sides together and each alone, at one strength and one nucleus."""
    alpha, base_top_p = settings
    positive, negative = experts
    methods = {
        "both": DExperts(expert=positive, antiexpert=negative, alpha=alpha, base_top_p=base_top_p),
        "expert only": DExperts(expert=positive, alpha=alpha, base_top_p=base_top_p),
        "anti-expert only": DExperts(antiexpert=negative, alpha=alpha, base_top_p=base_top_p),
    }
    shares: dict[str, Share] = {}
    for name, method in methods.items():
        sample = draw(writer, prompts, [method])
        shares[name] = sample.share(judge_sentiment, "positive")
        is_ordered = name == "both" or shares["both"].interval[0] > shares[name].value > base.interval[1]
        yield Row(
            section=SECTION,
            name=f"{name}, alpha {alpha:g}, nucleus {base_top_p:g}",
            figures={"positive": shares[name], **sample.figures},
            aim="" if name == "both" else "less than both, more than base",
            is_reached=is_ordered,
        )
