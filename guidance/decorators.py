"""Turn a function's signature and docstring into a typed call of a model.

The docstring is the prompt's template, the parameters are its fields, and the return annotation is the output type.
Where the docstring has typed holes (``Age: {age:int}``), it is also the template of the answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, Unpack

from guidance.api import generate, stream
from guidance.docstring import Docstring
from guidance.errors import PromptError
from guidance.loading import as_model
from guidance.model import Model
from guidance.options import Options, complete_options
from guidance.result import Event, Result

__all__ = ["Structured", "structured"]

P = ParamSpec("P")
T = TypeVar("T")


def structured(
    *, model: Model | str = "embedded", **options: Unpack[Options]
) -> Callable[[Callable[P, T]], Structured[P, T]]:
    r"""Make a function of the decorated one's signature that a model computes.

    Parameters
    ----------
    model : the model to ask, or a name for `guidance.load`, loaded at the first call and kept.
    options : those of `generate`, for every call; one output per call, so ``sampling.n`` is 1.

    Raises
    ------
    PromptError : at decoration, when there is no docstring, or a field of it is neither a parameter nor a typed hole.

    Examples
    --------
    >>> @structured(model="embedded")
    ... def extract(text: str) -> dict[str, str | int]:
    ...     '''Who is described?\n\n{text}'''
    >>> extract.prompt("Ada Lovelace, 36, London")
    'Who is described?\n\nAda Lovelace, 36, London'
    >>> @structured(model="embedded")
    ... def describe(text: str) -> dict[str, str | int]:
    ...     '''Who is described?\n\n{text}\n\nName: {name:str}\nAge: {age:int}'''
    >>> describe.prompt("Ada Lovelace, 36, London")
    'Who is described?\n\nAda Lovelace, 36, London\n\n'
    """
    settings = complete_options("structured", options)
    n = settings["sampling"].n
    if n != 1:
        raise PromptError(f"structured: got n={n}, expected n=1, for a call returns one value; use generate")

    def decorate(function: Callable[P, T]) -> Structured[P, T]:
        return Structured(function, model=model, options=settings)

    return decorate


class Structured(Generic[P, T]):
    """Call a model as if it were the function that was decorated; see `structured`."""

    def __init__(self, function: Callable[P, T], *, model: Model | str, options: Options) -> None:
        self._docstring = Docstring(function)
        self._settings = options
        self._model = model
        functools.update_wrapper(self, function)

    @property
    def model(self) -> Model:
        """Return the model, loading it when it was given by name."""
        return as_model(self._model)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the typed value.

        Raises
        ------
        OutputError : when the text is cut short or the type's own checks refuse it.
        """
        value: T = self.result(*args, **kwargs).value
        return value

    def result(self, *args: P.args, **kwargs: P.kwargs) -> Result[T]:
        """Return the whole result: value, text, log-probabilities, metrics."""
        prompt, output = self._docstring.fill(*args, **kwargs)
        result: Result[T] = generate(self.model, prompt, output, **self._settings)
        return result

    def stream(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[Event[T]]:
        """Yield the value as it is written; the last event carries the result."""
        prompt, output = self._docstring.fill(*args, **kwargs)
        return stream(self.model, prompt, output, **self._settings)

    def batch(self, inputs: Iterable[Any]) -> list[T]:
        """Return one value per input, computed as one batch.

        Parameters
        ----------
        inputs : for each call its only argument, a tuple of arguments, or a mapping of them.
        """
        return [result.value for result in self.batch_results(inputs)]

    def batch_results(self, inputs: Iterable[Any]) -> list[Result[T]]:
        """Return one result per input, computed as one batch."""
        filled = [self._fill(item) for item in inputs]
        if not self._docstring.is_same_output:
            return [generate(self.model, prompt, output, **self._settings) for prompt, output in filled]
        prompts, outputs = [prompt for prompt, _ in filled], [output for _, output in filled]
        results: list[Result[T]] = generate(self.model, prompts, *outputs[:1], **self._settings)
        return results

    def prompt(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the prompt that a call with these arguments sends."""
        return self._docstring.fill(*args, **kwargs)[0]

    def _fill(self, item: Any) -> tuple[str, Any]:
        if isinstance(item, Mapping):
            return self._docstring.fill(**item)
        return self._docstring.fill(*item) if isinstance(item, tuple) else self._docstring.fill(item)
