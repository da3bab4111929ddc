"""Freeze a grammar to tables that a device can index, and keep them in files.

byte_automaton.py  the places of a grammar, determinised   frozen.py  next states and token classes
frozen_compiled.py masks and moves from the tables         saving.py  the tables as a file
"""

from __future__ import annotations

__all__: list[str] = []
