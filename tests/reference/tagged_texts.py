"""Read a text with tags the slow, obvious way: search for the nearest trigger, then match what it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["read_tagged"]


def read_tagged(text: str, bodies: Mapping[str, str]) -> list[tuple[str, str]] | None:
    """Return the trigger and the captured content of every tag, None for a text that a tag's body does not fit.

    bodies : for each trigger a regular expression of what follows, whose group 1 is the content; lazy, so that the
        first end counts.
    """
    found = []
    place = 0
    while True:
        nearest = [(text.find(trigger, place), trigger) for trigger in bodies if text.find(trigger, place) >= 0]
        if not nearest:
            return found
        begin, trigger = min(nearest, key=lambda item: item[0] + len(item[1]))
        match = re.compile(bodies[trigger], re.DOTALL).match(text, begin + len(trigger))
        if match is None:
            return None
        found.append((trigger, match[1]))
        place = match.end()
