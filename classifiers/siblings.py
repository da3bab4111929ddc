"""Score the candidates of every row with a causal classifier: one forward pass over siblings that share a prefix.

Each sibling looks at the prefix and at itself, so k candidates cost k tokens, not k copies of the prefix; the chosen
one's keys and values are then copied into the cache, and reading it costs nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from classifiers.attributes import attribute_log_probs
from classifiers.discriminator import Reader
from classifiers.errors import ClassifierError
from guidance.transformer import LlamaCausalLM
from guidance.transformer.llama import LlamaKvCache

__all__ = ["SiblingReader"]


@dataclass(frozen=True, slots=True, eq=False)
class _Siblings:
    """Hold what the last candidates came to.

    token_ids    : int64[B, N, K]
    scores       : float32[B, N, K]       log p(attribute | prefix, candidate)
    keys, values : float[L, B, H, K, D]   of the last position's candidates
    """

    token_ids: torch.Tensor
    scores: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor

    def select(self, rows: torch.Tensor) -> _Siblings:
        """Return these rows' candidates."""
        return _Siblings(
            self.token_ids[rows], self.scores[rows], self.keys.index_select(1, rows), self.values.index_select(1, rows)
        )


class SiblingReader(Reader):
    """Follow rows with a causal classifier whose logits are its classes; owned by the group of rows it steers.

    Parameters
    ----------
    network : the classifier; its head has one row per class.
    attribute : which class.
    silent : bool[V]   tokens that add no text, such as ends; they keep the prefix's score
    """

    def __init__(
        self,
        network: LlamaCausalLM,
        cache: LlamaKvCache,
        prefix_scores: torch.Tensor,
        *,
        attribute: int,
        silent: torch.Tensor,
    ) -> None:
        self._network = network
        self._cache = cache
        self._prefix_scores = prefix_scores  # float32[B, N]
        self._attribute = attribute
        self._silent = silent
        self._pending: tuple[torch.Tensor, list[int] | None, int] | None = None
        self._siblings: _Siblings | None = None

    @classmethod
    def open(
        cls, network: LlamaCausalLM, prompts: Sequence[Sequence[int]], *, attribute: int, silent: torch.Tensor
    ) -> SiblingReader:
        """Read the prompts."""
        cache, logits = network.prefill(prompts)
        assert isinstance(cache, LlamaKvCache)
        return cls(network, cache, attribute_log_probs(logits, attribute), attribute=attribute, silent=silent)

    @property
    def num_bytes(self) -> int:
        """Return the memory of the cache."""
        return self._cache.num_bytes

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None = None, *, num_logits: int = 1) -> None:
        """Append P positions: at no cost where every row chose one of its candidates, else with the next scoring."""
        self._flush()
        token_ids = token_ids.to(self._network.device)
        _check_context(self._network, self._cache, token_ids.shape[1])
        siblings, self._siblings = self._siblings, None
        if siblings is not None and token_ids.shape[1] == 1 and lengths is None:
            is_chosen = siblings.token_ids[:, -1] == token_ids
            if bool(is_chosen.any(dim=1).all()):
                self._keep(siblings, is_chosen.int().argmax(dim=1))
                return
        self._pending = (token_ids, None if lengths is None else list(lengths), num_logits)

    def prefix_scores(self) -> torch.Tensor:
        """Return log p(attribute | prefix): float32[B, N]."""
        if self._pending is not None and self._siblings is None:
            self._flush()
        return self._prefix_scores

    def candidate_scores(self, token_ids: torch.Tensor | None) -> torch.Tensor:
        """Return log p(attribute | prefix, candidate): float32[B, N, K]."""
        assert token_ids is not None, "a causal classifier reads each candidate"
        token_ids = token_ids.to(self._network.device)
        if self._siblings is None or not torch.equal(self._siblings.token_ids, token_ids):
            self._siblings = self._read_siblings(token_ids)
        return torch.where(self._silent[token_ids], self._prefix_scores[..., None], self._siblings.scores)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        index = torch.tensor(rows, device=self._network.device)
        self._cache.select(rows)
        self._prefix_scores = self._prefix_scores[index]
        if self._siblings is not None:
            self._siblings = self._siblings.select(index)
        if self._pending is not None:
            token_ids, lengths, num_logits = self._pending
            self._pending = token_ids[index], lengths and [lengths[row] for row in rows], num_logits

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        self._flush()
        if any(counts):
            self._siblings = None
            self._cache.drop(counts)

    def fork(self) -> SiblingReader:
        """Return an independent copy."""
        other = SiblingReader(
            self._network,
            self._cache.fork(),
            self._prefix_scores,
            attribute=self._attribute,
            silent=self._silent,
        )
        other._pending, other._siblings = self._pending, self._siblings
        return other

    def _flush(self) -> None:
        """Read what is pending by itself."""
        if self._pending is not None:
            token_ids, lengths, num_logits = self._pending
            self._pending = None
            logits = self._network.decode_step(self._cache, token_ids, lengths, num_logits=num_logits)
            self._prefix_scores = attribute_log_probs(logits, self._attribute)

    @torch.inference_mode()
    def _keep(self, siblings: _Siblings, chosen: torch.Tensor) -> None:
        """Copy the chosen siblings' keys and values into the cache."""
        cache, rows = self._cache, torch.arange(len(chosen), device=chosen.device)
        cache.make_room(1)
        place = cache.num_slots
        cache.slots.append(1, None, chosen.device)
        cache.keys[:, rows, :, place] = siblings.keys[:, rows, :, chosen].transpose(0, 1)
        cache.values[:, rows, :, place] = siblings.values[:, rows, :, chosen].transpose(0, 1)
        self._prefix_scores = siblings.scores[rows, -1, chosen][:, None]

    @torch.inference_mode()
    def _read_siblings(self, token_ids: torch.Tensor) -> _Siblings:
        """Read what is pending, and the candidates after it, in one forward pass.

        token_ids : int64[B, N, K]
        """
        num_rows, num_positions, count = token_ids.shape
        cache, num_siblings = self._cache, num_positions * count
        before, pending, self._pending = cache.num_slots, self._pending, None
        num_pending = 0 if pending is None else pending[0].shape[1]
        cache.make_room(num_pending + num_siblings)
        if pending is None and num_positions == 1:
            logits = self._read_plainly(token_ids[:, 0])
        else:
            plan = _Plan(cache, token_ids, pending)
            logits = self._network.decode_branches(cache, plan.token_ids, plan.positions, plan.mask)
        first = before + num_pending + num_siblings - count
        kept = tuple(t[:, :, :, first : first + count].clone() for t in (cache.keys, cache.values))
        cache.crop(before + num_pending)
        scores = attribute_log_probs(logits, self._attribute)
        if pending is not None:
            self._prefix_scores = scores[:, num_pending - pending[2] : num_pending]
        return _Siblings(token_ids, scores[:, num_pending:].view(num_rows, num_positions, count), *kept)

    def _read_plainly(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Read the candidates of one position where nothing else is pending; accounts for the slots they take.

        token_ids : int64[B, K]
        """
        slots, count = self._cache.slots, token_ids.shape[1]
        live = slots.live
        places = torch.tensor(slots.positions, device=token_ids.device)[:, None].expand(-1, count)
        slots.append(count, None, token_ids.device)
        mask = None if live is None else live[:, None, None]
        return self._network.decode_siblings(self._cache, token_ids, places, mask)


class _Plan:
    """Lay out one pass: the pending tokens, then each position's candidates; accounts for the slots they take.

    token_ids, positions : int64[B, P + N K]
    mask                 : bool[B, 1, P + N K, S]
    """

    def __init__(
        self, cache: LlamaKvCache, candidates: torch.Tensor, pending: tuple[torch.Tensor, list[int] | None, int] | None
    ) -> None:
        device = candidates.device
        num_rows, num_positions, count = candidates.shape
        slots, flat = cache.slots, candidates.flatten(1).clamp(min=0)
        starts = torch.tensor(slots.positions, device=device)[:, None]
        num_pending = 0
        pieces, places = [], []
        if pending is not None:
            num_pending = pending[0].shape[1]
            found = slots.append(num_pending, pending[1], device)
            pieces.append(pending[0])
            places.append(starts + torch.arange(num_pending, device=device) if found is None else found)
        ends = torch.tensor(slots.positions, device=device)[:, None]
        after = ends - torch.arange(num_positions - 1, -1, -1, device=device)  # int64[B, N]: tokens before a candidate
        num_before = slots.num_slots
        slots.append(flat.shape[1], None, device)
        live = slots.live
        if live is None:
            live = torch.ones(num_rows, slots.num_slots, dtype=torch.bool, device=device)
        behind = live[:, :num_before]
        slot_positions = behind.cumsum(dim=1) - 1
        shared = behind[:, None] & (slot_positions[:, None] < after[..., None])  # bool[B, N, S']
        prefix = shared.repeat_interleave(count, dim=1)
        itself = torch.eye(flat.shape[1], dtype=torch.bool, device=device).expand(num_rows, -1, -1)
        mask = torch.cat([prefix, itself], dim=2)
        if num_pending:
            mask = torch.cat([_causal(behind, num_pending, slots.num_slots), mask], dim=1)
        self.token_ids = torch.cat([*pieces, flat], dim=1)
        self.positions = torch.cat([*places, after.repeat_interleave(count, dim=1)], dim=1)
        self.mask = mask[:, None]


def _causal(live: torch.Tensor, num_new: int, num_slots: int) -> torch.Tensor:
    """Return bool[B, P, S]: each of the last P slots looks at the live ones up to itself, and at itself."""
    end = live.shape[1]
    rows = torch.arange(end - num_new, end, device=live.device)[:, None]
    columns = torch.arange(end, device=live.device)[None, :]
    mask = (live[:, None] & (columns <= rows)) | (columns == rows)
    return torch.nn.functional.pad(mask, (0, num_slots - end), value=False)


def _check_context(network: LlamaCausalLM, cache: LlamaKvCache, num_new: int) -> None:
    longest = max(cache.slots.positions) + num_new + 1
    if longest > network.context_size:
        raise ClassifierError(
            f"classifier: got a text of {longest} tokens, its candidates included, expected at most its context of "
            f"{network.context_size}; lower max_tokens or shorten the prompt"
        )
