"""Define the errors of classifiers.

GuidanceError
├── ClassifierError (ValueError)   a classifier cannot steer this model, or its settings contradict each other
├── TrainingError (ValueError)     texts and labels nothing can be learned from
└── VocabularyError (ValueError)   two models do not mean the same by a token id (from fsm)
"""

from __future__ import annotations

from fsm.errors import GuidanceError, VocabularyError

__all__ = ["ClassifierError", "TrainingError", "VocabularyError"]


class ClassifierError(GuidanceError, ValueError):
    """Report a classifier that cannot steer a model, or settings that contradict each other."""


class TrainingError(GuidanceError, ValueError):
    """Report texts and labels that nothing can be learned from."""
