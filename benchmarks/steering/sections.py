"""List the sections of the report; a section is a function of the number of texts that yields rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmarks import classifier_guidance
from benchmarks.steering import costs, documents, drafts, published, register, sentiment, watermarks, world
from benchmarks.steering.rows import Row

__all__ = ["SECTIONS", "Section"]

Section = Callable[[int], Iterator[Row]]

_CLASSIFIER_TEXTS = 250
"""Candidates make each text some ten times as dear; for more: ``python -m benchmarks.classifier_guidance``."""


def _measure_classifiers(num_texts: int) -> Iterator[Row]:
    return classifier_guidance.measure(min(num_texts, _CLASSIFIER_TEXTS))


SECTIONS: Mapping[str, Section] = {
    "world": world.measure,
    "sentiment": sentiment.measure,
    "register": register.measure,
    "documents": documents.measure,
    "costs": costs.measure,
    "drafts": drafts.measure,
    "published": published.measure,
    "classifiers": _measure_classifiers,
    "watermarks": watermarks.measure,
}
