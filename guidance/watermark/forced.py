"""Find the tokens of a text that a grammar left no choice about: they bear no mark and would dilute the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm import Vocabulary, allocate_token_bitmask
from guidance.errors import WatermarkError

__all__ = ["find_forced"]


def find_forced(token_ids: Sequence[int], vocabulary: Vocabulary, output: Any) -> NDArray[np.bool_]:
    """Return bool[T]: whether the grammar of an output type leaves each token, or all its bytes, no alternative.

    Raises
    ------
    WatermarkError : when the text is not a beginning of what the output type accepts.
    """
    from guidance.output import Output

    compiled = Output(output, vocabulary).compiled
    forced = np.zeros(len(token_ids), dtype=np.bool_)
    if compiled is None:
        return forced
    matcher = compiled.matcher()
    mask = allocate_token_bitmask(1, vocabulary.size)
    for place, token_id in enumerate(token_ids):
        if token_id in vocabulary.eos_token_ids:
            break
        run = bytes(matcher.forced_bytes())
        if run:
            forced[place] = len(vocabulary.token_bytes[token_id]) <= len(run)
        else:
            matcher.fill_next_token_bitmask(mask, 0)
            forced[place] = int(np.bitwise_count(mask.view(np.uint32)).sum()) < 2
        if not matcher.try_advance(token_id):
            raise WatermarkError(
                f"detect_watermark: got {vocabulary.token_bytes[token_id]!r} as token {place}, which the output type "
                "forbids there; expected a text generated under it; leave output out to score every token"
            )
    return forced
