"""Say what watches an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from guidance.engine.ticket import Ticket

if TYPE_CHECKING:
    from guidance.engine.engine import Engine

__all__ = ["Observer"]


class Observer(Protocol):
    """Be told of every finished request, in the engine's thread."""

    def observe(self, ticket: Ticket[Any], engine: Engine) -> None:
        """Look at a request that is done, by result or by error."""
