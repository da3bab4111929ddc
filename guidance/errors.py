"""Define the runtime's errors.

GuidanceError
├── ModelError (ValueError)              a model, a checkpoint or a name cannot be used
├── PromptError (ValueError)             a prompt is empty, or does not fit the context
├── SamplingError (ValueError)           sampling settings contradict each other
├── OutputError (ValueError)             a text does not parse as the type asked for
├── WatermarkError (ValueError)          a watermark cannot be written or looked for
├── LogitsError (ValueError)             a model returned logits no token can be drawn from
├── BudgetError (LimitError)             max_tokens is too small for what the grammar accepts
├── MemoryLimitError (LimitError)        a single row does not fit into memory
├── EngineError (RuntimeError)           an engine is full, or closed
├── ExtraMissingError (ImportError)      an optional dependency is not installed
└── ForeignGuidanceError (ImportError)   another distribution provides the import name ``guidance``
"""

from __future__ import annotations

from fsm.errors import GrammarError, GuidanceError, LimitError

__all__ = [
    "BatchSplitWarning",
    "BudgetError",
    "EngineError",
    "ExtraMissingError",
    "ForeignGuidanceError",
    "GrammarError",
    "GuidanceError",
    "InputFileError",
    "LogitsError",
    "MemoryLimitError",
    "ModelError",
    "OutputError",
    "PrefixError",
    "PromptError",
    "SamplingError",
    "WatermarkError",
]


class ModelError(GuidanceError, ValueError):
    """Report a model, a checkpoint or a name that cannot be used."""


class PromptError(GuidanceError, ValueError):
    """Report a prompt that is empty or does not fit the model's context."""


class SamplingError(GuidanceError, ValueError):
    """Report sampling settings that are out of range or contradict each other."""


class WatermarkError(GuidanceError, ValueError):
    """Report a watermark that is out of range, that the law cannot carry, or that cannot be looked for."""


class OutputError(GuidanceError, ValueError):
    """Report a text that does not parse as the type asked for.

    Parameters
    ----------
    text : the text that was generated.
    """

    def __init__(self, message: str, *, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class LogitsError(GuidanceError, ValueError):
    """Report logits from which no token can be drawn: not a number, or nothing left to choose."""


class PrefixError(GuidanceError, ValueError):
    """Report a prefix that a grammar forbids, or a token that a vocabulary does not have."""


class InputFileError(GuidanceError, OSError):
    """Report a file that cannot be read or written."""


class BudgetError(LimitError):
    """Report a token budget below the shortest output the grammar accepts.

    Parameters
    ----------
    max_tokens : the budget given.
    needed : tokens that are certainly enough for the shortest accepted output.
    """

    def __init__(self, message: str, *, max_tokens: int, needed: int) -> None:
        super().__init__(message)
        self.max_tokens = max_tokens
        self.needed = needed


class MemoryLimitError(LimitError):
    """Report that not even one row fits into memory."""


class EngineError(GuidanceError, RuntimeError):
    """Report an engine that takes no more requests: it is full, or closed."""


class ExtraMissingError(GuidanceError, ImportError):
    """Report an optional dependency that is not installed, and the extra that brings it."""


class BatchSplitWarning(UserWarning):
    """Say that a batch did not fit into memory and runs in parts."""


class ForeignGuidanceError(GuidanceError, ImportError):
    """Report that another distribution named ``guidance`` is installed beside this one."""
