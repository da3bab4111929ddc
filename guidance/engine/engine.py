"""Serve requests that come and go: one model, one running batch, any number of callers."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, Unpack

from guidance.call import Call
from guidance.decoding import Request, Writer, make_rows
from guidance.engine.observer import Observer
from guidance.engine.schedule import Schedule
from guidance.engine.ticket import Ticket
from guidance.errors import EngineError, PromptError
from guidance.loading import as_model
from guidance.logits import Pipeline
from guidance.model import Model
from guidance.options import Options, complete_options
from guidance.sampling import Sampling
from guidance.speculation import Speculation

__all__ = ["Engine"]

_MOST_PIPELINES = 256


class Engine:
    """Decode requests with different prompts, types, laws and steering in one running batch.

    A request joins as soon as there is a row for it, and leaves when it is finished. Its text is what `generate` gives
    for it alone: seeds are per request, and batch mates change nothing.

    Parameters
    ----------
    model : the model to ask, or its name. While the engine runs, ask it through the engine only.
    max_rows : most requests that decode together.
    max_waiting : most requests that wait for a row; `submit` waits for a place, `submit_nowait` raises.
    chunk_size : most prompt positions read between two steps of the running rows.
    speculate : drafts for all requests; see `guidance.Speculation`.
    base_log_probs : also report the model's own log-probabilities, for requests that ask for them.
    observer : is told of every finished request, for instance `guidance.metrics.PrometheusObserver`.

    Examples
    --------
    >>> import guidance
    >>> with guidance.Engine("embedded", max_rows=4) as engine:
    ...     tickets = [engine.submit_nowait(f"Ada Lovelace, {age}, London", max_tokens=2) for age in (36, 37)]
    ...     [len(ticket.result().token_ids) for ticket in tickets]
    [2, 2]
    """

    def __init__(
        self,
        model: Model | str,
        *,
        max_rows: int = 16,
        max_waiting: int = 256,
        chunk_size: int = 256,
        speculate: Speculation | None = None,
        base_log_probs: bool = False,
        observer: Observer | None = None,
    ) -> None:
        for name, value in (("max_rows", max_rows), ("max_waiting", max_waiting), ("chunk_size", chunk_size)):
            if value < 1:
                raise EngineError(f"Engine: got {name}={value}, expected at least 1; raise {name}")
        self.model = as_model(model)
        if getattr(self.model.language_model, "reads_prompts_apart", False):
            raise EngineError(
                f"Engine: got the encoder-decoder {self.model.name}, expected a decoder-only model; "
                "use guidance.generate"
            )
        self._max_waiting = max_waiting
        self._wants_base = base_log_probs
        self._observer = observer
        writer = Writer(self.model, wants_base=base_log_probs, forces=True)
        drafter = None if speculate is None else speculate.drafter(self.model, writer, num_rows=max_rows)
        self._schedule = Schedule(self.model, writer, drafter, max_rows=max_rows, chunk_size=chunk_size)
        self._pipelines: dict[Sampling, Pipeline] = {}
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._places: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=f"guidance engine {self.model.name}", daemon=True)
        self._thread.start()

    @property
    def num_running(self) -> int:
        """Return how many requests hold a row."""
        return self._schedule.num_running

    @property
    def num_waiting(self) -> int:
        """Return how many requests wait for one."""
        return len(self._schedule.waiting)

    def submit_nowait(self, prompt: str, output: Any = None, **options: Unpack[Options]) -> Ticket[Any]:
        """Take a request in at once; parameters are those of `generate`, for one prompt and one output.

        Raises
        ------
        EngineError : when `max_waiting` requests wait already, or the engine is closed.
        GuidanceError : for a request that cannot work, as in `generate`.
        """
        settings = complete_options("submit", options)
        _check_single(prompt, settings)
        if settings["base_log_probs"] and not self._wants_base:
            raise PromptError("submit: got base_log_probs=True, expected False; give base_log_probs=True to the engine")
        with self._lock:
            if self._is_closed:
                raise EngineError("submit: got a closed engine, expected an open one; make a new one")
            if self.num_waiting >= self._max_waiting:
                raise EngineError(
                    f"submit: got a request while {self.num_waiting} wait, expected fewer than {self._max_waiting}; "
                    "await engine.submit(...), or raise max_waiting"
                )
            call = Call(self.model, [prompt], output, settings)
            request = self._share(call.requests[0], settings)
            ticket: Ticket[Any] = Ticket(call, make_rows(self.model, [request])[0])
            self._schedule.waiting.append(ticket)
            self._changed.notify_all()
        return ticket

    async def submit(self, prompt: str, output: Any = None, **options: Unpack[Options]) -> Ticket[Any]:
        """Take a request in as soon as there is a place for it to wait: back-pressure for whoever produces requests.

        Raises
        ------
        EngineError : when the engine is closed.
        GuidanceError : for a request that cannot work, as in `generate`.
        """
        loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                if self.num_waiting < self._max_waiting or self._is_closed:
                    break
                place: asyncio.Future[None] = loop.create_future()
                self._places.append((loop, place))
            await place
        return await asyncio.to_thread(self.submit_nowait, prompt, output, **options)

    def cancel(self, ticket: Ticket[Any]) -> None:
        """End a request; its result holds what there is."""
        ticket.cancel()
        with self._lock:
            self._changed.notify_all()

    def close(self) -> None:
        """Cancel what runs, refuse what comes, and end the thread."""
        with self._lock:
            self._is_closed = True
            for ticket in self._schedule.abandon(
                EngineError("result: got a closed engine, expected it open until the end; close it later")
            ):
                ticket.cancel()
            self._free_places()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Self:
        """Return the engine, which closes at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    async def __aenter__(self) -> Self:
        """Return the engine, which closes at the end of the block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    # -- thread -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed or not self._schedule.is_idle)
                if self._is_closed:
                    return
                try:
                    finished = self._schedule.step()
                except Exception as error:  # noqa: BLE001 - every caller is told, and the engine goes on
                    finished = self._schedule.abandon(error)
                self._free_places()
            for ticket in finished:
                self._observe(ticket)

    def _observe(self, ticket: Ticket[Any]) -> None:
        if self._observer is not None:
            self._observer.observe(ticket, self)

    def _free_places(self) -> None:
        """Wake those who wait for a place to wait; each tries again."""
        if self.num_waiting >= self._max_waiting and not self._is_closed:
            return
        places, self._places = self._places, []
        for loop, place in places:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, place)

    def _share(self, request: Request, options: Options) -> Request:
        """Return the request with the pipeline of an earlier one of the same law: such rows are drawn for together."""
        sampling = request.pipeline.sampling
        if options["steer"] or options["watermark"] is not None or sampling.penalties is not None:
            return request
        if any(processor.is_stateful for processor in request.pipeline.processors):
            return request
        law = replace(sampling, seed=0)
        if len(self._pipelines) >= _MOST_PIPELINES:
            self._pipelines.clear()
        return replace(request, pipeline=self._pipelines.setdefault(law, request.pipeline), seed=sampling.seed)


def _check_single(prompt: object, options: Options) -> None:
    if not isinstance(prompt, str) or options["sampling"].n != 1:
        raise PromptError(
            f"submit: got {type(prompt).__name__} with n={options['sampling'].n}, expected one prompt and n=1; "
            "submit several requests"
        )
    for name, value in (("search", options["search"]), ("speculate", options["speculate"])):
        if value is not None:
            raise PromptError(f"submit: got {name}, expected None: rows of an engine share it; give it to the engine")


def _wake(place: asyncio.Future[None]) -> None:
    if not place.done():
        place.set_result(None)
