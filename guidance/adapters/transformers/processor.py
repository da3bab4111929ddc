"""Mask the scores of transformers' ``generate`` by grammars, whatever its loop does with the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LogitsProcessor

from fsm import Matcher, allocate_token_bitmask
from fsm.errors import MaskError, UnsupportedFeatureError
from fsm.mask import pack_token_ids
from guidance.adapters.transformers.places import Place, Places, Standing
from guidance.adapters.transformers.prompts import Prompts
from guidance.decoding.stopping import StopReason
from guidance.errors import ModelError, OutputError, PromptError, SamplingError
from guidance.logits import apply_token_bitmask_inplace
from guidance.model import Model
from guidance.output import Output

__all__ = ["GrammarLogitsProcessor"]

_RESCUED = -1e9
"""The score of legal tokens where others have forbidden all of them; generate gives it to beams that are out."""


class GrammarLogitsProcessor(LogitsProcessor):  # type: ignore[misc] # transformers is not typed
    """Allow only tokens from which an output can still be completed; for ``generate(logits_processor=[...])``.

    What may follow a row is a function of the row's token ids: the processor is right under greedy search, sampling,
    beams, groups of beams, assisted decoding and prompt look-up, in left-padded batches, for decoder-only and
    encoder-decoder models, and after the end. What the grammar forces is written in the tokenizer's own tokens, so that
    greedy texts are those of `guidance.generate`. Give ``max_new_tokens`` enough room: a processor is not told of it,
    and what is cut short there is no output (`guidance_generate` ends in time).

    Parameters
    ----------
    model : the network that generates, with its tokenizer.
    output : what `guidance.generate` takes: a type, a JSON Schema as a dict, a grammar; None or str for free text.
    outputs : instead of `output`: one for each prompt of the batch, in their order.
    prompt_length : width of the prompts, padding included; None takes the rows of the first call, so that the
        processor serves one call of ``generate`` (or several with the same prompts).
    max_bytes : memory for the places of texts seen before, for each output.

    Raises
    ------
    GrammarError : for a type or a schema without a grammar.
    ModelError : for a vocabulary without an end token.
    UnsupportedFeatureError : for parts of a grammar with limits or temperatures of their own; only our loop keeps them.
    SamplingError : for both `output` and `outputs`, or for no output at all.

    Notes
    -----
    Where other processors have forbidden all that a grammar allows (``min_new_tokens`` behind a complete text,
    ``no_repeat_ngram_size`` in a fixed one) the legal tokens come back, all with the same low score: the grammar holds,
    and a beam goes on there only where no other does. A cost of microseconds a row; the token ids come to the host.

    Examples
    --------
    >>> import guidance, torch
    >>> model = guidance.load("embedded")
    >>> processor = GrammarLogitsProcessor(model, bool)
    >>> scores = processor(torch.tensor([model.encode("Yes? ")]), torch.zeros(1, 1024))
    >>> {model.decode([token])[0] for token in scores[0].isfinite().nonzero()[:, 0].tolist()} == {"t", "f"}
    True
    """

    supports_continuous_batching = False

    def __init__(
        self,
        model: Model,
        output: Any = None,
        *,
        outputs: Sequence[Any] | None = None,
        prompt_length: int | None = None,
        max_bytes: int = 1 << 25,
    ) -> None:
        given = [output] if outputs is None else list(outputs)
        if outputs is not None and (output is not None or not given):
            raise SamplingError(
                f"outputs: got {len(given)} outputs and output={output!r}, expected one of the two; drop one of them"
            )
        self._model = model
        self._prompts = Prompts(prompt_length)
        self._outputs: list[Output] = [model.compile(each) for each in given]
        self._places = _make_places(model, self._outputs, max_bytes)
        ends = model.vocabulary.eos_token_ids
        if not ends and any(places is not None for places in self._places):
            raise ModelError(
                f"{model.name}: got a vocabulary without an end token, expected one, for generate to stop by; "
                "name it in the network's generation_config.eos_token_id"
            )
        self._ends: NDArray[np.int32] = pack_token_ids(ends, model.vocabulary.size)
        self._special = frozenset(model.vocabulary.special_token_ids) - frozenset(ends)

    @property
    def memory_bytes(self) -> int:
        """Return about what the remembered places take."""
        return sum(places.memory_bytes for places in {id(p): p for p in self._places if p is not None}.values())

    @torch.no_grad()
    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the scores, minus infinity where a token may not follow.

        Parameters
        ----------
        input_ids : int64[B, T]   B is a multiple of the number of outputs; rows of one prompt stand together
        scores    : float[B, V]   V may exceed the tokenizer's tokens: what is past them is forbidden

        Raises
        ------
        PromptError : for rows of another call, or not as many for each output.
        MaskError : for scores narrower than the vocabulary.
        """
        if scores.shape[1] < self._model.vocabulary.size:
            raise MaskError(
                f"scores: got {scores.shape[1]} columns, expected at least the {self._model.vocabulary.size} tokens of "
                f"{self._model.name}; give the processor to the network its tokenizer belongs to"
            )
        lines = self._prompts.cut(input_ids)
        places = {row: place for row in range(len(lines)) if (place := self._place(row, lines)) is not None}
        if len(places) == len(lines):
            return self._mask(scores, list(places.values()))
        changed = scores.clone()
        changed[:, self._model.vocabulary.size :] = float("-inf")
        if places:
            changed[list(places)] = self._mask(scores[list(places)], list(places.values()))
        return changed

    def values(self, sequences: torch.Tensor) -> list[Any]:
        """Return the typed values of what ``generate`` returned, one for each row.

        Parameters
        ----------
        sequences : int64[B, T]   prompts and outputs

        Raises
        ------
        OutputError : for a row that was cut short, or that a validator of the type refuses.
        """
        lines = self._prompts.cut(sequences, is_finished=True)
        return [self._value(row, lines) for row in range(len(lines))]

    def _value(self, row: int, lines: NDArray[np.int64]) -> Any:
        which = self._which(row, len(lines))
        output, places, line = self._outputs[which], self._places[which], lines[row]
        ends = np.isin(line, self._model.vocabulary.eos_token_ids)
        line = line[: int(ends.argmax())] if ends.any() else line
        reason = StopReason.LENGTH
        if places is not None:
            line = line[places.num_leading(line) :]
            reason = StopReason.EOS if places.is_output(line) else reason
        token_ids = line.tolist()
        value = output.parse(self._model.decode(token_ids), reason, output.captures(token_ids))
        if isinstance(value, OutputError):
            raise value
        return value

    def _which(self, row: int, num_rows: int) -> int:
        """Return which output a row is to be: the rows of one prompt stand together."""
        if num_rows % len(self._outputs):
            raise PromptError(
                f"outputs: got {num_rows} rows for {len(self._outputs)} outputs, expected as many for each; "
                "give one output for each prompt"
            )
        return row * len(self._outputs) // num_rows

    def _place(self, row: int, lines: NDArray[np.int64]) -> Place | None:
        """Return where a row stands; None where any token may follow: free text, and drafts gone wrong."""
        places = self._places[self._which(row, len(lines))]
        place = None if places is None else places.at(lines[row])
        return None if place is None or place.standing is Standing.ILLEGAL else place

    def _mask(self, scores: torch.Tensor, places: Sequence[Place]) -> torch.Tensor:
        """Return masked scores, a row for each place."""
        mask = allocate_token_bitmask(len(places), self._model.vocabulary.size)
        for row, place in enumerate(places):
            if place.standing is Standing.OPEN:
                place.matcher.fill_next_token_bitmask(mask, row)
            elif place.standing is Standing.FORCED:
                mask[row] = pack_token_ids(place.forced[:1], self._model.vocabulary.size)
            else:
                mask[row] = self._ends
        masked = scores.clone()
        apply_token_bitmask_inplace(masked, mask)
        for row in torch.isneginf(masked).all(dim=1).nonzero()[:, 0].tolist():
            if places[row].is_start and self._is_special_only(scores[row]):
                masked[row] = scores[row]
            else:
                masked[row] = _RESCUED
                apply_token_bitmask_inplace(masked[row : row + 1], mask[row : row + 1])
        return masked

    def _is_special_only(self, scores: torch.Tensor) -> bool:
        """Tell whether others leave nothing but special tokens: ``forced_bos_token_id`` leaves one."""
        possible = set(scores.isfinite().nonzero()[:, 0].tolist())
        return bool(possible) and possible <= self._special


def _make_places(model: Model, outputs: Sequence[Output], max_bytes: int) -> list[Places | None]:
    """Return the places of each output; equal outputs share theirs."""
    made: dict[int, Places] = {}
    for output in outputs:
        if output.compiled is not None and id(output) not in made:
            _check_regions(output.compiled.matcher())
            made[id(output)] = Places(model, output.compiled, max_bytes=max_bytes)
    return [made.get(id(output)) for output in outputs]


def _check_regions(matcher: Any) -> None:
    for region, _ in matcher.every_region() if isinstance(matcher, Matcher) else ():
        own = [name for name in ("max_tokens", "temperature") if getattr(region, name) is not None]
        if own:
            raise UnsupportedFeatureError(
                f"output: got a part {region.name!r} with a {own[0]} of its own, which a logits processor cannot keep, "
                f"expected none; drop it, or generate with custom_generate=guidance_generate(...)"
            )
