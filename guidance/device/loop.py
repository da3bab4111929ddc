"""Decode a batch on the device, a chunk of steps at a time, and tell its rows what was written.

The host reads back once for each chunk. Rows that need it - a budget that the next draw would break, a logit that is
not a number - are handed back to the usual loop with their cache as it is, so texts are those of that loop.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from guidance.decoding.batch import Batch
from guidance.decoding.metrics import Clock
from guidance.decoding.row import Row
from guidance.decoding.stopping import StopReason
from guidance.decoding.writing import Writer
from guidance.device.fitting import DevicePlan
from guidance.device.step import ACCEPTED, ENDED, FULL, PARKED, RUNNING, DeviceStep, StepShape
from guidance.device.uniforms import words_of
from guidance.logits.sampler import Draw
from guidance.model import KvCache, Model
from guidance.transformer.llama import LlamaKvCache
from guidance.transformer.static_cache import StaticKvCache

__all__ = ["DeviceLoop"]

_CHUNK_SIZE = 16
_SLOTS_APART = 256
"""Steps are made for multiples of these slots, so that calls of similar lengths share one."""

_REASONS = {ACCEPTED: StopReason.ACCEPTED, ENDED: StopReason.EOS, FULL: StopReason.LENGTH}


class DeviceLoop:
    """Decode the rows of a batch on the device.

    Parameters
    ----------
    model : keeps steps for later calls.
    plan : what the rows share.
    writer : records tokens.
    chunk_size : steps between two looks at the device; rows are told after each.
    """

    def __init__(self, model: Model, plan: DevicePlan, writer: Writer, *, chunk_size: int = _CHUNK_SIZE) -> None:
        self._model = model
        self._plan = plan
        self._writer = writer
        self._chunk_size = chunk_size

    def run(self, batch: Batch, clock: Clock) -> Iterator[list[Row]]:
        """Decode until every row has stopped or is handed back to the batch; yield the rows after each chunk."""
        rows, cache, logits = batch.lend()
        shape = self._shape_of(rows)
        key = (id(self._plan.grammar), shape)
        step = self._model.device_steps.take_step(key, lambda: self._make_step(shape))
        begun = [len(row.token_ids) for row in rows]
        self._load(step, rows, cache, logits)
        del cache, logits
        clock.kv_cache_bytes = max(clock.kv_cache_bytes, step.num_bytes)
        outcomes = [RUNNING] * len(rows)
        while RUNNING in outcomes:
            step.run(self._chunk_size)
            clock.num_model_calls += self._chunk_size
            outcomes = self._tell(step, rows, outcomes)
            yield rows
        self._hand_back(step, batch, rows, begun=begun, outcomes=outcomes)
        self._model.device_steps.keep_step(key, step)

    def _shape_of(self, rows: list[Row]) -> StepShape:
        """Return sizes rounded up, so that the next call is likely to have them too."""
        needed = max(len(row.request.prompt_ids) + row.limit for row in rows)
        most = max(row.limit for row in rows)
        context = self._model.context_size
        return StepShape(
            num_rows=len(rows),
            num_slots=min(-(-needed // _SLOTS_APART) * _SLOTS_APART, context),
            most_tokens=min(-(-most // _SLOTS_APART) * _SLOTS_APART, context),
            limits=self._plan.limits,
            wants_base=self._writer.wants_base,
        )

    def _make_step(self, shape: StepShape) -> DeviceStep:
        return DeviceStep(self._plan.network, self._plan.grammar, shape, vocabulary=self._model.vocabulary)

    @torch.inference_mode()
    def _load(self, step: DeviceStep, rows: list[Row], cache: KvCache, logits: torch.Tensor) -> None:
        assert isinstance(cache, LlamaKvCache | StaticKvCache)
        step.cache.load(*cache.in_order(), cache.positions)
        step.load(
            logits[:, -1],
            scale=self._plan.scale,
            starts=[len(row.request.prompt_ids) for row in rows],
            written=[row.token_ids for row in rows],
            most=[row.limit for row in rows],
            words=words_of([row.request.word for row in rows], self._plan.network.device),
        )

    def _tell(self, step: DeviceStep, rows: list[Row], before: list[int]) -> list[int]:
        """Give rows what the device wrote since the last look; return what became of each."""
        outcomes, counts = step.outcomes.tolist(), step.counts.tolist()
        tokens, log_probs = step.tokens.cpu(), step.log_probs.cpu()
        is_drawn, base = step.is_drawn.cpu(), step.base.cpu()
        stopped = []
        for b, row in enumerate(rows):
            if before[b] != RUNNING:
                outcomes[b] = before[b]
                continue
            new = slice(len(row.token_ids), counts[b])
            own = base[b, new].tolist() if step.shape.wants_base else [0.0] * (counts[b] - len(row.token_ids))
            draws = [
                Draw(token, log_prob, base_log_prob, is_rescued=False)
                for token, log_prob, base_log_prob in zip(
                    tokens[b, new].tolist(), log_probs[b, new].tolist(), own, strict=True
                )
            ]
            self._writer.replay(row, draws, is_drawn=is_drawn[b, new].tolist())
            row.pending = []
            if not row.is_running:  # a stop string, which the device knows nothing of
                outcomes[b] = FULL
                stopped.append(b)
            elif outcomes[b] in _REASONS:
                row.stop_reason = _REASONS[outcomes[b]]
                if outcomes[b] == ENDED:
                    row.mark_draw()
        if stopped:
            step.stop(stopped)
        return outcomes

    def _hand_back(
        self, step: DeviceStep, batch: Batch, rows: list[Row], *, begun: list[int], outcomes: list[int]
    ) -> None:
        """Let the batch go on with the rows that the device could not draw for; their matchers catch up."""
        parked = [b for b, outcome in enumerate(outcomes) if outcome == PARKED]
        if not parked:
            return
        for b in parked:
            matcher = rows[b].matcher
            if matcher is not None:
                for token_id in rows[b].token_ids[begun[b] :]:
                    matcher.advance(token_id)
        step.cache.positions = [len(row.request.prompt_ids) + len(row.token_ids) for row in rows]
        cache = step.cache.fork()
        cache.select(parked)
        batch.admit([rows[b] for b in parked], cache, step.logits[parked][:, None])
