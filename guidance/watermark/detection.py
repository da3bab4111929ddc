"""Detect a watermark: score the tokens, and say how rare that score is in unmarked text.

Detection needs the text, the vocabulary and the watermark; no model, and no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fsm import Vocabulary
from guidance.errors import WatermarkError
from guidance.watermark.forced import find_forced
from guidance.watermark.foreign import TransformersWatermark, score_foreign
from guidance.watermark.retokenising import TextReader, as_token_ids, as_vocabulary
from guidance.watermark.scoring import Scores, depth_weights, score_tokens
from guidance.watermark.settings import Watermark
from guidance.watermark.tails import binomial_tail, gamma_tail, normal_tail
from guidance.watermark.verdict import Verdict, Window

if TYPE_CHECKING:
    from guidance.model import Model

__all__ = ["detect_watermark"]

_SMALLEST_WINDOW = 16
_WINDOW_GROWTH = 1.25


def detect_watermark(
    text: str | Sequence[int],
    vocabulary: Vocabulary | TextReader,
    watermark: Watermark | TransformersWatermark,
    *,
    prompt: str | Sequence[int] = (),
    output: Any = None,
    model: Model | None = None,
    false_positive_rate: float = 1e-3,
) -> Verdict:
    """Say whether a text bears a watermark.

    Parameters
    ----------
    text : the generated text or, better, its token ids.
    vocabulary : of the model that is said to have written it; a `guidance.Model` reads texts with its own tokenizer.
    watermark : what it would be marked with.
    prompt : what stood before the text, where known: it is context of the first tokens and is not scored.
    output : the type or grammar it was generated under; tokens it leaves no choice about are not scored.
    model : weigh tokens by how much choice this model saw there (spike entropy; Lu et al. 2024, arXiv 2403.13485).
    false_positive_rate : the share of unmarked texts that may be called marked.

    Raises
    ------
    WatermarkError : for a rate outside (0, 1), ids outside the vocabulary, or weights that do not fit the scheme.

    Examples
    --------
    >>> from fsm import Vocabulary
    >>> letters = Vocabulary([bytes([byte]) for byte in range(256)])
    >>> detect_watermark("an ordinary sentence", letters, Watermark(key=b"secret")).is_watermarked
    False
    """
    if not 0.0 < false_positive_rate < 1.0:
        raise WatermarkError(
            f"detect_watermark: got false_positive_rate={false_positive_rate!r}, expected a share between 0 and 1; "
            "0.001 calls one unmarked text in a thousand marked"
        )
    token_ids = as_token_ids(text, vocabulary)
    before = as_token_ids(prompt, vocabulary)
    forced = None if output is None else find_forced(token_ids, as_vocabulary(vocabulary), output)
    whole = [*before, *token_ids]
    if isinstance(watermark, TransformersWatermark):
        scores = score_foreign(watermark, whole, start=len(before), forced=forced)
    else:
        scores = score_tokens(watermark, whole, start=len(before), forced=forced)
    weights = None if model is None else _weights(watermark, model, before, token_ids, output)
    return _judge(watermark, token_ids, scores, weights, forced=forced, rate=false_positive_rate)


def _weights(
    watermark: Watermark | TransformersWatermark,
    model: Model,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    output: Any,
) -> NDArray[np.float64]:
    if watermark.is_distortion_free:
        raise WatermarkError(
            f"detect_watermark: got a model to weigh tokens of the scheme {watermark.scheme!r}, expected a red and "
            "green list; leave model out"
        )
    from guidance.watermark.entropy import entropy_weights

    return entropy_weights(model, prompt_ids, token_ids, modulus=watermark.spike_modulus, output=output)


def _judge(
    watermark: Watermark | TransformersWatermark,
    token_ids: Sequence[int],
    scores: Scores,
    weights: NDArray[np.float64] | None,
    *,
    forced: NDArray[np.bool_] | None,
    rate: float,
) -> Verdict:
    scored = scores.scored if weights is None else scores.scored & (weights > 0.0)
    values = scores.values[scored]
    mean, deviation = _null_law(watermark)
    used = None if weights is None else weights[scored]
    z = _standard_score(values, mean, deviation, used)
    p_value, point = _p_value(watermark, values, z, is_weighted=weights is not None)
    num_forced = 0 if forced is None else int(forced.sum())
    return Verdict(
        z=z,
        p_value=p_value,
        num_scored=len(values),
        green_fraction=float(_fractions(watermark, values).mean()) if len(values) else 0.0,
        false_positive_rate=rate,
        num_forced=num_forced,
        num_repeated=scores.num_repeated,
        randomised_p_value=min(1.0, max(0.0, p_value - point * _tie_breaker(watermark, token_ids))),
        window=_find_window(scores, mean, deviation),
        token_ids=tuple(token_ids),
        values=scores.values,
        scored=scored,
    )


def _null_law(watermark: Watermark | TransformersWatermark) -> tuple[float, float]:
    """Return mean and standard deviation of one token's score in unmarked text."""
    if watermark.scheme == "gumbel":
        return 1.0, 1.0
    if isinstance(watermark, Watermark) and watermark.scheme == "synthid":
        return 0.5, 0.5 * float(np.linalg.norm(depth_weights(watermark.depth)))
    return watermark.gamma, math.sqrt(watermark.gamma * (1.0 - watermark.gamma))


def _standard_score(
    values: NDArray[np.float64], mean: float, deviation: float, weights: NDArray[np.float64] | None
) -> float:
    if not len(values):
        return 0.0
    if weights is None:
        return float((values - mean).sum() / (deviation * math.sqrt(len(values))))
    return float((weights * (values - mean)).sum() / (deviation * math.sqrt(float((weights**2).sum()))))


def _p_value(
    watermark: Watermark | TransformersWatermark, values: NDArray[np.float64], z: float, *, is_weighted: bool
) -> tuple[float, float]:
    """Return the chance of at least this score in unmarked text, and of exactly this score."""
    if not len(values):
        return 1.0, 1.0
    if is_weighted or watermark.scheme == "synthid":
        return normal_tail(z), 0.0
    if watermark.scheme == "gumbel":
        return gamma_tail(float(values.sum()), len(values)), 0.0
    green = round(float(values.sum()))
    tail = binomial_tail(green, len(values), watermark.gamma)
    return tail, tail - binomial_tail(green + 1, len(values), watermark.gamma)


def _fractions(watermark: Watermark | TransformersWatermark, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 - np.exp(-values) if watermark.scheme == "gumbel" else values


def _tie_breaker(watermark: Watermark | TransformersWatermark, token_ids: Sequence[int]) -> float:
    """Return a number in [0, 1) that the key and the text decide, independent of the scores."""
    message = b"ties" + np.array(token_ids, dtype="<i8").tobytes()
    digest = blake2b(message, digest_size=7, key=blake2b(watermark.secret).digest()).digest()
    return int.from_bytes(digest, "little") / 2.0**56


def _find_window(scores: Scores, mean: float, deviation: float) -> Window | None:
    """Return the window with the largest z; sizes grow by a quarter, so the best one is missed by little.

    Cost: O(T log T).
    """
    places = np.flatnonzero(scores.scored)
    if len(places) < _SMALLEST_WINDOW:
        return None
    running = np.concatenate([[0.0], np.cumsum((scores.values[places] - mean) / deviation)])
    best, num_windows, size = (-math.inf, 0, 0), 0, float(_SMALLEST_WINDOW)
    while int(size) <= len(places):
        count = int(size)
        z = (running[count:] - running[:-count]) / math.sqrt(count)
        first = int(z.argmax())
        best = max(best, (float(z[first]), first, count))
        num_windows += len(z)
        size *= _WINDOW_GROWTH
    z_best, first, count = best
    return Window(
        start=int(places[first]),
        end=int(places[first + count - 1]) + 1,
        z=z_best,
        p_value=min(1.0, num_windows * _window_tail(z_best, count, mean, deviation)),
    )


def _window_tail(z: float, count: int, mean: float, deviation: float) -> float:
    """Return the chance of one window of unmarked text scoring so: exact for lists, else by the normal law."""
    if math.isclose(deviation, math.sqrt(mean * (1.0 - mean))) and mean < 1.0:
        return binomial_tail(round(count * mean + z * deviation * math.sqrt(count)), count, mean)
    if mean == deviation == 1.0:
        return gamma_tail(count + z * math.sqrt(count), count)
    return normal_tail(z)
