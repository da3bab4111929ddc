"""Generate: a prompt and a type in, a typed result out; at once or as it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar, Unpack, overload

from guidance.call import Call
from guidance.errors import PromptError
from guidance.loading import as_model
from guidance.model import Model
from guidance.options import DecoderLike, Options, complete_options
from guidance.result import Event, Result, whole_characters
from guidance.splitting import decode_all

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
    given: Any = prompt  # what is no text and no list is refused below
    is_list = isinstance(given, Iterable) and not isinstance(given, str | bytes)
    prompts: list[Any] = list(given) if is_list else [given]
    if not prompts:
        return []
    settings = complete_options("generate", options)
    call = Call(as_model(model), prompts, output, settings)
    results = [call.result(row, clock) for row, clock in decode_all(call)]
    n = settings["sampling"].n
    grouped = results if n == 1 else [results[i : i + n] for i in range(0, len(results), n)]
    return grouped if is_list else grouped[0]


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
    call = Call(as_model(model), [prompt], output, settings)
    return _events(call, call.decoder(call.requests))


def _events(call: Call, decoder: DecoderLike) -> Iterator[Event[Any]]:
    seen = ""
    (row,) = decoder.rows
    try:
        for _ in decoder.run():
            text = whole_characters(row.text)
            if row.is_running and text != seen:
                partial = call.output.parse_partial(text)
                yield Event(text=text, delta=text[len(seen) :], partial=partial, metrics=row.metrics(decoder.clock))
                seen = text
    except KeyboardInterrupt:
        decoder.cancel()
    result = call.result(row, decoder.clock)
    partial = result.value if result.is_valid else call.output.parse_partial(result.text)
    delta = result.text[len(seen) :]
    yield Event(text=result.text, delta=delta, partial=partial, result=result, metrics=result.metrics)
