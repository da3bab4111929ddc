"""Run an engine in a process of its own: a compile that cannot be interrupted is ended with its process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

from benchmarks.maskbench.corpus import Case
from benchmarks.maskbench.engine import Engine, EngineAbsentError, SetupCost
from benchmarks.maskbench.measure import CaseResult, Outcome, measure_case

__all__ = ["IsolatedEngine"]

_START_SECONDS = 120.0


class IsolatedEngine:
    """Measure cases in a worker, and start a new worker when one runs out of time."""

    def __init__(self, build: Callable[[], Engine], *, eos_token_id: int, cap_seconds: float) -> None:
        self._build = build
        self._eos_token_id = eos_token_id
        self._cap_seconds = cap_seconds
        self._start()

    def measure(self, case: Case) -> CaseResult:
        """Measure one case."""
        self._connection.send(case)
        # The alarm inside ends what it can interrupt; the process ends the rest a little later.
        if self._connection.poll(self._cap_seconds + 1.0):
            try:
                result = self._connection.recv()
                assert isinstance(result, CaseResult)
            except EOFError:
                result = CaseResult(id=case.id, outcome=Outcome.REFUSED, message="the engine's process died")
                self._restart()
            return result
        self._restart()
        return CaseResult(id=case.id, outcome=Outcome.TIMEOUT, message=f"more than {self._cap_seconds:g} s")

    def close(self) -> None:
        """End the worker."""
        self._process.kill()
        self._process.join()

    def _restart(self) -> None:
        self.close()
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_work, args=(theirs, self._build, self._eos_token_id, self._cap_seconds), daemon=True
        )
        self._process.start()
        theirs.close()
        if not self._connection.poll(_START_SECONDS):
            self.close()
            raise EngineAbsentError(f"did not start within {_START_SECONDS:g} s")
        answer = self._connection.recv()
        if isinstance(answer, str):
            raise EngineAbsentError(answer)
        self.version: str = answer[0]
        self.cost: SetupCost = answer[1]


def _work(connection: Connection, build: Callable[[], Engine], eos_token_id: int, cap_seconds: float) -> None:
    try:
        engine = build()
    except EngineAbsentError as error:
        connection.send(str(error))
        return
    connection.send((engine.version, engine.cost))
    while True:
        case = connection.recv()
        connection.send(measure_case(engine, case, eos_token_id=eos_token_id, cap_seconds=cap_seconds))
