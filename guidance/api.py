"""Generate: a prompt and a type in, a typed result out; at once or as it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

from guidance.decoding import Decoder, Request, Row
from guidance.decoding.metrics import Clock
from guidance.errors import ModelError, PromptError
from guidance.logits import Pipeline, Processor
from guidance.model import Model
from guidance.output import Output
from guidance.result import Event, Result
from guidance.sampling import GREEDY, Sampling

__all__ = ["generate", "stream"]

T = TypeVar("T")

DEFAULT_MAX_TOKENS = 256


@overload
def generate(
    model: Model,
    prompt: str,
    output: type[T],
    *,
    sampling: Sampling = ...,
    max_tokens: int = ...,
    stop: str | Sequence[str] = ...,
    steer: Sequence[Processor] = ...,
    base_log_probs: bool = ...,
) -> Result[T]: ...


@overload
def generate(
    model: Model,
    prompt: str | Sequence[str],
    output: Any = ...,
    *,
    sampling: Sampling = ...,
    max_tokens: int = ...,
    stop: str | Sequence[str] = ...,
    steer: Sequence[Processor] = ...,
    base_log_probs: bool = ...,
) -> Any: ...


def generate(
    model: Model,
    prompt: str | Sequence[str],
    output: Any = None,
    *,
    sampling: Sampling = GREEDY,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    stop: str | Sequence[str] = (),
    steer: Sequence[Processor] = (),
    base_log_probs: bool = False,
) -> Any:
    r"""Generate what follows a prompt, as a value of the type asked for.

    Parameters
    ----------
    model : from `guidance.load`, or `guidance.Model`.
    prompt : one prompt, or a list of them, which runs as one batch.
    output : a Pydantic model, dataclass, TypedDict, Enum, Literal, built-in or container type, a callable (its
        arguments), a JSON Schema as a dict, or a grammar; None or str for free text.
    sampling : how tokens are drawn; greedy unless given.
    max_tokens : most tokens to produce.
    stop : strings that end the text where they begin.
    steer : logits processors to apply, in the pipeline's own order.
    base_log_probs : also report the model's own log-probabilities.

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
    call = _Call(
        model,
        prompts,
        output,
        sampling=sampling,
        max_tokens=max_tokens,
        stop=stop,
        steer=steer,
        wants_base=base_log_probs,
    )
    try:
        for _ in call.decoder.run():
            pass
    except KeyboardInterrupt:
        call.decoder.cancel()
    results = [call.result(row) for row in call.decoder.rows]
    grouped = results if sampling.n == 1 else [results[i : i + sampling.n] for i in range(0, len(results), sampling.n)]
    return grouped[0] if isinstance(prompt, str) else grouped


@overload
def stream(
    model: Model,
    prompt: str,
    output: type[T],
    *,
    sampling: Sampling = ...,
    max_tokens: int = ...,
    stop: str | Sequence[str] = ...,
    steer: Sequence[Processor] = ...,
    base_log_probs: bool = ...,
) -> Iterator[Event[T]]: ...


@overload
def stream(
    model: Model,
    prompt: str,
    output: Any = ...,
    *,
    sampling: Sampling = ...,
    max_tokens: int = ...,
    stop: str | Sequence[str] = ...,
    steer: Sequence[Processor] = ...,
    base_log_probs: bool = ...,
) -> Iterator[Event[Any]]: ...


def stream(
    model: Model,
    prompt: Any,
    output: Any = None,
    *,
    sampling: Sampling = GREEDY,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    stop: str | Sequence[str] = (),
    steer: Sequence[Processor] = (),
    base_log_probs: bool = False,
) -> Iterator[Event[Any]]:
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
    if not isinstance(prompt, str) or sampling.n != 1:
        raise PromptError(
            f"stream: got {type(prompt).__name__} with n={sampling.n}, expected one prompt and n=1; "
            "use generate for several outputs"
        )
    call = _Call(
        model,
        [prompt],
        output,
        sampling=sampling,
        max_tokens=max_tokens,
        stop=stop,
        steer=steer,
        wants_base=base_log_probs,
    )
    return _events(call)


class _Call:
    """Hold one call's output type and decoder."""

    def __init__(
        self,
        model: Model,
        prompts: Sequence[str],
        output: Any,
        *,
        sampling: Sampling,
        max_tokens: int,
        stop: str | Sequence[str],
        steer: Sequence[Processor],
        wants_base: bool,
    ) -> None:
        _check_model(model)
        _check_call(prompts, max_tokens)
        stops = (stop,) if isinstance(stop, str) else tuple(stop)
        pipeline = Pipeline(sampling, [processor.bind(model) for processor in steer])
        self.output: Output = model.compile(output)
        self.wants_base = wants_base
        seen: Counter[str] = Counter()
        requests = [
            Request(
                prompt_ids=token_ids,
                pipeline=pipeline,
                max_tokens=max_tokens,
                compiled=self.output.compiled,
                row=row,
                stops=tuple(text.encode() for text in stops if text),
            )
            for prompt in prompts
            for token_ids in [tuple(model.encode(prompt))]
            for row in _take_rows(seen, prompt, sampling.n)
        ]
        self.decoder = Decoder(model, requests, wants_base=wants_base)

    def result(self, row: Row) -> Result[Any]:
        """Return what one row became."""
        assert row.stop_reason is not None
        text = row.text.decode("utf-8", errors="replace")
        return Result(
            text=text,
            token_ids=tuple(row.token_ids),
            log_probs=tuple(row.log_probs),
            base_log_probs=tuple(row.base_log_probs) if self.wants_base else None,
            stop_reason=row.stop_reason,
            metrics=row.metrics(self.clock),
            parsed=self.output.parse(text, row.stop_reason),
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


def _check_model(model: object) -> None:
    if isinstance(model, Model):
        return
    given, cure = type(model).__name__, "wrap it: guidance.Model(network, tokenizer)"
    if isinstance(model, str):
        given, cure = repr(model), f"load it: guidance.load({model!r})"
    raise ModelError(f"model: got {given}, expected a guidance.Model; {cure}")


def _check_call(prompts: Sequence[Any], max_tokens: int) -> None:
    for prompt in prompts:
        if not isinstance(prompt, str):
            raise PromptError(
                f"prompt: got {type(prompt).__name__} {prompt!r}, expected a string; decode it or format it first"
            )
    if max_tokens < 1:
        raise PromptError(f"max_tokens: got {max_tokens}, expected at least 1; raise max_tokens")
