"""Offer the main job on the command line: ``guidance generate``, ``guidance compile``, ``guidance explain``.

commands.py    the three commands and their options      grammars.py   grammars from options
inspection.py  what a grammar costs and allows           printing.py   results to stdout, the rest to stderr
watermarking.py ``guidance watermark detect``   plugins.py    commands of other packages: ``guidance steer``
"""

from __future__ import annotations

from guidance.cli.commands import main

__all__ = ["main"]
