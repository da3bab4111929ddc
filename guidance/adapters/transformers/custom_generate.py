"""Reach our own loop from ``model.generate(..., custom_generate=guidance_generate(...))``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import torch
from transformers.utils import ModelOutput

from guidance.adapters.transformers.asked import options_asked_for
from guidance.adapters.transformers.inputs import prompts_of
from guidance.adapters.transformers.strangers import check_criteria, check_processors
from guidance.call import Call
from guidance.decoding.stopping import StopReason
from guidance.errors import ModelError, SamplingError
from guidance.model import Model
from guidance.options import Options, complete_options
from guidance.result import Result
from guidance.splitting import decode_all

__all__ = ["CustomGenerate", "GuidanceOutput", "guidance_generate"]


@dataclass
class GuidanceOutput(ModelOutput):  # type: ignore[misc] # transformers is not typed
    """Hold what ``generate`` returns under ``return_dict_in_generate``.

    Parameters
    ----------
    sequences : int64[B, T]   prompts and outputs, padded on the right
    sequences_scores : float32[B]   what a search ranked each by; None for what was drawn
    results : one `Result` for each row: its typed value, log-probabilities, stop reason and metrics.
    """

    sequences: torch.Tensor | None = None
    sequences_scores: torch.Tensor | None = None
    results: tuple[Result[Any], ...] | None = None


def guidance_generate(
    output: Any = None, *, model: Model | None = None, tokenizer: Any = None, **options: Unpack[Options]
) -> CustomGenerate:
    """Return what ``generate`` takes as ``custom_generate``: our masks, steering, watermarks, search and drafts.

    What the generation config asks for (``max_new_tokens``, ``do_sample`` and its law, ``num_beams``,
    ``num_return_sequences``, penalties, ``prompt_lookup_num_tokens``, ...) is honoured, or refused by name. Without
    `sampling`, seeds come from torch's generator, so that ``torch.manual_seed`` makes texts repeatable.

    Parameters
    ----------
    output : what `guidance.generate` takes: a type, a JSON Schema as a dict, a grammar; None or str for free text.
    model : the network that generates, with its tokenizer; None makes one at the first call.
    tokenizer : the network's tokenizer, to make it with; None loads the one of the network's name.
    options : those of `guidance.generate`, but for `max_tokens`, which is ``max_new_tokens``, and `heal`.

    Raises
    ------
    SamplingError : for an option that has its place in the generation config.

    Notes
    -----
    Texts are those of `guidance.generate` on the same prompts. They end with the generation config's first end token
    where there is room for it. ``generate`` does not tell a custom loop of ``streamer`` and ``assistant_model``: use
    `guidance.stream`, and ``speculate=guidance.Speculation(draft=...)``. The encoder of an encoder-decoder reads
    prompts with the end token behind them.

    Examples
    --------
    >>> guidance_generate(bool).output
    <class 'bool'>
    """
    return CustomGenerate(output, options, model=model, tokenizer=tokenizer)


class CustomGenerate:
    """Be a decoding method of ``generate``; made by `guidance_generate`, whose parameters it has.

    The model it makes of a network is kept for the calls of that network that follow.
    """

    def __init__(self, output: Any, options: Options, *, model: Model | None = None, tokenizer: Any = None) -> None:
        complete_options("guidance_generate", options)
        for name, cure in (("max_tokens", "give max_new_tokens to generate"), ("heal", "call guidance.generate")):
            if name in options:
                raise SamplingError(f"guidance_generate: got {name}=, which is not the loop's to decide here; {cure}")
        self.output = output
        self.options = options
        self._given = model
        self._made: Model | None = None
        self._tokenizer = tokenizer

    @torch.no_grad()
    def __call__(
        self,
        network: Any,
        input_ids: torch.Tensor,
        *,
        logits_processor: Sequence[Any],
        stopping_criteria: Sequence[Any],
        generation_config: Any,
        inputs_tensor: torch.Tensor | None = None,
        **model_kwargs: Any,
    ) -> torch.Tensor | GuidanceOutput:
        """Return the prompts and their outputs: int64[B, T]; or a `GuidanceOutput`.

        Raises
        ------
        GuidanceError : for what our loop does not do, and as in `guidance.generate`.
        """
        model = self._model_of(network)
        is_encoder_decoder = bool(network.config.is_encoder_decoder)
        width = input_ids.shape[1]
        options = options_asked_for(
            generation_config, self.options, num_prompt_tokens=width, is_encoder_decoder=is_encoder_decoder
        )
        _check_ends(generation_config, model)
        arguments = {"input_ids_seq_length": width, "encoder_input_ids": inputs_tensor, "model_kwargs": model_kwargs}
        check_processors(network, generation_config, logits_processor, arguments)
        check_criteria(network, generation_config, stopping_criteria)
        step = max(generation_config.num_beams or 1, generation_config.num_return_sequences or 1)
        prompts = prompts_of(
            input_ids[::step],
            {name: _every(value, step) for name, value in model_kwargs.items()},
            inputs=inputs_tensor if is_encoder_decoder else None,
            start=network.config.decoder_start_token_id if is_encoder_decoder else None,
        )
        if is_encoder_decoder:
            prompts = [_without_end(prompt, network.config.eos_token_id) for prompt in prompts]
        call = Call(model, prompts, self.output, options)
        results = [call.result(row, clock) for row, clock in decode_all(call)]
        sequences = _sequences(input_ids[::step], results, generation_config)
        if not generation_config.return_dict_in_generate:
            return sequences
        scores = [result.score for result in results if result.score is not None]
        ranked = torch.tensor(scores, device=sequences.device) if len(scores) == len(results) else None
        return GuidanceOutput(sequences=sequences, sequences_scores=ranked, results=tuple(results))

    def _model_of(self, network: Any) -> Model:
        if self._given is not None:
            if getattr(self._given.language_model, "network", None) is not network:
                raise ModelError(
                    f"guidance_generate: got the model of another network than the {type(network).__name__} that "
                    "generates, expected its own; make it with guidance.Model(network, tokenizer)"
                )
            return self._given
        if self._made is None or getattr(self._made.language_model, "network", None) is not network:
            self._made = Model(network, self._tokenizer or _load_tokenizer(network), name=type(network).__name__)
        return self._made


def _load_tokenizer(network: Any) -> Any:
    from guidance.loading import load_tokenizer

    name = getattr(network, "name_or_path", "")
    if not name:
        raise ModelError(
            f"guidance_generate: got a {type(network).__name__} without a name, so that its tokenizer cannot be found, "
            "expected the tokenizer; give guidance_generate(tokenizer=...)"
        )
    return load_tokenizer(name)


def _every(value: Any, step: int) -> Any:
    """Return one row for each prompt, of what was repeated for its beams and outputs."""
    return value[::step] if isinstance(value, torch.Tensor) and value.dim() else value


def _without_end(prompt: tuple[int, ...], end: int | None) -> tuple[int, ...]:
    """Return a prompt as `guidance.Model.encode` gives it: the encoder is shown the end token behind it anyhow."""
    return prompt[:-1] if len(prompt) > 1 and prompt[-1] == end else prompt


def _check_ends(config: Any, model: Model) -> None:
    given = config.eos_token_id
    ends = [given] if isinstance(given, int) else list(given or ())
    others = sorted(set(ends) - set(model.vocabulary.eos_token_ids))
    if others or not ends:
        raise SamplingError(
            f"generate: got eos_token_id={given}, expected end tokens of the model, "
            f"{list(model.vocabulary.eos_token_ids)}; name them in the network's generation_config before "
            "guidance.Model is made"
        )


def _sequences(prompts: torch.Tensor, results: Sequence[Result[Any]], config: Any) -> torch.Tensor:
    """Return the prompts as they were given, each with its outputs behind it, padded on the right: int64[B, T]."""
    room = config.max_length - prompts.shape[1]
    end = config.eos_token_id if isinstance(config.eos_token_id, int) else config.eos_token_id[0]
    padding = end if config.pad_token_id is None else config.pad_token_id
    lines = []
    for result in results:
        is_whole = result.stop_reason in {StopReason.EOS, StopReason.ACCEPTED}
        lines.append([*result.token_ids, *([end] if is_whole and len(result.token_ids) < room else [])])
    longest = max(map(len, lines))
    padded = [line + [padding] * (longest - len(line)) for line in lines]
    heads = prompts.repeat_interleave(len(lines) // len(prompts), dim=0)
    return torch.cat([heads, torch.tensor(padded, dtype=heads.dtype, device=heads.device)], dim=1)
