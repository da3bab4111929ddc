"""Draw from the law that an expression over models and classifiers stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from proxy_tuning.combination import Combination
from proxy_tuning.formula import Formula

__all__ = ["ModelArithmetic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelArithmetic(Combination):
    r"""Draw from ``softmax(sum(f_i log Q_i) / sum(f_i))`` for an expression ``sum(f_i Q_i)``.

    Parameters
    ----------
    law : the expression, such as ``BASE + 0.5 * Term(formal) - 0.3 * union(BASE, Term(toxic))``.

    Raises
    ------
    SteeringError : when bound to a model, if the weights of the laws do not add up to more than 0.

    Examples
    --------
    >>> import guidance
    >>> from guidance.embedded.judge import judge_register
    >>> from proxy_tuning import BASE, Term
    >>> writer, formal = guidance.load("embedded/writer"), guidance.load("embedded/small_formal")
    >>> steer = [ModelArithmetic(law=BASE + 2.0 * Term(formal))]
    >>> result = guidance.generate(writer, "Write about the lamp.\n\n", steer=steer, max_tokens=60)
    >>> judge_register(result.text)
    'formal'
    """

    is_normalised: ClassVar[bool] = True
    law: Formula

    @property
    def formula(self) -> Formula:
        """Return the expression."""
        return self.law
