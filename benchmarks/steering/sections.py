"""List the sections of the report; a section is a function of the number of texts that yields rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmarks.steering import costs, documents, drafts, published, register, sentiment, world
from benchmarks.steering.rows import Row

__all__ = ["SECTIONS", "Section"]

Section = Callable[[int], Iterator[Row]]

SECTIONS: Mapping[str, Section] = {
    "world": world.measure,
    "sentiment": sentiment.measure,
    "register": register.measure,
    "documents": documents.measure,
    "costs": costs.measure,
    "drafts": drafts.measure,
    "published": published.measure,
}
