"""Define the errors of steering with other models.

GuidanceError
├── SteeringError (ValueError)       settings contradict each other, or a model cannot do what is asked of it
├── VocabularyError (ValueError)     two models do not mean the same by a token id (from fsm)
└── MissingExtraError (ImportError)  a library of an extra is not installed
"""

from __future__ import annotations

from fsm.errors import GuidanceError, VocabularyError

__all__ = ["MissingExtraError", "SteeringError", "VocabularyError"]


class SteeringError(GuidanceError, ValueError):
    """Report settings that contradict each other, or a model that cannot do what is asked of it."""


class MissingExtraError(GuidanceError, ImportError):
    """Report a library that comes with an extra which is not installed."""
