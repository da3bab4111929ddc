"""Mask the scores of transformers' ``generate`` by grammars, whatever its loop does with the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor

from fsm import allocate_token_bitmask
from fsm.errors import MaskError
from guidance.adapters.transformers.constraint import Constraint
from guidance.adapters.transformers.masking import mask_scores
from guidance.adapters.transformers.places import Place
from guidance.adapters.transformers.prompts import Prompts
from guidance.errors import PromptError, SamplingError
from guidance.model import Model

__all__ = ["GrammarLogitsProcessor"]


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
        self._constraints = [Constraint(model, each, max_bytes=max_bytes) for each in given]
        self._special = frozenset(model.vocabulary.special_token_ids) - frozenset(model.vocabulary.eos_token_ids)

    @property
    def memory_bytes(self) -> int:
        """Return about what the remembered places take."""
        return sum(constraint.memory_bytes for constraint in self._constraints)

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
        constraints = [self._constraint(row, len(lines)) for row in range(len(lines))]
        found = [constraint.place(line) for constraint, line in zip(constraints, lines, strict=True)]
        places = {row: place for row, place in enumerate(found) if place is not None}
        mask = allocate_token_bitmask(len(places), self._model.vocabulary.size)
        for index, (row, place) in enumerate(places.items()):
            constraints[row].fill(place, mask, index)
        if len(places) == len(lines):
            masked = mask_scores(scores, mask)
        else:
            masked = scores.clone()
            masked[:, self._model.vocabulary.size :] = float("-inf")
            if places:
                masked[list(places)] = mask_scores(scores[list(places)], mask)
        for row, place in places.items():
            if self._is_led(place, scores[row]):
                masked[row] = scores[row]
        return masked

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
        return [self._constraint(row, len(lines)).value(line) for row, line in enumerate(lines)]

    def _constraint(self, row: int, num_rows: int) -> Constraint:
        """Return what a row is to be: the rows of one prompt stand together."""
        count = len(self._constraints)
        if num_rows % count:
            raise PromptError(
                f"outputs: got {num_rows} rows for {count} outputs, expected as many for each; "
                "give one output for each prompt"
            )
        return self._constraints[row * count // num_rows]

    def _is_led(self, place: Place, scores: torch.Tensor) -> bool:
        """Tell whether others leave nothing but special tokens to begin with: ``forced_bos_token_id`` leaves one."""
        if not place.is_start or not self._special:
            return False
        possible = set(scores.isfinite().nonzero()[:, 0].tolist())
        return bool(possible) and possible <= self._special
