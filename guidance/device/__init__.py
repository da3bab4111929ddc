"""Decode on the device alone: forward pass, mask, draw and advance in steps of fixed shape, read back in chunks.

grammar.py    a frozen grammar's tables, and what it forces, as tensors
step.py       one step over static buffers; on CUDA a captured graph, elsewhere its twin, run as it is
loop.py       chunks of steps, rows told what was written, what does not fit handed back to the usual loop
fitting.py    what can be decoded so, or why not
uniforms.py   the random number of a row's step
kept.py       grammars and steps made for earlier calls
"""

from __future__ import annotations

from guidance.device.fitting import find_plan
from guidance.device.grammar import DeviceGrammar
from guidance.device.kept import KeptSteps
from guidance.device.loop import DeviceLoop
from guidance.device.step import DeviceStep

__all__ = ["DeviceGrammar", "DeviceLoop", "DeviceStep", "KeptSteps", "find_plan"]
