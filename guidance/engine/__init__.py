"""Serve many callers with one model: requests join and leave a running batch.

engine.py     submit, cancel, close; the thread that runs      ticket.py     one request's events and result
schedule.py   what the running batch does next                 observer.py   what watches it
"""

from __future__ import annotations

from guidance.engine.engine import Engine
from guidance.engine.observer import Observer
from guidance.engine.ticket import Ticket

__all__ = ["Engine", "Observer", "Ticket"]
