"""Turn a function's signature and docstring into a typed call of a model.

The docstring is the prompt's template, the parameters are its fields, and the return annotation is the output type.
"""

from __future__ import annotations

import functools
import inspect
import string
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, Unpack

from guidance.api import generate, stream
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
    PromptError : at decoration, when there is no docstring, or it names a field that is not a parameter.

    Examples
    --------
    >>> @structured(model="embedded")
    ... def extract(text: str) -> dict[str, str | int]:
    ...     '''Who is described?\n\n{text}'''
    >>> extract.prompt("Ada Lovelace, 36, London")
    'Who is described?\n\nAda Lovelace, 36, London'
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
        self._signature = inspect.signature(function)
        self._template = inspect.cleandoc(function.__doc__ or "")
        self._settings = options
        self._model = model
        hints = typing.get_type_hints(function, include_extras=True)
        self._output = hints.get("return")
        self._name = getattr(function, "__name__", "function")
        _check_template(self._name, self._template, self._signature)
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
        result: Result[T] = generate(self.model, self.prompt(*args, **kwargs), self._output, **self._settings)
        return result

    def stream(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[Event[T]]:
        """Yield the value as it is written; the last event carries the result."""
        return stream(self.model, self.prompt(*args, **kwargs), self._output, **self._settings)

    def batch(self, inputs: Iterable[Any]) -> list[T]:
        """Return one value per input, computed as one batch.

        Parameters
        ----------
        inputs : for each call its only argument, a tuple of arguments, or a mapping of them.
        """
        return [result.value for result in self.batch_results(inputs)]

    def batch_results(self, inputs: Iterable[Any]) -> list[Result[T]]:
        """Return one result per input, computed as one batch."""
        prompts = [self._prompt_of(item) for item in inputs]
        results: list[Result[T]] = generate(self.model, prompts, self._output, **self._settings)
        return results

    def prompt(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the prompt that a call with these arguments sends."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return self._template.format(**bound.arguments)

    def _prompt_of(self, item: Any) -> str:
        prompt: Callable[..., str] = self.prompt
        if isinstance(item, Mapping):
            return prompt(**item)
        return prompt(*item) if isinstance(item, tuple) else prompt(item)


def _check_template(name: str, template: str, signature: inspect.Signature) -> None:
    if not template:
        raise PromptError(f"{name}: got no docstring, expected one: it is the prompt; write what the model is to do")
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
    except ValueError as error:
        raise PromptError(
            f"{name}: got a docstring that is not a template ({error}), expected fields such as {{text}}; "
            "write literal braces twice"
        ) from error
    known = set(signature.parameters)
    for field in fields:
        root = field.split(".")[0].split("[")[0]
        if root not in known:
            raise PromptError(
                f"{name}: got the field {{{field}}} in the docstring, expected one of {sorted(known)}; "
                "name a parameter, or write literal braces twice"
            )
