"""Steer by class-conditional language models (GeDi: Krause et al. 2020, arXiv 2009.06367).

By Bayes' rule p(class | text) comes from p(text | class) of every class, one forward pass each: all candidates in one
row per class. Nothing is filtered: the paper's thresholds on candidates cut the support; truncation can do that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from classifiers.discriminator import Discriminator, Reader
from classifiers.errors import ClassifierError
from classifiers.rescoring import Rescorer
from classifiers.vocabularies import check_vocabulary
from fsm import Vocabulary
from guidance.loading import as_model
from guidance.model import CausalLM, KvCache, Model

__all__ = ["GeDi"]


@dataclass(frozen=True, slots=True, eq=False)
class _ClassLaws:
    """Score every token by the laws of C classes.

    networks : one for each class; equal ones run as rows of one batch
    codes    : what each class's row reads before the prompt
    """

    networks: tuple[CausalLM, ...]
    codes: tuple[tuple[int, ...], ...]
    attribute: int
    scale: float
    per_token: bool

    @property
    def scores_all(self) -> bool:
        """Tell that one pass scores every token."""
        return True

    def open(self, prompts: Sequence[Sequence[int]]) -> _ClassReader:
        """Return a reader that has read these prompts."""
        runs = [
            _Run.open(
                network,
                [code for other, code in zip(self.networks, self.codes, strict=True) if other is network],
                prompts,
            )
            for network in dict.fromkeys(self.networks)
        ]
        return _ClassReader(self, runs, [[(0.0,) * len(self.codes)] for _ in prompts])


class _Run:
    """Run one network for the classes it stands for: rows of class 0, then rows of class 1, and so on."""

    def __init__(self, network: CausalLM, num_classes: int, cache: KvCache, laws: torch.Tensor) -> None:
        self.network = network
        self.num_classes = num_classes
        self.cache = cache
        self.laws = laws  # float32[C' * B, N, V]: log-probabilities at the last positions

    @classmethod
    def open(cls, network: CausalLM, codes: Sequence[Sequence[int]], prompts: Sequence[Sequence[int]]) -> _Run:
        """Read every class's code and the prompts."""
        cache, logits = network.prefill([[*code, *prompt] for code in codes for prompt in prompts])
        return cls(network, len(codes), cache, torch.log_softmax(logits.float(), dim=-1))

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None) -> None:
        """Append P positions to every class's rows."""
        repeated = token_ids.to(self.network.device).repeat(self.num_classes, 1)
        each = None if lengths is None else list(lengths) * self.num_classes
        logits = self.network.decode_step(self.cache, repeated, each, num_logits=token_ids.shape[1])
        self.laws = torch.log_softmax(logits.float(), dim=-1)

    def by_class(self) -> torch.Tensor:
        """Return float32[C', B, N, V]."""
        return self.laws.view(self.num_classes, -1, *self.laws.shape[1:])

    def repeat(self, rows: Sequence[int], num_rows: int) -> list[int]:
        """Return the rows of every class."""
        return [place * num_rows + row for place in range(self.num_classes) for row in rows]


class _ClassReader(Reader):
    """Follow rows with every class's law, and each class's log-probability of the text so far.

    totals : for each row and each length so far, one log-probability per class; owned by the group of rows
    """

    def __init__(self, classes: _ClassLaws, runs: list[_Run], totals: list[list[tuple[float, ...]]]) -> None:
        self._classes = classes
        self._runs = runs
        self._totals = totals
        self._num_logits = 1
        self._back = [0] * len(totals)  # positions of the last pass that each row has forgotten

    @property
    def num_bytes(self) -> int:
        """Return the memory of the caches."""
        return sum(run.cache.num_bytes for run in self._runs)

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None = None, *, num_logits: int = 1) -> None:
        """Append P positions; every class's law is asked how likely they were."""
        before = self._laws()
        for run in self._runs:
            run.read(token_ids, lengths)
        laws = self._laws()
        width = token_ids.shape[1]
        for row, totals in enumerate(self._totals):
            own = token_ids[row, width - (width if lengths is None else lengths[row]) :].tolist()
            for place, token in enumerate(own):
                at = before[:, row, -1 - self._back[row]] if place == 0 else laws[:, row, width - len(own) + place - 1]
                totals.append(tuple(old + float(new) for old, new in zip(totals[-1], at[:, token], strict=True)))
        self._back = [0] * len(self._totals)
        self._num_logits = num_logits

    def _laws(self) -> torch.Tensor:
        """Return float32[C, B, P, V] in the order of the classes."""
        parts = {id(run.network): iter(run.by_class()) for run in self._runs}
        return torch.stack([next(parts[id(network)]) for network in self._classes.networks])

    def prefix_scores(self) -> torch.Tensor:
        """Return log p(class | prefix): float32[B, N]."""
        sums, counts = self._sums()
        return self._posterior(sums, counts.clamp(min=1))

    def candidate_scores(self, token_ids: torch.Tensor | None) -> torch.Tensor:
        """Return log p(class | prefix, token)."""
        sums, counts = self._sums()
        laws = self._laws()[:, :, -self._num_logits :]
        scores = self._posterior(sums[..., None] + laws, counts[..., None] + 1)
        return scores if token_ids is None else scores.gather(-1, token_ids.to(scores.device))

    def _sums(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each class's log-probability of the text at each position, and the text's length.

        sums : float64[C, B, N]   counts : int64[B, N]
        """
        number = self._num_logits
        lines = [[line[max(0, len(line) - number + place)] for place in range(number)] for line in self._totals]
        counts = [[max(0, len(line) - number + place) for place in range(number)] for line in self._totals]
        device = self._runs[0].laws.device
        sums = torch.tensor(lines, dtype=torch.float64, device=device).permute(2, 0, 1)
        return sums, torch.tensor(counts, device=device)

    def _posterior(self, sums: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        divisor = counts if self._classes.per_token else torch.ones_like(counts)
        return torch.log_softmax(self._classes.scale * sums / divisor, dim=0)[self._classes.attribute].float()

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        num_rows = len(self._totals)
        for run in self._runs:
            chosen = run.repeat(rows, num_rows)
            run.cache.select(chosen)
            run.laws = run.laws[torch.tensor(chosen, device=run.laws.device)]
        self._totals = [list(self._totals[row]) for row in rows]
        self._back = [self._back[row] for row in rows]

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        for run in self._runs:
            run.cache.drop(list(counts) * run.num_classes)
        for row, count in enumerate(counts):
            if count:
                del self._totals[row][-count:]
        self._back = [old + count for old, count in zip(self._back, counts, strict=True)]

    def fork(self) -> _ClassReader:
        """Return an independent copy."""
        runs = [_Run(run.network, run.num_classes, run.cache.fork(), run.laws) for run in self._runs]
        other = _ClassReader(self._classes, runs, [list(line) for line in self._totals])
        other._num_logits, other._back = self._num_logits, list(self._back)
        return other


@dataclass(frozen=True, eq=False)
class GeDi(Rescorer):
    """Steer towards a class by language models that write each class.

    Parameters
    ----------
    classes : for each class a model that writes it, or a text that makes `model` write it; two or more.
    attribute : the class to steer towards.
    model : the model that texts are codes for; None when every class has its own.
    scale : sharpens the posterior (the paper's learned scale).
    per_token : divide log-probabilities by the length of the text, as the paper does; without it and at strength 1 the
        law is Bayes' rule itself.
    strength : the paper's omega.

    Raises
    ------
    ClassifierError : for fewer than two classes, an attribute that is none, or a code without a model.
    VocabularyError : when two classes' models do not share their tokens.

    Examples
    --------
    >>> steer = GeDi({"praise": "embedded/positive", "blame": "embedded/negative"}, attribute="praise")
    >>> steer.strength
    30.0
    """

    classes: Mapping[str, Model | str]
    attribute: str = field(kw_only=True)
    model: Model | str | None = field(default=None, kw_only=True)
    scale: float = field(default=1.0, kw_only=True)
    per_token: bool = field(default=True, kw_only=True)
    strength: float = field(default=30.0, kw_only=True)
    top_k: int | None = field(default=None, kw_only=True)
    _laws: _ClassLaws = field(init=False, repr=False)
    _vocabulary: Vocabulary = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Load the models and encode the codes."""
        super().__post_init__()
        if len(self.classes) < 2 or self.attribute not in self.classes:
            raise ClassifierError(
                f"GeDi: got the attribute {self.attribute!r} and the classes {', '.join(map(repr, self.classes))}, "
                "expected two or more classes, the attribute among them; name what it is told apart from"
            )
        models = [self._model_of(given) for given in self.classes.values()]
        codes = [
            tuple(models[i].encode_text(given)) if self.model is not None and isinstance(given, str) else ()
            for i, given in enumerate(self.classes.values())
        ]
        for model in models[1:]:
            check_vocabulary(models[0].vocabulary, model.vocabulary, "GeDi")
        laws = _ClassLaws(
            networks=tuple(model.language_model for model in models),
            codes=tuple(codes),
            attribute=list(self.classes).index(self.attribute),
            scale=self.scale,
            per_token=self.per_token,
        )
        object.__setattr__(self, "_laws", laws)
        object.__setattr__(self, "_vocabulary", models[0].vocabulary)

    def _model_of(self, given: Model | str) -> Model:
        model = as_model(self.model if self.model is not None and isinstance(given, str) else given)
        if model.is_classifier:
            raise ClassifierError(
                f"GeDi: got {model.name}, a sequence classifier, expected language models of each class; use Fudge"
            )
        return model

    @property
    def discriminator(self) -> Discriminator:
        """Return the classes' laws."""
        return self._laws

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the tokens they read."""
        return self._vocabulary
