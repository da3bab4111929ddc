"""Turn the arguments of a call into requests, and rows into results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from guidance.decoding import Decoder, Request, Row
from guidance.decoding.budget import truncate_left
from guidance.decoding.healing import heal_requests
from guidance.decoding.metrics import Clock
from guidance.errors import ModelError, PromptError
from guidance.logits import Pipeline
from guidance.model import Model
from guidance.options import DecoderLike, Options
from guidance.output import Output
from guidance.result import Result
from guidance.watermark import Watermark

__all__ = ["Call"]


class Call:
    """Hold what one call asks for: its output type, its law, and one request for each output.

    Parameters
    ----------
    model : the model to ask.
    prompts : what it reads: texts, or token ids as tuples.
    output : what ``output=`` was given.
    options : complete, from `guidance.options.complete_options`.

    Raises
    ------
    GuidanceError : for a prompt, type, schema, or setting that cannot work.
    """

    def __init__(self, model: Model, prompts: Sequence[str | tuple[int, ...]], output: Any, options: Options) -> None:
        _check_prompts(prompts, model)
        _check_writes(model)
        self.model = model
        self.options = options
        sampling, stop, watermark = options["sampling"], options["stop"], options["watermark"]
        watermark = watermark.processor() if isinstance(watermark, Watermark) else watermark
        stops = (stop,) if isinstance(stop, str) else tuple(stop)
        processors = [*options["steer"], *([] if watermark is None else [watermark])]
        pipeline = Pipeline(sampling, [processor.bind(model) for processor in processors], model=model)
        self.output: Output = model.compile(output)
        self.wants_base = options["base_log_probs"]
        seen: Counter[str | tuple[int, ...]] = Counter()
        self.requests = [
            Request(
                prompt_ids=token_ids,
                pipeline=pipeline,
                max_tokens=options["max_tokens"],
                compiled=self.output.compiled,
                row=row,
                stops=tuple(text.encode() for text in stops if text),
            )
            for prompt in prompts
            for token_ids in [self._encode(prompt)]
            for row in _take_rows(seen, prompt, sampling.n)
        ]
        if sampling.penalties is not None:
            for request in self.requests[:: sampling.n]:
                pipeline.check(request.prompt_ids, None if request.compiled is None else request.compiled.matcher())
        if options["heal"]:
            steer = [processor.bind(model) for processor in options["steer"]]
            self.requests = heal_requests(model, self.requests, steer)

    def decoder(self, requests: Sequence[Request]) -> DecoderLike:
        """Return what produces some of the call's requests.

        Raises
        ------
        GuidanceError : for a prompt or a budget that cannot work.
        """
        search = self.options["search"]
        if search is not None:
            return search.decoder(self.model, requests, wants_base=self.wants_base)
        return Decoder(
            self.model,
            requests,
            wants_base=self.wants_base,
            speculate=self.options["speculate"],
            on_device=self.options["on_device"],
        )

    def _encode(self, prompt: str | tuple[int, ...]) -> tuple[int, ...]:
        token_ids = tuple(self.model.encode(prompt)) if isinstance(prompt, str) else prompt
        if self.options["overflow"] == "truncate-left":
            return truncate_left(token_ids, self.model, num_reserved=self.options["max_tokens"])
        return token_ids

    def result(self, row: Row, clock: Clock) -> Result[Any]:
        """Return what one row became."""
        assert row.stop_reason is not None
        text = row.text.decode("utf-8", errors="replace")
        captures = self.output.captures(row.token_ids, head=row.request.head)
        return Result(
            text=text,
            token_ids=tuple(row.token_ids),
            log_probs=tuple(row.log_probs),
            base_log_probs=tuple(row.base_log_probs) if self.wants_base else None,
            stop_reason=row.stop_reason,
            metrics=row.metrics(clock),
            parsed=self.output.parse(text, row.stop_reason, captures),
            captures=captures,
            score=getattr(row, "score", None),
            weight=getattr(row, "weight", None),
        )


def _take_rows(seen: Counter[str | tuple[int, ...]], prompt: str | tuple[int, ...], num_rows: int) -> range:
    """Number the outputs of a prompt, on through its repetitions, so that no two draw the same random numbers."""
    seen[prompt] += num_rows
    return range(seen[prompt] - num_rows, seen[prompt])


def _check_writes(model: Model) -> None:
    if model.is_classifier:
        raise ModelError(
            f"{model.name}: got a sequence classifier, which judges texts and writes none, expected a causal language "
            "model; steer one with it: steer=[classifiers.Fudge(...)]"
        )


def _check_prompts(prompts: Sequence[Any], model: Model) -> None:
    width = model.language_model.logits_size
    for prompt in prompts:
        if isinstance(prompt, tuple):
            wrong = [token for token in prompt if type(token) is not int or not 0 <= token < width]
            if wrong or not prompt:
                raise PromptError(
                    f"prompt: got {wrong[:1] or 'no token'} among its token ids, expected at least one, each an int of "
                    f"0..{width - 1}; encode it with the tokenizer of {model.name}"
                )
        elif not isinstance(prompt, str):
            raise PromptError(
                f"prompt: got {type(prompt).__name__} {prompt!r}, expected a string; decode it or format it first"
            )
