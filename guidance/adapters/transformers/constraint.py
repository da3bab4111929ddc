"""Hold one output as what it is to a foreign loop: the places of its texts, and a reader of their values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm import Matcher
from fsm.errors import UnsupportedFeatureError
from fsm.mask import pack_token_ids
from guidance.adapters.transformers.places import Place, Places, Standing
from guidance.decoding.stopping import StopReason
from guidance.errors import ModelError, OutputError
from guidance.model import Model
from guidance.output import Output

__all__ = ["Constraint"]


class Constraint:
    """Say by its token ids what may follow a text of one output.

    Parameters
    ----------
    model : the network that generates, with its tokenizer.
    output : what `guidance.generate` takes; None or str for free text.
    max_bytes : memory for the places of texts seen before.

    Raises
    ------
    GrammarError : for a type or a schema without a grammar.
    ModelError : for a vocabulary without an end token.
    UnsupportedFeatureError : for parts of a grammar with limits or temperatures of their own; only our loop keeps them.
    """

    def __init__(self, model: Model, output: Any, *, max_bytes: int = 1 << 25) -> None:
        self.model = model
        self.output: Output = model.compile(output)
        self.places: Places | None = None
        self._ends: NDArray[np.int32] = pack_token_ids(model.vocabulary.eos_token_ids, model.vocabulary.size)
        self._end_ids = np.array(model.vocabulary.eos_token_ids, dtype=np.int64)
        if self.output.compiled is not None:
            _check_ends(model)
            _check_regions(self.output.compiled.matcher())
            self.places = Places(model, self.output.compiled, max_bytes=max_bytes)

    @property
    def memory_bytes(self) -> int:
        """Return about what the remembered places take."""
        return 0 if self.places is None else self.places.memory_bytes

    def place(self, token_ids: NDArray[np.int64]) -> Place | None:
        """Return where a text stands; None where any token may follow: free text, and drafts gone wrong.

        Parameters
        ----------
        token_ids : int64[n]   the output so far
        """
        found = None if self.places is None else self.places.at(token_ids)
        return None if found is None or found.standing is Standing.ILLEGAL else found

    def fill(self, place: Place, mask: NDArray[np.int32], row: int) -> None:
        """Write the tokens that may follow a place into one row of a mask (``fsm.mask``)."""
        if place.standing is Standing.OPEN:
            place.matcher.fill_next_token_bitmask(mask, row)
        elif place.standing is Standing.FORCED:
            token = place.forced[0]
            mask[row] = 0
            mask.view(np.uint32)[row, token >> 5] = 1 << (token & 31)
        else:
            mask[row] = self._ends

    def value(self, token_ids: NDArray[np.int64]) -> Any:
        """Return the typed value of a text; what stands behind its end token does not count.

        Parameters
        ----------
        token_ids : int64[n]   the output, as generated

        Raises
        ------
        OutputError : for a text that was cut short, or that a validator of the type refuses.
        """
        ends = np.isin(token_ids, self._end_ids)
        line = token_ids[: int(ends.argmax())] if ends.any() else token_ids
        reason = StopReason.LENGTH
        if self.places is not None:
            line = line[self.places.num_leading(line) :]
            reason = StopReason.EOS if self.places.is_output(line) else reason
        kept: list[int] = line.tolist()
        found = self.output.parse(self.model.decode(kept), reason, self.output.captures(kept))
        if isinstance(found, OutputError):
            raise found
        return found

    def __deepcopy__(self, memo: object) -> Constraint:
        """Return itself: what is copied with a request stays the same output."""
        return self


def _check_ends(model: Model) -> None:
    if not model.vocabulary.eos_token_ids:
        raise ModelError(
            f"{model.name}: got a vocabulary without an end token, expected one, for generate to stop by; "
            "name it in the network's generation_config.eos_token_id"
        )


def _check_regions(matcher: Any) -> None:
    for region, _ in matcher.every_region() if isinstance(matcher, Matcher) else ():
        own = [name for name in ("max_tokens", "temperature") if getattr(region, name) is not None]
        if own:
            raise UnsupportedFeatureError(
                f"output: got a part {region.name!r} with a {own[0]} of its own, which a logits processor cannot keep, "
                "expected none; drop it, or generate with custom_generate=guidance_generate(...)"
            )
