"""Search for text that is likely and yet unlike what was said: contrastive search (Su et al. 2022, 2202.06417)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import torch

from guidance.decoding import Request, Row
from guidance.decoding.group import pad_left
from guidance.decoding.stopping import StopReason
from guidance.model import Model
from guidance.search.beam import Beam, Grower
from guidance.search.beams import check_setting
from guidance.search.choices import Choices
from guidance.search.decoder import SearchDecoder
from guidance.search.frontier import Frontier
from guidance.search.hidden import Reading, make_hidden_reader

__all__ = ["Contrastive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrastive:
    """Take, among the k most likely tokens, the one of largest ``(1 - alpha) * p - alpha * likeness``.

    Likeness is the largest cosine between the token's last hidden state and that of any token before it, prompt
    included; p is the processed law. All candidates are read in one forward pass, which also gives the next step's
    logits. With ``alpha=0`` or ``k=1`` it is greedy.

    Parameters
    ----------
    k : candidates at each step.
    alpha : weight of the likeness, 0 to 1.

    Raises
    ------
    SamplingError : when a setting is out of range.

    Examples
    --------
    >>> Contrastive(k=4).alpha
    0.6
    """

    k: int = 5
    alpha: float = 0.6

    def __post_init__(self) -> None:
        """Refuse settings no search belongs to."""
        check_setting("Contrastive", "k", self.k, "at least 1", holds=self.k >= 1)
        check_setting("Contrastive", "alpha", self.alpha, "0 <= alpha <= 1", holds=0 <= self.alpha <= 1)

    def decoder(self, model: Model, requests: Sequence[Request], *, wants_base: bool) -> SearchDecoder:
        """Return the decoder that finds one output for each request."""
        return _ContrastiveDecoder(model, requests, self, wants_base=wants_base)


class _SingleFrontier(Frontier):
    """Hold the one text of a prompt."""

    def step(self, choices: Choices) -> None:
        """Do nothing: the decoder chooses, since only it sees the hidden states."""

    def best(self, count: int) -> list[Beam]:
        """Return the text."""
        return (self.finished or self.running)[:count]

    def replace(self, beam: Beam) -> None:
        """Go on with another text."""
        self.running, self.finished = ([beam], []) if beam.is_running else ([], [beam])


class _ContrastiveDecoder(SearchDecoder):
    """Read k candidates of every prompt at once, and keep one."""

    def __init__(self, model: Model, requests: Sequence[Request], search: Contrastive, *, wants_base: bool) -> None:
        self._reader = make_hidden_reader(model)
        super().__init__(model, requests, _make_frontier, num_results=1, wants_base=wants_base)
        self._search = search
        self._grower = Grower(self._writer)
        self._past: list[torch.Tensor] = []  # float[n, D], of length one, for each row of the cache

    def run(self) -> Iterator[Sequence[Row]]:
        """Search; yield after each step."""
        self._make_frontiers()
        logits = self._prefill()
        yield self.rows
        while logits is not None:
            logits = self._advance(logits)
            yield self.rows
        self._hand_out()
        self._finish()

    def _prefill(self) -> torch.Tensor | None:
        """Read the prompts, keeping the hidden states of all their tokens."""
        beams = self._beams
        if not beams:
            return None
        prompts = [beam.pending for beam in beams]
        self._cache, reading = self._reader.prefill(prompts)
        self._past = [_unit(line) for line in reading.hidden]
        logits = self._last_logits(reading)
        if max(len(prompt) for prompt in prompts) > 1:
            reading = self._read_lines([prompt[1:] for prompt in prompts])
            self._remember(reading, [len(prompt) - 1 for prompt in prompts])
            is_longer = torch.tensor([len(prompt) > 1 for prompt in prompts], device=logits.device)
            logits = torch.where(is_longer[:, None], self._last_logits(reading), logits)
        self._open_companions(beams)
        self._count(beams)
        self.clock.prefilled = perf_counter()
        return logits

    def _advance(self, logits: torch.Tensor) -> torch.Tensor | None:
        """Read the candidates of every prompt, keep the best of each, and return the logits after it."""
        children = self._candidates(logits)
        if not children:
            return None
        self._move([child.place for child in children])
        lines = [child.pending or [self._silent_end] for child in children]
        reading = self._read_lines(lines)
        if self._has_companions:
            self._read_beside(lines)
        chosen = self._choose_best(children, [len(line) for line in lines], reading)
        kept = [index for index in chosen if children[index].is_running]
        frontiers = [frontier for frontier in self._frontiers if frontier.running]
        for frontier, index in zip(frontiers, chosen, strict=True):
            assert isinstance(frontier, _SingleFrontier)
            frontier.replace(children[index])
        if not kept:
            return None
        lengths = [len(lines[index]) for index in kept]
        self._move(kept)
        reading = Reading(reading.hidden[kept], reading.logits[kept])
        self._remember(reading, lengths)
        self._count(self._beams)
        return self._last_logits(reading)

    def _candidates(self, logits: torch.Tensor) -> list[Beam]:
        """Return up to k children of every running beam; a beam without any ends with an error."""
        law = self._law(logits)
        base = torch.log_softmax(logits.float(), dim=-1) if self._wants_base else None
        children: list[Beam] = []
        for row, beam in enumerate(self._beams):
            choices = Choices(law, slice(row, row + 1), base)
            found: list[Beam] = []
            for choice in choices.ranked([0.0], first=self._search.k):
                child = self._grower.grow(beam, choice.token_id, choice.log_prob, base_log_prob=choice.base_log_prob)
                if child is not None:
                    child.place, child.perturbed = row, choice.log_prob
                    found.append(child)
                if len(found) == self._search.k:
                    break
            if not found:
                beam.stop_reason = StopReason.ERROR
            children += found
        self._drop_broken()
        return children

    def _drop_broken(self) -> None:
        for frontier in self._frontiers:
            if frontier.running and not frontier.running[0].is_running:
                frontier.finished, frontier.running = frontier.running, []

    def _choose_best(self, children: Sequence[Beam], lengths: Sequence[int], reading: Reading) -> list[int]:
        """Return the index of the best child of each parent."""
        best: dict[int, tuple[float, int]] = {}
        alpha = self._search.alpha
        for index, (child, length) in enumerate(zip(children, lengths, strict=True)):
            state = _unit(reading.hidden[index, -length])
            likeness = float((self._past[index] @ state).max())
            score = (1 - alpha) * float(torch.tensor(child.perturbed).exp()) - alpha * likeness
            if child.place not in best or score > best[child.place][0]:
                best[child.place] = (score, index)
        return [index for _, index in best.values()]

    def _move(self, rows: Sequence[int]) -> None:
        """Keep these rows of everything that stands for tokens read."""
        assert self._cache is not None
        self._cache.select(rows)
        self._past = [self._past[row] for row in rows]
        for companion in self._companions:
            if companion is not None:
                companion.select(rows)

    def _read_lines(self, lines: Sequence[Sequence[int]]) -> Reading:
        assert self._cache is not None
        token_ids, lengths = pad_left(lines, self._model.language_model.device)
        return self._reader.read(self._cache, token_ids, lengths, num_logits=token_ids.shape[1])

    def _remember(self, reading: Reading, lengths: Sequence[int]) -> None:
        """Append the hidden states of the last ``lengths[b]`` positions of each row."""
        for row, length in enumerate(lengths):
            if length:
                self._past[row] = torch.cat([self._past[row], _unit(reading.hidden[row, -length:])])

    def _last_logits(self, reading: Reading) -> torch.Tensor:
        return reading.logits[:, -1, : self._model.vocabulary.size]

    @property
    def _silent_end(self) -> int:
        """Return what a candidate that ends the text is read as."""
        ends = self._model.vocabulary.eos_token_ids
        return ends[0] if ends else 0


def _make_frontier(root: Beam, grower: Grower) -> Frontier:
    del grower
    return _SingleFrontier(root)


def _unit(hidden: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(hidden.float(), dim=-1)
