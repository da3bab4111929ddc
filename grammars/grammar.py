"""Define what every grammar is: a frozen value that compiles against a vocabulary."""

from __future__ import annotations

from abc import ABC, abstractmethod

from fsm.compiled import Compiled
from fsm.vocabulary import Vocabulary

__all__ = ["Grammar"]


class Grammar(ABC):
    """Be a language of texts; frozen."""

    @abstractmethod
    def compile(self, vocabulary: Vocabulary) -> Compiled:
        """Return the grammar ready for matching; lazy, so it returns at once.

        Raises
        ------
        GrammarError : the grammar is malformed, unsupported, or nothing can match it.
        """
