"""Decode a call's requests as one batch, or as smaller ones where memory does not hold it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Sequence

import torch

from guidance.call import Call
from guidance.decoding import Request, Row
from guidance.decoding.metrics import Clock
from guidance.errors import BatchSplitWarning, MemoryLimitError
from guidance.memory import is_out_of_memory

__all__ = ["decode_all"]


def decode_all(call: Call) -> list[tuple[Row, Clock]]:
    """Return every row of a call, finished, with the clock of the batch it ran in.

    A batch that does not fit into memory is split in two, and the caller is told; texts do not depend on it. Ctrl-C
    ends the call: rows then hold what there is.

    Raises
    ------
    MemoryLimitError : when a single row does not fit.
    """
    return _Halving(call).decode(call.requests)


class _Halving:
    """Remember whether Ctrl-C ended the call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._is_cancelled = False

    def decode(self, requests: Sequence[Request]) -> list[tuple[Row, Clock]]:
        rows = self._try(requests)
        if rows is not None:
            return rows
        if len(requests) == 1:
            (request,) = requests
            raise MemoryLimitError(
                f"{self._call.model.name}: got no memory for one row of {len(request.prompt_ids)} prompt tokens and "
                f"{request.max_tokens} more, expected at least that; shorten the prompt, lower max_tokens, or load "
                "the model with dtype='bfloat16'"
            )
        half = (len(requests) + 1) // 2
        warnings.warn(
            f"{self._call.model.name}: a batch of {len(requests)} rows did not fit into memory; it runs as {half} and "
            f"{len(requests) - half} instead. Give fewer prompts at once, or lower max_tokens",
            BatchSplitWarning,
            stacklevel=6,
        )
        self._free()
        return self.decode(requests[:half]) + self.decode(requests[half:])

    def _try(self, requests: Sequence[Request]) -> list[tuple[Row, Clock]] | None:
        """Return the finished rows, or None when memory ran out; nothing of the attempt is kept then."""
        decoder = self._call.decoder(requests)
        if self._is_cancelled:
            decoder.cancel()
            return [(row, decoder.clock) for row in decoder.rows]
        try:
            for _ in decoder.run():
                pass
        except KeyboardInterrupt:
            self._is_cancelled = True
            decoder.cancel()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return None
        return [(row, decoder.clock) for row in decoder.rows]

    def _free(self) -> None:
        self._call.model.prefix_cache.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
