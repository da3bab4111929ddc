"""Generate: a prompt and a type in, a typed result out; at once or as it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, Unpack, overload

from guidance.decoding import Decoder, Request, Row
from guidance.decoding.metrics import Clock
from guidance.errors import ModelError, PromptError
from guidance.loading import as_model
from guidance.logits import Pipeline
from guidance.model import Model
from guidance.options import DecoderLike, Options, complete_options
from guidance.output import Output
from guidance.result import Event, Result
from guidance.watermark import Watermark

__all__ = ["generate", "stream"]

T = TypeVar("T")


@overload
def generate(model: Model | str, prompt: str, output: type[T], **options: Unpack[Options]) -> Result[T]: ...


@overload
def generate(model: Model | str, prompt: str | Sequence[str], output: Any = ..., **options: Unpack[Options]) -> Any: ...


def generate(model: Model | str, prompt: str | Sequence[str], output: Any = None, **options: Unpack[Options]) -> Any:
    r"""Generate what follows a prompt, as a value of the type asked for.

    Parameters
    ----------
    model : from `guidance.load`, or `guidance.Model`; or a name for `guidance.load`, loaded once and kept.
    prompt : one prompt, or a list of them, which runs as one batch.
    output : a Pydantic model, dataclass, TypedDict, Enum, Literal, built-in or container type, a callable (its
        arguments), a JSON Schema as a dict, or a grammar; None or str for free text.
    options : how to draw, steer, search and stop: `guidance.options.Options` lists them all.

    Returns
    -------
    A `Result`; a list of them for a list of prompts. With ``Sampling(n=k)``, k > 1, each `Result` becomes a list of k.
    Ctrl-C ends the call early: every result then holds what there is, with ``stop_reason == "cancelled"``.

    Raises
    ------
    GuidanceError : for a prompt, type, schema, or budget that cannot work; before the first token.

    Examples
    --------
    >>> import guidance
    >>> model = guidance.load("embedded")
    >>> prompt = "Who is described?\n\nMara Lindqvist is 36 and lives in Turin."
    >>> generate(model, prompt, dict[str, int | str]).is_valid
    True
    """
    prompts = [prompt] if isinstance(prompt, str) else list(prompt)
    if not prompts:
        return []
    settings = complete_options("generate", options)
    call = _Call(as_model(model), prompts, output, settings)
    try:
        for _ in call.decoder.run():
            pass
    except KeyboardInterrupt:
        call.decoder.cancel()
    results = [call.result(row) for row in call.decoder.rows]
    n = settings["sampling"].n
    grouped = results if n == 1 else [results[i : i + n] for i in range(0, len(results), n)]
    return grouped[0] if isinstance(prompt, str) else grouped


@overload
def stream(model: Model | str, prompt: str, output: type[T], **options: Unpack[Options]) -> Iterator[Event[T]]: ...


@overload
def stream(model: Model | str, prompt: str, output: Any = ..., **options: Unpack[Options]) -> Iterator[Event[Any]]: ...


def stream(model: Model | str, prompt: Any, output: Any = None, **options: Unpack[Options]) -> Iterator[Event[Any]]:
    """Generate one output and yield it as it grows; parameters are those of `generate`.

    Every event carries the text so far and the value as far as it goes; the last one carries the `Result`. Closing the
    iterator early is fine. Bad input is refused here, not at the first event.

    Raises
    ------
    GuidanceError : as in `generate`; PromptError also when `sampling` asks for several outputs.

    Examples
    --------
    >>> import guidance
    >>> model = guidance.load("embedded")
    >>> *_, last = stream(model, "Ada Lovelace, 36, London", max_tokens=3)
    >>> last.result.metrics.num_output_tokens <= 3
    True
    """
    settings = complete_options("stream", options)
    n = settings["sampling"].n
    if not isinstance(prompt, str) or n != 1:
        raise PromptError(
            f"stream: got {type(prompt).__name__} with n={n}, expected one prompt and n=1; "
            "use generate for several outputs"
        )
    return _events(_Call(as_model(model), [prompt], output, settings))


class _Call:
    """Hold one call's output type and decoder."""

    def __init__(self, model: Model, prompts: Sequence[str], output: Any, options: Options) -> None:
        _check_prompts(prompts)
        _check_writes(model)
        sampling, stop, watermark = options["sampling"], options["stop"], options["watermark"]
        watermark = watermark.processor() if isinstance(watermark, Watermark) else watermark
        stops = (stop,) if isinstance(stop, str) else tuple(stop)
        processors = [*options["steer"], *([] if watermark is None else [watermark])]
        pipeline = Pipeline(sampling, [processor.bind(model) for processor in processors], model=model)
        self.output: Output = model.compile(output)
        self.wants_base = options["base_log_probs"]
        seen: Counter[str] = Counter()
        requests = [
            Request(
                prompt_ids=token_ids,
                pipeline=pipeline,
                max_tokens=options["max_tokens"],
                compiled=self.output.compiled,
                row=row,
                stops=tuple(text.encode() for text in stops if text),
            )
            for prompt in prompts
            for token_ids in [tuple(model.encode(prompt))]
            for row in _take_rows(seen, prompt, sampling.n)
        ]
        self.decoder: DecoderLike = (
            Decoder(model, requests, wants_base=self.wants_base, speculate=options["speculate"])
            if options["search"] is None
            else options["search"].decoder(model, requests, wants_base=self.wants_base)
        )

    def result(self, row: Row) -> Result[Any]:
        """Return what one row became."""
        assert row.stop_reason is not None
        text = row.text.decode("utf-8", errors="replace")
        captures = self.output.captures(row.token_ids)
        return Result(
            text=text,
            token_ids=tuple(row.token_ids),
            log_probs=tuple(row.log_probs),
            base_log_probs=tuple(row.base_log_probs) if self.wants_base else None,
            stop_reason=row.stop_reason,
            metrics=row.metrics(self.clock),
            parsed=self.output.parse(text, row.stop_reason, captures),
            captures=captures,
        )

    @property
    def clock(self) -> Clock:
        """Return the batch's times."""
        return self.decoder.clock


def _take_rows(seen: Counter[str], prompt: str, num_rows: int) -> range:
    """Number the outputs of a prompt, on through its repetitions, so that no two draw the same random numbers."""
    seen[prompt] += num_rows
    return range(seen[prompt] - num_rows, seen[prompt])


def _events(call: _Call) -> Iterator[Event[Any]]:
    seen = ""
    (row,) = call.decoder.rows
    try:
        for _ in call.decoder.run():
            text = _whole_characters(row.text)
            if row.is_running and text != seen:
                yield Event(text=text, delta=text[len(seen) :], partial=call.output.parse_partial(text))
                seen = text
    except KeyboardInterrupt:
        call.decoder.cancel()
    result = call.result(row)
    partial = result.value if result.is_valid else call.output.parse_partial(result.text)
    delta = result.text[len(seen) :]
    yield Event(text=result.text, delta=delta, partial=partial, result=result)


def _whole_characters(text: bytes | bytearray) -> str:
    """Return the text without a last character whose bytes have not all come."""
    for cut in range(min(4, len(text)) + 1):
        head = text[: len(text) - cut]
        try:
            return head.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.end < len(head):
                break
    return text.decode("utf-8", errors="replace")


def _check_writes(model: Model) -> None:
    if model.is_classifier:
        raise ModelError(
            f"{model.name}: got a sequence classifier, which judges texts and writes none, expected a causal language "
            "model; steer one with it: steer=[classifiers.Fudge(...)]"
        )


def _check_prompts(prompts: Sequence[Any]) -> None:
    for prompt in prompts:
        if not isinstance(prompt, str):
            raise PromptError(
                f"prompt: got {type(prompt).__name__} {prompt!r}, expected a string; decode it or format it first"
            )
