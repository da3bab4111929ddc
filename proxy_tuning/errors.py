"""Define the errors of steering with other models.

GuidanceError
├── SteeringError (ValueError)       settings contradict each other, or a model cannot do what is asked of it
└── VocabularyError (ValueError)     two models do not mean the same by a token id (from fsm)
"""

from __future__ import annotations

from fsm.errors import GuidanceError, VocabularyError

__all__ = ["SteeringError", "VocabularyError"]


class SteeringError(GuidanceError, ValueError):
    """Report settings that contradict each other, or a model that cannot do what is asked of it."""
