"""Hand a caller one request's text as it grows, and its result, across threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from time import perf_counter
from typing import Any, Generic, TypeVar

from guidance.call import Call
from guidance.decoding import Row
from guidance.decoding.metrics import Clock
from guidance.result import Event, Result, whole_characters

__all__ = ["Ticket"]

T = TypeVar("T")


class Ticket(Generic[T]):
    """Follow one request of an `Engine`.

    ``async for event in ticket`` and ``for event in ticket`` yield the text as it grows; a slow reader gets several
    steps in one event. ``await ticket`` and ``ticket.result()`` give the result. `cancel` ends the request; its result
    then holds what there is.
    """

    def __init__(self, call: Call, row: Row) -> None:
        self.row = row
        self.clock = Clock(started=perf_counter())
        self.is_cancelled = False
        self._call = call
        self._condition = threading.Condition()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._text = b""
        self._result: Result[T] | None = None
        self._error: BaseException | None = None

    # -- caller's side ----------------------------------------------------------------------------------------------

    @property
    def is_done(self) -> bool:
        """Tell whether the result, or an error, is there."""
        return self._result is not None or self._error is not None

    def cancel(self) -> None:
        """Ask for an end; the row leaves the batch after the step that runs."""
        self.is_cancelled = True

    def result(self, timeout: float | None = None) -> Result[T]:
        """Wait for the result.

        Raises
        ------
        TimeoutError : when it does not come within `timeout` seconds.
        Exception : whatever ended the request instead.
        """
        with self._condition:
            if not self._condition.wait_for(lambda: self.is_done, timeout):
                raise TimeoutError(f"result: got none within {timeout} s, expected one; wait longer, or cancel")
            return self._outcome()

    def __await__(self) -> Generator[Any, None, Result[T]]:
        """Wait for the result without blocking the event loop."""
        return self._wait().__await__()

    def __iter__(self) -> Iterator[Event[T]]:
        """Yield the text as it grows; the last event carries the result."""
        seen = b""
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self.is_done or self._text != seen)  # noqa: B023 - waits here only
                text, is_done = self._text, self.is_done
            if is_done:
                yield self._last(seen)
                return
            event = self._event(seen, text)
            if event is not None:
                yield event
            seen = text

    async def __aiter__(self) -> AsyncIterator[Event[T]]:
        """Yield the text as it grows; the last event carries the result."""
        seen = b""
        while True:
            await self._change(seen)
            text = self._text
            if self.is_done:
                yield self._last(seen)
                return
            event = self._event(seen, text)
            if event is not None:
                yield event
            seen = text

    # -- engine's side ----------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Show the row's text; called between steps by the thread that owns the row."""
        if len(self.row.text) == len(self._text):
            return
        with self._condition:
            self._text = bytes(self.row.text)
            self._notify()

    def finish(self) -> None:
        """Show the result of a row that has stopped."""
        self.clock.ended = perf_counter()
        result: Result[T] = self._call.result(self.row, self.clock)
        with self._condition:
            self._text, self._result = bytes(self.row.text), result
            self._notify()

    def fail(self, error: BaseException) -> None:
        """End the request with an error, which every reader gets."""
        with self._condition:
            self._error = error
            self._notify()

    def restart(self, row: Row) -> None:
        """Produce from the beginning again: the text will be the same."""
        self.row = row

    # -- between ----------------------------------------------------------------------------------------------------

    def _notify(self) -> None:
        self._condition.notify_all()
        waiters, self._waiters = self._waiters, []
        for loop, future in waiters:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)

    async def _wait(self) -> Result[T]:
        while not self.is_done:
            await self._change(self._text)
        return self._outcome()

    async def _change(self, seen: bytes) -> None:
        """Wait until the text is another than `seen`, or the end has come."""
        loop = asyncio.get_running_loop()
        with self._condition:
            if self.is_done or self._text != seen:
                return
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.append((loop, future))
        await future

    def _outcome(self) -> Result[T]:
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _event(self, seen: bytes, text: bytes) -> Event[T] | None:
        before, now = whole_characters(seen), whole_characters(text)
        if now == before:
            return None
        return Event(text=now, delta=now[len(before) :], partial=self._call.output.parse_partial(now))

    def _last(self, seen: bytes) -> Event[T]:
        result = self._outcome()
        partial = result.value if result.is_valid else self._call.output.parse_partial(result.text)
        return Event(text=result.text, delta=result.text[len(whole_characters(seen)) :], partial=partial, result=result)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
