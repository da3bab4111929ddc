"""List what a call of a model may be given, once, for `generate`, `stream` and `structured` alike.

A new option is added here: its field, its default, and its check. Every entry point then takes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypedDict

from guidance.decoding.metrics import Clock
from guidance.decoding.request import Request
from guidance.decoding.row import Row
from guidance.errors import PromptError, SamplingError
from guidance.logits import Processor, Stage
from guidance.model import Model
from guidance.penalties import Penalties
from guidance.sampling import GREEDY, Sampling
from guidance.speculation import Speculation
from guidance.watermark import Watermark

__all__ = ["DEFAULT_MAX_TOKENS", "DecoderLike", "Options", "Search", "complete_options"]

DEFAULT_MAX_TOKENS = 256


class DecoderLike(Protocol):
    """List what a call asks of a decoder; `guidance.decoding.Decoder` is one."""

    @property
    def rows(self) -> Sequence[Row]:
        """Return one row per request, in their order."""

    @property
    def clock(self) -> Clock:
        """Return the batch's times."""

    def run(self) -> Iterator[Sequence[Row]]:
        """Produce; yield after each step the rows that changed in it."""

    def cancel(self) -> None:
        """Mark every row that still runs as cancelled."""


class Search(Protocol):
    """Replace drawing by a search: beams and the like."""

    def decoder(self, model: Model, requests: Sequence[Request], *, wants_base: bool) -> DecoderLike:
        """Return the decoder that finds one output for each request."""


class Options(TypedDict, total=False):
    """List the keyword arguments that every call of a model takes.

    Parameters
    ----------
    sampling : how tokens are drawn; greedy unless given.
    max_tokens : most tokens to produce.
    stop : strings that end the text where they begin.
    steer : processors of the law, applied in the pipeline's own order.
    watermark : a `guidance.Watermark` to mark the text with, or a processor that does; applied last.
    search : what looks for the output instead of drawing it token by token.
    speculate : how to draft tokens that the model then verifies; the law stays what it is.
    base_log_probs : also report the model's own log-probabilities.
    heal : take back the prompt's last tokens where the output may run on into them, and draw them anew
        (`guidance.decoding.healing`); for prompts that end within a word, a number or a piece of punctuation.
    overflow : what to do with a prompt that leaves no room in the context: ``"refuse"`` it, or ``"truncate-left"``:
        keep its end, so that there is room for `max_tokens`.
    on_device : mask, draw and advance on the device, which the host asks once for many steps: None does where it pays,
        on CUDA, if network, law and grammar allow it (`guidance.device`); True does or refuses; False never does. Texts
        are the same.
    """

    sampling: Sampling
    max_tokens: int
    stop: str | Sequence[str]
    steer: Sequence[Processor]
    watermark: Watermark | Processor | None
    search: Search | None
    speculate: Speculation | None
    base_log_probs: bool
    heal: bool
    overflow: Literal["refuse", "truncate-left"]
    on_device: bool | None


_DEFAULTS: Options = {
    "sampling": GREEDY,
    "max_tokens": DEFAULT_MAX_TOKENS,
    "stop": (),
    "steer": (),
    "watermark": None,
    "search": None,
    "speculate": None,
    "base_log_probs": False,
    "heal": False,
    "overflow": "refuse",
    "on_device": None,
}


def complete_options(name: str, options: Options) -> Options:
    """Return the options with every default filled in.

    Parameters
    ----------
    name : the function they were given to, for messages.

    Raises
    ------
    TypeError : for a keyword that is no option.
    PromptError, SamplingError : for a value that cannot work.

    Examples
    --------
    >>> complete_options("generate", {"max_tokens": 5})["max_tokens"]
    5
    """
    unknown = sorted(set(options) - set(_DEFAULTS))
    if unknown:
        raise TypeError(f"{name}: got the keyword {unknown[0]!r}, expected one of {', '.join(_DEFAULTS)}; check it")
    complete: Options = {**_DEFAULTS, **options}
    _check_options(name, complete)
    return complete


def _check_lengths(name: str, penalties: Penalties | None, max_tokens: int) -> None:
    if penalties is not None and penalties.min_tokens > max_tokens:
        raise SamplingError(
            f"{name}: got min_tokens={penalties.min_tokens} and max_tokens={max_tokens}, expected min_tokens <= "
            "max_tokens; change one of them"
        )


def _check_options(name: str, options: Mapping[str, Any]) -> None:
    if options["max_tokens"] < 1:
        raise PromptError(f"max_tokens: got {options['max_tokens']}, expected at least 1; raise max_tokens")
    _check_lengths(name, options["sampling"].penalties, options["max_tokens"])
    if options["overflow"] not in {"refuse", "truncate-left"}:
        raise PromptError(
            f"{name}: got overflow={options['overflow']!r}, expected 'refuse' or 'truncate-left'; change overflow"
        )
    watermark = options["watermark"]
    if isinstance(watermark, Watermark):
        watermark.check(options["sampling"], is_search=options["search"] is not None)
    elif watermark is not None and getattr(watermark, "stage", None) is not Stage.WATERMARK:
        raise SamplingError(
            f"{name}: got watermark={watermark!r}, expected a processor of the watermark stage; "
            "make one with guidance.Watermark(key=...), and give other processors as steer=[...]"
        )
    if options["search"] is not None and not hasattr(options["search"], "decoder"):
        raise SamplingError(
            f"{name}: got search={options['search']!r}, expected an object with a decoder method; use guidance.Beams"
        )
    if options["search"] is not None and options["heal"]:
        raise SamplingError(
            f"{name}: got both search and heal, expected at most one: healing draws the first token, a search draws "
            "none; drop one of them"
        )
    speculate = options["speculate"]
    if speculate is not None and not isinstance(speculate, Speculation):
        raise SamplingError(
            f"{name}: got speculate={speculate!r}, expected guidance.Speculation(draft=...); wrap the draft in one"
        )
    if options["on_device"] and options["search"] is not None:
        raise SamplingError(
            f"{name}: got both search and on_device=True, expected at most one: a search orders its texts on the host; "
            "drop one of them"
        )
    if options["search"] is not None and options["speculate"] is not None:
        raise SamplingError(
            f"{name}: got both search and speculate, expected at most one: a search follows several texts at once, "
            "speculation runs ahead on one; drop one of them"
        )
