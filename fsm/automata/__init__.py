"""Hold the parts of the automata over code points; import them from ``fsm.dfa`` and ``fsm.nfa``."""

from __future__ import annotations

__all__: list[str] = []
