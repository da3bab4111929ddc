"""Run cases through an acceptor and say of each document: right, refused, crashed, rejected though valid, or a lie."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.time_cap import OutOfTimeError, time_cap
from tests.conformance.acceptors import Acceptor, RefusedError
from tests.conformance.suite import Case

__all__ = ["Outcome", "Verdict", "count", "run_cases", "run_schemas"]


class Outcome(enum.StrEnum):
    """What became of a document, from good to bad; accepting what is invalid is a lie and the worst."""

    RIGHT = "right"
    REFUSED = "refused"
    CRASHED = "crashed"
    REJECTS_VALID = "rejects_valid"
    ACCEPTS_INVALID = "accepts_invalid"

    @property
    def badness(self) -> int:
        """Rank outcomes: higher is worse."""
        return list(Outcome).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An outcome and, where it is not right, what the engine said."""

    outcome: Outcome
    reason: str = ""


def run_cases(cases: Iterable[Case], acceptor: Acceptor) -> dict[str, Verdict]:
    """Judge every document; its id is the case's id and its number."""
    return {
        f"{case.id}/{number}": verdict
        for case in cases
        for number, verdict in enumerate(_judge_documents(case, acceptor))
    }


def run_schemas(cases: Iterable[Case], acceptor: Acceptor) -> dict[str, Verdict]:
    """Judge every schema by the worst of its documents, as MaskBench does."""
    return {
        case.id: max(_judge_documents(case, acceptor), key=lambda verdict: verdict.outcome.badness, default=_RIGHT)
        for case in cases
    }


def count(verdicts: Mapping[str, Verdict]) -> Counter[Outcome]:
    """Count outcomes."""
    return Counter(verdict.outcome for verdict in verdicts.values())


_CAP_SECONDS = 10.0
_RIGHT = Verdict(outcome=Outcome.RIGHT)


def _judge_documents(case: Case, acceptor: Acceptor) -> list[Verdict]:
    """Judge within the time cap: a case that hangs is refused, with the time as the reason."""
    verdicts: list[Verdict] = []
    try:
        with time_cap(_CAP_SECONDS):
            for verdict in _judge_each(case, acceptor):
                verdicts.append(verdict)  # noqa: PERF402 -- those judged before the time is up are kept
    except OutOfTimeError as error:
        late = Verdict(outcome=Outcome.REFUSED, reason=str(error))
        verdicts += [late] * (len(case.documents) - len(verdicts))
    return verdicts


def _judge_each(case: Case, acceptor: Acceptor) -> Iterator[Verdict]:
    try:
        accepts = acceptor.compile(case.schema)
    except OutOfTimeError:
        raise
    except Exception as error:  # noqa: BLE001 -- a crash is a verdict on the engine
        yield from [_fault(error)] * len(case.documents)
        return
    for document in case.documents:
        try:
            is_accepted = accepts(document.to_json())
        except OutOfTimeError:
            raise
        except Exception as error:  # noqa: BLE001 -- the same
            yield _fault(error)
            continue
        if is_accepted == document.is_valid:
            yield _RIGHT
        else:
            yield Verdict(outcome=Outcome.ACCEPTS_INVALID if is_accepted else Outcome.REJECTS_VALID)


def _fault(error: Exception) -> Verdict:
    if isinstance(error, RefusedError):
        return Verdict(outcome=Outcome.REFUSED, reason=str(error))
    return Verdict(outcome=Outcome.CRASHED, reason=f"{type(error).__name__}: {error}")
