"""Steer with classifiers: re-score the legal tokens by an attribute of the text they lead to.

Nothing is exported yet.
"""

from __future__ import annotations

__all__: list[str] = []
