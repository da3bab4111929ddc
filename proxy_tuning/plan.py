"""Compile a formula to one evaluation plan: which networks run on which rows, and how their logits add up.

Weights of one law add up first, so what cancels is never computed, and a term that is the steered model itself is read
off the logits it has anyway. What is left runs in as few forward passes as can be: terms of one network are rows of one
batch, small networks of one shape run stacked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from guidance.logits import Processor
from guidance.model import CausalLM, Model
from guidance.transformer.llama import LlamaCausalLM
from proxy_tuning.alignment import Alignment, align_vocabularies
from proxy_tuning.errors import SteeringError
from proxy_tuning.formula import Attribute, Extreme, Formula, LastToken, Prompt, Scorer, Term, parts_of
from proxy_tuning.stack import can_stack, stack_networks
from proxy_tuning.weights import NOTHING, Weight

__all__ = ["Blend", "Choice", "Forward", "Plan", "Reader", "compile_plan"]


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """Hold one term bound to the steered model: its network, its ids, and what it reads in place of a prompt."""

    model: Model
    alignment: Alignment
    prompt_of: Callable[[Sequence[int]], list[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """Hold one forward pass of M networks over blocks of rows; block k belongs to network ``k // (K / M)``.

    readers : the reader of each of the K blocks
    """

    network: CausalLM
    num_networks: int
    readers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blend:
    """Hold a weighed sum: of the base, of readers, of scorers and of choices, each by its place in the plan."""

    base: Weight
    readers: tuple[tuple[int, Weight], ...] = ()
    scorers: tuple[tuple[int, Weight], ...] = ()
    choices: tuple[tuple[Choice, Weight], ...] = ()
    is_normalised: bool = False

    @property
    def total(self) -> Weight:
        """Return the sum of the weights of laws; classifiers do not count."""
        return sum((weight for _, weight in (*self.readers, *self.choices)), self.base)

    @property
    def is_plain(self) -> bool:
        """Tell whether it is the base's own law."""
        is_alone = not (self.readers or self.scorers or self.choices)
        return is_alone and self.base.is_constant and (self.is_normalised or self.base.constant == 1.0)

    @property
    def has_schedule(self) -> bool:
        """Tell whether a weight varies from step to step."""
        parts = (*self.readers, *self.scorers, *self.choices)
        inner = any(blend.has_schedule for choice, _ in self.choices for blend in choice.blends)
        return inner or not self.base.is_constant or any(not weight.is_constant for _, weight in parts)


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold laws of which the largest (union) or the smallest (intersection) probability counts."""

    blends: tuple[Blend, ...]
    is_union: bool


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Hold what to compute beside the steered model, and how to combine it.

    Examples
    --------
    >>> import guidance
    >>> from proxy_tuning import BASE, Term
    >>> writer, positive, negative = (guidance.load(f"embedded/{n}") for n in ("writer", "positive", "negative"))
    >>> plan = compile_plan(BASE + 2 * Term(positive) - 2 * Term(negative), writer)
    >>> print(plan)
    embedded/positive and embedded/negative, stacked
    """

    blend: Blend
    readers: tuple[Reader, ...]
    forwards: tuple[Forward, ...]
    scorers: tuple[Scorer, ...]
    vocabulary_size: int

    @property
    def needs_nothing(self) -> bool:
        """Tell whether nothing is computed beside the steered model."""
        return not (self.forwards or self.scorers)

    def __str__(self) -> str:
        """Name the forward passes of one step, beside the steered model's own."""
        lines = []
        for forward in self.forwards:
            names = [self.readers[reader].model.name for reader in forward.readers]
            stacked = ", stacked" if forward.num_networks > 1 else ""
            lines.append(f"{' and '.join(names)}{stacked}")
        lines += [type(scorer).__name__ for scorer in self.scorers]
        return "; ".join(lines) or "nothing"


def compile_plan(formula: Formula, base: Model, *, is_normalised: bool = False) -> Plan:
    """Return the plan of a formula that steers a model.

    Raises
    ------
    VocabularyError : when a term's token ids mean something else.
    SteeringError : when the weights of a normalised sum add up to nothing.
    """
    builder = _Builder(base)
    blend = builder.blend(formula, is_normalised=is_normalised)
    readers, scorers = tuple(builder.readers.values()), tuple(builder.scorers)
    return Plan(blend, readers, _group(builder), scorers, base.vocabulary.size)


class _Builder:
    """Collect the readers and scorers of one formula, each once."""

    def __init__(self, base: Model) -> None:
        self.base = base
        self.places: dict[tuple[object, ...], int] = {}
        self.readers: dict[int, Reader] = {}
        self.scorers: list[Scorer] = []

    def blend(self, formula: Formula, *, is_normalised: bool) -> Blend:
        base, readers = NOTHING, dict[int, Weight]()
        scorers: list[tuple[int, Weight]] = []
        extremes: list[tuple[Extreme, Weight]] = []
        terms: dict[tuple[object, ...], tuple[Term, Weight]] = {}
        for part, weight in parts_of(formula).items():
            if isinstance(part, Term) and not self._is_base(part):
                key = self._key(part)
                terms[key] = (part, weight + terms[key][1] if key in terms else weight)
            elif isinstance(part, Attribute):
                scorers.append((self._scorer(part.scorer), weight))
            elif isinstance(part, Extreme):
                extremes.append((part, weight))
            else:
                base += weight
        for key, (term, weight) in terms.items():
            if not weight.is_nothing:
                readers[self._reader(key, term)] = weight
        choices = tuple((self._choice(part), weight) for part, weight in extremes)
        found = Blend(base, tuple(readers.items()), tuple(scorers), choices, is_normalised)
        _check_total(found)
        return found

    def _choice(self, part: Extreme) -> Choice:
        return Choice(tuple(self.blend(inner, is_normalised=True) for inner in part.parts), part.is_union)

    def _is_base(self, term: Term) -> bool:
        is_same = term.loaded(self.base).language_model is self.base.language_model
        return is_same and term.prompt is None and not term.vocabulary_map

    def _key(self, term: Term) -> tuple[object, ...]:
        model = term.loaded(self.base)
        entries = None if term.vocabulary_map is None else tuple(sorted(term.vocabulary_map.items(), key=str))
        return (id(model.language_model), term.prompt, entries)

    def _reader(self, key: tuple[object, ...], term: Term) -> int:
        place = self.places.setdefault(key, len(self.places))
        if place not in self.readers:
            self.readers[place] = _bind(term, self.base)
        return place

    def _scorer(self, scorer: Scorer) -> int:
        if isinstance(scorer, Processor):
            scorer.bind(self.base)  # refuses other tokens
        if scorer not in self.scorers:
            self.scorers.append(scorer)
        return self.scorers.index(scorer)


def _bind(term: Term, base: Model) -> Reader:
    model = term.loaded(base)
    alignment = align_vocabularies(
        base.vocabulary, model.vocabulary, vocabulary_map=term.vocabulary_map, name=model.name
    )
    return Reader(model, alignment, _prompt_of(term.prompt, model, base, alignment))


def _prompt_of(prompt: Prompt, model: Model, base: Model, alignment: Alignment) -> Callable[[Sequence[int]], list[int]]:
    """Return what a model reads in place of a prompt of the base's ids."""
    if prompt is None:
        return alignment.translate
    if isinstance(prompt, LastToken):
        return lambda prompt_ids: alignment.translate(prompt_ids[-1:])
    if isinstance(prompt, str):
        fixed = model.encode(prompt)
        return lambda _: list(fixed)
    template = prompt

    def apply(prompt_ids: Sequence[int]) -> list[int]:
        found = template(base.decode(prompt_ids))
        return model.encode(found) if isinstance(found, str) else list(found)

    return apply


def _check_total(blend: Blend) -> None:
    total = blend.total
    if blend.is_normalised and total.is_constant and total.constant <= 0:
        raise SteeringError(
            f"formula: got weights of laws that add up to {total.constant:g}, expected more than 0; "
            "raise the weight of a law, or lower one that is subtracted"
        )


def _group(builder: _Builder) -> tuple[Forward, ...]:
    """Return the forward passes: one for all blocks of a network, one for all networks that stack."""
    blocks: dict[int, list[int]] = {}
    for place, reader in builder.readers.items():
        blocks.setdefault(id(reader.model.language_model), []).append(place)
    stacks: list[list[list[int]]] = []
    for own in blocks.values():
        for stack in stacks:
            if len(stack[0]) == len(own) and can_stack([_network(builder, places) for places in (*stack, own)]):
                stack.append(own)
                break
        else:
            stacks.append([own])
    return tuple(_forward(builder, stack) for stack in stacks)


def _forward(builder: _Builder, stack: list[list[int]]) -> Forward:
    networks = [_network(builder, places) for places in stack]
    network = networks[0] if len(stack) == 1 else stack_networks(cast("tuple[LlamaCausalLM, ...]", tuple(networks)))
    return Forward(network, len(stack), tuple(place for places in stack for place in places))


def _network(builder: _Builder, places: Sequence[int]) -> CausalLM:
    return builder.readers[places[0]].model.language_model
