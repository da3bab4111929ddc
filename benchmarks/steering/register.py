"""Measure proxy-tuning on formal writing: a small tuned pair against the large model tuned itself."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.steering.rows import Row
from benchmarks.steering.texts import draw, load_model, prompts_for
from guidance.embedded.judge import judge_register
from proxy_tuning import BASE, ModelArithmetic, ProxyTuning, Term

__all__ = ["measure"]

SECTION = "register"
LEAST_CLOSED = 0.75


def measure(num_texts: int) -> Iterator[Row]:
    """Yield the base, the tuned models, proxy-tuning at several strengths, and an expression."""
    writer, ceiling = load_model("writer"), load_model("writer_formal")
    tuned, untuned = load_model("small_formal"), load_model("small_writer")
    prompts = prompts_for(num_texts)
    samples = {
        "base": draw(writer, prompts),
        "large model tuned": draw(ceiling, prompts),
        "small model tuned": draw(tuned, prompts),
    }
    shares = {name: sample.share(judge_register, "formal") for name, sample in samples.items()}
    for name, sample in samples.items():
        yield Row(section=SECTION, name=name, figures={"formal": shares[name], **sample.figures})
    gap = shares["large model tuned"].value - shares["base"].value
    methods = {
        **{f"proxy alpha {a:g}": ProxyTuning(tuned=tuned, untuned=untuned, alpha=a) for a in (0.25, 0.5, 1.0, 2.0)},
        "proxy of a service, 5 tokens known": ProxyTuning(tuned=tuned, untuned=untuned, top_k=5),
        "base + 2 tuned": ModelArithmetic(law=BASE + 2.0 * Term(tuned)),
    }
    for name, method in methods.items():
        sample = draw(writer, prompts, [method])
        share = sample.share(judge_register, "formal")
        closed = (share.value - shares["base"].value) / gap
        is_aimed = name == "proxy alpha 1"
        yield Row(
            section=SECTION,
            name=name,
            figures={"formal": share, **sample.figures, "gap_closed": closed},
            aim=f"closes at least {LEAST_CLOSED:.0%} of the gap" if is_aimed else "",
            is_reached=not is_aimed or closed >= LEAST_CLOSED,
        )
