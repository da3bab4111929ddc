"""Define the root of the project's error tree and the errors every layer shares.

GuidanceError
├── GrammarError (ValueError)            a grammar is malformed
│   ├── UnsupportedFeatureError          it is well formed, but not compiled (yet)
│   └── UnsatisfiableError               nothing can match it
├── LimitError                           a documented bound was reached
├── VocabularyError (ValueError)         token bytes or token ids are not usable
├── MaskError (ValueError)               a mask and the logits or vocabulary differ in shape
├── SavedFileError (ValueError)          a saved grammar cannot be used: damaged, or of something else
└── TokenRejected (ValueError)           a token was fed that the grammar forbids here
"""

from __future__ import annotations

__all__ = [
    "GrammarError",
    "GuidanceError",
    "LimitError",
    "MaskError",
    "SavedFileError",
    "TokenRejected",
    "UnsatisfiableError",
    "UnsupportedFeatureError",
    "VocabularyError",
]


class GuidanceError(Exception):
    """Root of every error this project raises on purpose."""


class GrammarError(GuidanceError, ValueError):
    """Report a grammar that is not well formed.

    Parameters
    ----------
    message : what was given, what was expected, and the cure.
    where : the place: a JSON pointer such as ``#/items/0``, or ``line 3, column 7``.
    """

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where


class UnsupportedFeatureError(GrammarError):
    """Report a feature that is understood but not compiled, so that nothing is ignored in silence."""


class UnsatisfiableError(GrammarError):
    """Report a grammar that no text can match."""


class LimitError(GuidanceError):
    """Report that a documented limit was reached; the message names the limit and how to raise it."""


class VocabularyError(GuidanceError, ValueError):
    """Report token bytes or token ids from which no vocabulary can be built."""


class MaskError(GuidanceError, ValueError):
    """Report a mask whose shape does not fit the vocabulary or the logits."""


class SavedFileError(GuidanceError, ValueError):
    """Report a saved grammar that cannot be used; the message says why, and that saving it again is the cure."""


class TokenRejected(GuidanceError, ValueError):
    """Report a token that the grammar forbids at this point.

    Parameters
    ----------
    token_id : the token that was fed.
    """

    def __init__(self, message: str, *, token_id: int) -> None:
        super().__init__(message)
        self.token_id = token_id
