"""Turn sampling settings into processors, in the one order they are applied in within their stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fsm import Vocabulary
from guidance.errors import SamplingError
from guidance.logits.bans import BannedText, MinTokens, NoRepeatNgram, Suppress
from guidance.logits.base import Processor
from guidance.logits.bias import split_biases
from guidance.logits.mirostat import Mirostat1, Mirostat2
from guidance.logits.penalties import CountPenalty, DryPenalty, RepetitionPenalty
from guidance.logits.sampler import Limits
from guidance.logits.temperature import AdaptiveTemperature, Temperature
from guidance.logits.truncation import Epsilon, Eta, MinP, TopK, TopNSigma, TopP, Typical
from guidance.logits.xtc import Xtc
from guidance.penalties import Penalties, TokenLike
from guidance.sampling import Sampling

__all__ = ["TextModel", "find_limits", "processors_of"]


class TextModel(Protocol):
    """List what penalties on texts ask of a model; `guidance.Model` is one."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the tokens."""

    def encode_text(self, text: str) -> list[int]:
        """Return a text's token ids."""


def processors_of(sampling: Sampling, model: TextModel | None) -> list[Processor]:
    """Return the processors that settings ask for; none where they change nothing.

    Raises
    ------
    SamplingError : for a token the model does not have, a law that would leave none, or settings about texts without a
        model.
    """
    chosen = [] if sampling.penalties is None else _penalties(sampling.penalties, model)
    chosen += _truncations(sampling, model)
    if sampling.temperature not in {0.0, 1.0} and not _tempers_itself(sampling):
        chosen.append(Temperature(sampling.temperature))
    if sampling.adaptive_temperature:
        chosen.append(AdaptiveTemperature())
    return chosen


def find_limits(sampling: Sampling, processors: Sequence[Processor]) -> Limits | None:
    """Return the truncations that drawing can apply itself; None where it takes more than temperature and these."""
    if not all(isinstance(processor, Temperature | TopK | TopP | MinP) for processor in processors):
        return None
    if sampling.is_greedy:
        return Limits()
    return Limits(
        top_k=sampling.top_k or 0,
        top_p=1.0 if sampling.top_p is None else sampling.top_p,
        min_p=sampling.min_p or 0.0,
        at_temperature_one=sampling.temperature_last,
    )


def _truncations(sampling: Sampling, model: TextModel | None) -> list[Processor]:
    if sampling.is_greedy:
        return []
    makers: list[tuple[type[Processor], float | None, float]] = [  # setting, and the value of it that changes nothing
        (TopNSigma, sampling.top_n_sigma, 0.0),
        (TopK, sampling.top_k, 0),
        (TopP, sampling.top_p, 1.0),
        (MinP, sampling.min_p, 0.0),
        (Typical, sampling.typical_p, 1.0),
        (Epsilon, sampling.epsilon, 0.0),
        (Eta, sampling.eta, 0.0),
    ]
    chosen = [make(value) for make, value, neutral in makers if value is not None and value != neutral]  # type: ignore[call-arg]
    if sampling.xtc_probability:
        temperature = sampling.temperature if _tempers_itself(sampling) else 1.0
        protected = _protected(model)
        chosen.append(Xtc(sampling.xtc_threshold, sampling.xtc_probability, protected, temperature))
    if sampling.mirostat == 1:
        chosen.append(Mirostat1(sampling.mirostat_tau or 3.0, sampling.mirostat_rate or 1.0))
    if sampling.mirostat == 2:
        chosen.append(Mirostat2(sampling.mirostat_tau or 5.0, sampling.mirostat_rate or 0.1))
    return chosen


def _tempers_itself(sampling: Sampling) -> bool:
    """Tell whether the temperature belongs to the mixture's two laws rather than to the mixture."""
    return bool(sampling.xtc_probability) and sampling.temperature_last and not sampling.is_greedy


def _protected(model: TextModel | None) -> tuple[int, ...]:
    """Return the tokens that excluding top choices must leave: ends and new lines."""
    if model is None:
        return ()
    lines = [token for token, piece in enumerate(model.vocabulary.token_bytes) if piece == b"\n"]
    return tuple(sorted({*model.vocabulary.eos_token_ids, *lines}))


def _penalties(penalties: Penalties, model: TextModel | None) -> list[Processor]:
    chosen: list[Processor] = []
    if penalties.repetition != 1:
        chosen.append(RepetitionPenalty(penalties.repetition))
    if penalties.frequency or penalties.presence:
        chosen.append(CountPenalty(penalties.frequency, penalties.presence))
    if penalties.dry is not None:
        chosen.append(DryPenalty(penalties.dry, _vocabulary(model, "dry").token_bytes))
    biases = {_sequence(key, model): bias for key, bias in penalties.logit_bias.items()}
    chosen += [processor for processor in split_biases(biases) if processor is not None]
    if penalties.no_repeat_ngram:
        chosen.append(NoRepeatNgram(penalties.no_repeat_ngram))
    if penalties.bad_words:
        words = tuple(word.encode() for word in penalties.bad_words)
        chosen.append(BannedText(words, _written_bytes(_vocabulary(model, "bad_words"))))
    if penalties.suppress_tokens:
        chosen.append(Suppress(tuple(sorted(set(penalties.suppress_tokens)))))
    if penalties.min_tokens:
        ends = _vocabulary(model, "min_tokens").eos_token_ids
        chosen.append(MinTokens(penalties.min_tokens, ends))
    if model is not None:
        _check_tokens(penalties, biases, model.vocabulary)
    return chosen


def _written_bytes(vocabulary: Vocabulary) -> tuple[bytes, ...]:
    """Return the bytes each token writes; none for control tokens."""
    silent = frozenset(vocabulary.special_token_ids) | frozenset(vocabulary.eos_token_ids)
    return tuple(b"" if token in silent else piece for token, piece in enumerate(vocabulary.token_bytes))


def _vocabulary(model: TextModel | None, name: str) -> Vocabulary:
    if model is None:
        raise SamplingError(
            f"Penalties: got {name} but no model, expected the model whose tokens it is about; "
            "make the pipeline with Pipeline(..., model=model)"
        )
    return model.vocabulary


def _sequence(key: TokenLike, model: TextModel | None) -> tuple[int, ...]:
    if isinstance(key, int):
        return (key,)
    if isinstance(key, tuple):
        return key
    _vocabulary(model, f"logit_bias for the text {key!r}")
    assert model is not None
    return tuple(model.encode_text(key))


def _check_tokens(penalties: Penalties, biases: Mapping[tuple[int, ...], float], vocabulary: Vocabulary) -> None:
    """Refuse tokens outside the vocabulary, and penalties that leave none of it."""
    named: list[Any] = [*penalties.suppress_tokens, *(token for sequence in biases for token in sequence)]
    outside = sorted(token for token in set(named) if not 0 <= token < vocabulary.size)
    if outside:
        raise SamplingError(
            f"Penalties: got token ids {outside[:5]}, expected ids below {vocabulary.size}, the model's vocabulary; "
            "drop them"
        )
    if len(set(penalties.suppress_tokens)) == vocabulary.size:
        raise SamplingError(
            f"Penalties: got suppress_tokens with all {vocabulary.size} tokens, expected at least one that may be "
            "drawn; suppress fewer"
        )
