"""Take one decode step with nothing read back: draw, advance, append what is forced, and let the network read it.

All that a step reads and writes is in buffers that never move, and every shape is fixed, so on CUDA the whole step is
captured once and replayed. Elsewhere the same code runs as it is: that is the graph's twin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fsm import Vocabulary
from guidance.device.grammar import DeviceGrammar
from guidance.device.uniforms import uniforms_at
from guidance.logits.device_draw import draw_on_device
from guidance.logits.sampler import Limits
from guidance.transformer import LlamaCausalLM
from guidance.transformer.fixed_step import read_fixed
from guidance.transformer.threads import ThreadLimit

__all__ = ["ACCEPTED", "ENDED", "FULL", "PARKED", "RUNNING", "DeviceStep", "StepShape"]

RUNNING, ACCEPTED, ENDED, FULL, PARKED = range(5)
"""What became of a row: goes on; whole; an end token was drawn; no token is left; handed back to the usual loop."""

_MOST_AT_ONCE = 64
_LONGEST_STEP = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StepShape:
    """Hold what is fixed for a step, and so what a captured graph is good for.

    Parameters
    ----------
    num_rows : B.
    num_slots : tokens of prompt and output that a row may hold.
    most_tokens : tokens of output that a row may hold.
    limits : truncations of the law.
    wants_base : also record the model's own log-probabilities.
    """

    num_rows: int
    num_slots: int
    most_tokens: int
    limits: Limits
    wants_base: bool


class DeviceStep:
    """Hold the buffers of one shape, and step.

    tokens    : int64[B, N + 1]    output tokens, N = `most_tokens`; the last column takes padding
    log_probs : float64[B, N + 1]  of the law drawn from; 0 where a token was forced
    base      : float64[B, N + 1]  of the model's own law; NaN where forced
    is_drawn  : bool[B, N + 1]
    counts    : int64[B]           how many tokens there are
    outcomes  : int64[B]           `RUNNING` and the others
    logits    : float32[B, V']     after each row's last token

    Owned by one `DeviceLoop` at a time.

    Parameters
    ----------
    network : the plain decoder.
    grammar : of all rows.
    shape : the sizes.
    vocabulary : names the end tokens; logits may be wider.
    """

    def __init__(
        self, network: LlamaCausalLM, grammar: DeviceGrammar, shape: StepShape, *, vocabulary: Vocabulary
    ) -> None:
        device, num_rows = network.device, shape.num_rows
        self.shape = shape
        self.grammar = grammar
        self._network = network
        self._size = vocabulary.size
        # As many positions as cost what one does where reading the weights is what a step takes.
        most = max(1, min(_LONGEST_STEP, _MOST_AT_ONCE // num_rows))
        self.num_positions = 1 if grammar.longest_run == 0 else most
        self.cache = network.allocate_static_cache(num_rows, shape.num_slots)
        self._num_work = num_rows * self.num_positions * network.num_parameters
        self._is_end = torch.zeros(vocabulary.size, dtype=torch.bool, device=device)
        self._is_end.index_fill_(0, torch.tensor(list(vocabulary.eos_token_ids), device=device), value=True)
        self._columns = torch.arange(self.num_positions, device=device)
        wide = (num_rows, shape.most_tokens + 1)
        self.tokens = torch.zeros(wide, dtype=torch.int64, device=device)
        self.log_probs = torch.zeros(wide, dtype=torch.float64, device=device)
        self.base = torch.zeros(wide if shape.wants_base else (0, 0), dtype=torch.float64, device=device)
        self.is_drawn = torch.zeros(wide, dtype=torch.bool, device=device)
        self.logits = torch.zeros(num_rows, network.logits_size, device=device)
        self.scales = torch.zeros(num_rows, device=device)
        self.counts, self.outcomes, self._states, self._cursors, self._starts, self._most, self._words = (
            torch.zeros(num_rows, dtype=torch.int64, device=device) for _ in range(7)
        )
        self._graph: torch.cuda.CUDAGraph | None = None
        if device.type == "cuda":
            self._capture()

    @property
    def num_bytes(self) -> int:
        """Return the memory of the keys and values."""
        return self.cache.num_bytes

    def load(
        self,
        logits: torch.Tensor,
        *,
        scale: float,
        starts: Sequence[int],
        written: Sequence[Sequence[int]],
        most: Sequence[int],
        words: torch.Tensor,
    ) -> None:
        """Begin rows whose keys and values the cache holds already.

        logits  : float[B, V']   after each row's last token
        scale   : 1 / temperature; 0 takes the most likely token
        starts  : how many tokens each prompt has
        written : the output tokens each row has already
        most    : how many it may have
        words   : int64[B]       of the random numbers
        """
        counts = [len(tokens) for tokens in written]
        states = [self.grammar.state_after(tokens) for tokens in written]
        for buffer, values in (
            (self.counts, counts), (self._states, states), (self._starts, starts), (self._most, most),
        ):  # fmt: skip
            buffer.copy_(torch.tensor(values, dtype=torch.int64))
        self._words.copy_(words)
        self.scales.fill_(scale)
        self.logits.copy_(logits)
        self.outcomes.zero_()
        self._cursors.zero_()

    @torch.inference_mode()
    def run(self, num_steps: int) -> None:
        """Take some steps; rows that have stopped stay as they are."""
        with ThreadLimit(self._num_work, self.logits.device):
            for _ in range(num_steps):
                if self._graph is not None:
                    self._graph.replay()
                else:
                    self._step()

    def stop(self, rows: Sequence[int]) -> None:
        """Let rows go that the host has stopped."""
        self.outcomes[list(rows)] = FULL

    def _step(self) -> None:
        grammar, shape = self.grammar, self.shape
        logits = self.logits[:, : self._size]
        draws = draw_on_device(
            logits,
            grammar.masks,
            self._states,
            scales=self.scales,
            uniforms=uniforms_at(self._words, self.counts),
            limits=shape.limits,
        )
        token_ids = draws.token_ids
        is_running = self.outcomes == RUNNING
        is_drawing = is_running & (self._cursors == 0)
        is_end = self._is_end.index_select(0, token_ids)
        after = grammar.advance(self._states, token_ids)
        num_left = self._most - self.counts
        # A token after which no whole text fits into the budget is drawn anew by the usual loop.
        is_too_far = ~is_end & (grammar.distances.index_select(0, after) > num_left - 1)
        parks = is_drawing & (draws.is_broken | is_too_far)
        takes = is_drawing & ~is_end & ~parks
        states = torch.where(takes, after, self._states)
        counts = self.counts + takes
        is_whole = takes & grammar.is_complete.index_select(0, states)
        goes_on = is_running & ~parks & ~(is_drawing & is_end) & ~is_whole & (counts < self._most)
        # What the state forces follows at once, as far as there is room; the rest follows in the next steps.
        places = torch.where(takes, grammar.run_of.index_select(0, states), self._cursors)
        places = torch.where(goes_on, places, 0)
        in_run = grammar.left.index_select(0, places)
        num_forced = torch.minimum(torch.minimum(in_run, self.num_positions - takes.long()), self._most - counts)
        last = (places + num_forced - 1).clamp(min=0)
        states = torch.where(num_forced > 0, grammar.states_after.index_select(0, last), states)
        cursors = torch.where(in_run > num_forced, places + num_forced, 0)
        is_whole |= (num_forced > 0) & (cursors == 0) & grammar.is_complete.index_select(0, states)
        counts = counts + num_forced
        self._read(takes, token_ids, draws.log_probs, places=places, num_new=takes + num_forced)
        outcomes = torch.where(is_running & (counts >= self._most), FULL, self.outcomes)
        outcomes = torch.where(is_whole, ACCEPTED, outcomes)
        outcomes = torch.where(is_drawing & is_end & ~parks, ENDED, outcomes)
        self.outcomes.copy_(torch.where(parks, PARKED, outcomes))
        self._states.copy_(states)
        self._cursors.copy_(cursors)
        self.counts.copy_(counts)

    def _read(
        self,
        takes: torch.Tensor,
        token_ids: torch.Tensor,
        log_probs: torch.Tensor,
        *,
        places: torch.Tensor,
        num_new: torch.Tensor,
    ) -> None:
        """Record the tokens of a step and let the network read them, aligned on the right.

        takes, token_ids, log_probs : [B]   whether a row takes its drawn token, and that token
        places  : int64[B]                  where in the grammar's runs the forced ones begin
        num_new : int64[B]                  how many tokens each row gets
        """
        grammar = self.grammar
        columns = self._columns - (self.num_positions - num_new)[:, None]
        is_real, is_drawn = columns >= 0, takes[:, None] & (columns == 0)
        in_runs = (places[:, None] + columns - takes.long()[:, None]).clamp(0, grammar.runs.shape[0] - 1)
        tokens = torch.where(is_drawn, token_ids[:, None], grammar.runs[in_runs])
        written = torch.where(is_real, self.counts[:, None] + columns, self.shape.most_tokens)
        self.tokens.scatter_(1, written, tokens)
        self.log_probs.scatter_(1, written, torch.where(is_drawn, log_probs[:, None], 0.0))
        self.is_drawn.scatter_(1, written, is_drawn)
        if self.shape.wants_base:
            whole = self.logits[:, : self._size]
            own = whole.gather(1, token_ids[:, None]).double() - whole.double().logsumexp(dim=-1, keepdim=True)
            self.base.scatter_(1, written, torch.where(is_drawn, own, float("nan")))
        slots = torch.where(is_real, self._starts[:, None] + self.counts[:, None] + columns, self.shape.num_slots)
        logits = read_fixed(self._network, self.cache, tokens, slots)
        # A row that is handed back needs the logits it was drawn from.
        self.logits.copy_(torch.where(num_new[:, None] > 0, logits.float(), self.logits))

    @torch.inference_mode()
    def _capture(self) -> None:
        """Run a few steps aside, as graphs ask for, then record one; rows of no state do no harm."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._step()
