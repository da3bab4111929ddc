"""Compare what speculation brings with what the published formula says it would."""

from __future__ import annotations

from statistics import median

import guidance
from benchmarks.decoding.loops import Person, own_loop, prompts_of
from benchmarks.decoding.models import Measured
from guidance.decoding import Decoder

__all__ = ["measure_speculation"]


def measure_speculation(measured: Measured, repeats: int) -> dict[str, float]:
    """Return figures of every kind of draft on the extraction task, one prompt at a time, free and constrained."""
    figures: dict[str, float] = {}
    for draft in ("prompt-lookup", "embedded/draft"):
        for kind, output in (("free", None), ("typed", Person)):
            found = _compare(measured, draft, output, repeats)
            figures |= {f"speculation.{draft}.{kind}.{name}": value for name, value in found.items()}
    return figures


def _compare(measured: Measured, draft: str, output: object, repeats: int) -> dict[str, float]:
    """Return the decode phases' ratio, and means over the prompts of what the metrics report."""
    speculation = guidance.Speculation(draft=draft)
    plain: list[Decoder] = []
    ahead: list[Decoder] = []
    loops = [
        (
            own_loop(measured, [prompt], output, decoders=plain),
            own_loop(measured, [prompt], output, speculate=speculation, decoders=ahead),
        )
        for prompt in prompts_of(8)
    ]
    for _ in range(repeats + 1):
        for without, drafted in loops:
            without()
            drafted()
    shown = [d.clock.speculation for d in ahead[len(loops) :] if d.clock.speculation is not None]
    speedup = _decode_seconds(plain, len(loops)) / _decode_seconds(ahead, len(loops))
    if not shown:
        return {"speedup": speedup}
    predicted = median(f.predicted_speedup for f in shown)
    actual = median(f.actual_speedup for f in shown)
    return {
        "speedup": speedup,
        "acceptance": median(f.acceptance for f in shown),
        "cost_ratio": median(f.cost_ratio for f in shown),
        "num_tokens": median(f.num_tokens for f in shown),
        "predicted_speedup": predicted,
        "actual_speedup": actual,
        "actual_over_predicted": actual / predicted,
    }


def _decode_seconds(decoders: list[Decoder], num_prompts: int) -> float:
    """Return the fastest decode phase of each prompt, summed; the first round warms up."""
    seconds = [decoder.clock.ended - decoder.clock.prefilled for decoder in decoders]
    return sum(min(seconds[k::num_prompts][1:]) for k in range(num_prompts))
