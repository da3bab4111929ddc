"""Measure one schema under one engine: what it accepts, and what each mask and each token cost.

For each document, token by token: fill the mask, look whether the token is in it, advance. A document is accepted
when every token is allowed and the end token is allowed after the last. Looking into the mask is not timed.
"""

from __future__ import annotations

import enum
from array import array
from collections.abc import MutableSequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter_ns
from typing import Any

from benchmarks.maskbench.corpus import Case, Instance
from benchmarks.maskbench.engine import CompiledSchema, Cursor, Engine, RefusedError
from benchmarks.time_cap import OutOfTimeError, time_cap
from fsm.errors import GuidanceError

__all__ = ["CaseResult", "Outcome", "measure_case"]


Times = MutableSequence[int]


class Outcome(enum.StrEnum):
    """What became of a schema, as MaskBench counts; the worst of its documents decides."""

    RIGHT = "right"
    ACCEPTS_INVALID = "accepts-invalid"
    REJECTS_VALID = "rejects-valid"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    CRASHED = "crashed"


@dataclass(slots=True, kw_only=True)
class CaseResult:
    """What one engine did with one schema. Times are nanoseconds, in arrays that no garbage collection walks.

    ttfm      : compile and first mask
    first     : mask and advance of each token of the first document, whose first mask is in ``ttfm``
    cold      : the same for all documents, in order, each seen for the first time
    warm      : the same for all documents again
    differing : times that the mask and ``advance``, or the end token's bit and ``is_accepting``, disagreed
    """

    id: str
    outcome: Outcome = Outcome.RIGHT
    message: str = ""
    ttfm: int = 0
    first: Times = field(default_factory=partial(array, "q"))
    cold: Times = field(default_factory=partial(array, "q"))
    warm: Times = field(default_factory=partial(array, "q"))
    memory_bytes: int | None = None
    differing: int = 0
    num_valid: int = 0
    num_valid_rejected: int = 0
    num_invalid: int = 0
    num_invalid_accepted: int = 0


def measure_case(engine: Engine, case: Case, *, eos_token_id: int, cap_seconds: float) -> CaseResult:
    """Run all documents of a case twice. Times of a case that ran out of time are dropped."""
    result = CaseResult(id=case.id)
    try:
        with time_cap(cap_seconds):
            _Measurement(engine, case, result, eos_token_id).run()
    except (RefusedError, GuidanceError) as error:  # ours expands lazily: a limit may be met at any token
        return CaseResult(id=case.id, outcome=Outcome.REFUSED, message=str(error))
    except OutOfTimeError as error:
        return CaseResult(id=case.id, outcome=Outcome.TIMEOUT, message=str(error))
    except Exception as error:
        return CaseResult(id=case.id, outcome=Outcome.CRASHED, message=f"{type(error).__name__}: {error}")
    if result.num_invalid_accepted:
        result.outcome = Outcome.ACCEPTS_INVALID
    elif result.num_valid_rejected:
        result.outcome = Outcome.REJECTS_VALID
    return result


class _Measurement:
    """One case under one engine; fills a result."""

    def __init__(self, engine: Engine, case: Case, result: CaseResult, eos_token_id: int) -> None:
        self._engine = engine
        self._case = case
        self._result = result
        self._mask = engine.mask
        self._eos = eos_token_id

    def run(self) -> None:
        started = perf_counter_ns()
        compiled = self._engine.compile(self._case.schema)
        cursor = compiled.cursor()
        cursor.fill()
        self._result.ttfm = perf_counter_ns() - started
        for n, instance in enumerate(self._case.instances):
            steps: Times = array("q")
            rejected_at = self._feed(cursor if n == 0 else compiled.cursor(), instance, steps)
            self._count(n, instance, rejected_at)
            if n == 0:
                del steps[:1]  # its mask was the first one, which the schema's compilation counts
                self._result.first = steps
            self._result.cold += steps
        self._run_again(compiled)
        self._result.memory_bytes = compiled.memory_bytes()

    def _run_again(self, compiled: CompiledSchema) -> None:
        for instance in self._case.instances:
            self._feed(compiled.cursor(), instance, self._result.warm)

    def _feed(self, cursor: Cursor, instance: Instance, steps: Times) -> int | None:
        """Feed a document; return the position that was rejected, None when it was accepted."""
        clock, fill, advance = perf_counter_ns, cursor.fill, cursor.advance
        for position, token_id in enumerate(instance.token_ids):
            t0 = clock()
            lent = fill()
            t1 = clock()
            if not self._is_allowed(token_id, lent):
                self._result.differing += bool(advance(token_id))
                return position
            t2 = clock()
            is_taken = advance(token_id)
            t3 = clock()
            steps.append(t1 - t0 + t3 - t2)
            if not is_taken:
                self._result.differing += 1
                return position
        is_accepting = cursor.is_accepting()
        is_end_allowed = self._is_allowed(self._eos, fill())
        self._result.differing += is_end_allowed != is_accepting
        return None if is_end_allowed else len(instance.token_ids)

    def _is_allowed(self, token_id: int, lent: Any) -> bool:
        mask = lent if self._mask is None else self._mask
        return bool(int(mask[token_id >> 5]) >> (token_id & 31) & 1)

    def _count(self, n: int, instance: Instance, rejected_at: int | None) -> None:
        result = self._result
        if instance.is_valid:
            result.num_valid += 1
            result.num_valid_rejected += rejected_at is not None
        else:
            result.num_invalid += 1
            result.num_invalid_accepted += rejected_at is None
        if instance.is_valid != (rejected_at is None) and not result.message:
            where = "the end" if rejected_at is None else f"token {rejected_at} of {len(instance.token_ids)}"
            result.message = f"instance {n} ({'valid' if instance.is_valid else 'invalid'}): {where}"
