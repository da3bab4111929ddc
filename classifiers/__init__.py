"""Steer with classifiers: re-score the legal tokens by an attribute of the text they lead to.

discriminator.py  what a classifier is asked          rescoring.py     Bayes' rule among the legal tokens
fudge.py          a head at every prefix              siblings.py      its candidates in one pass, the winner kept
one_pass.py       a head that scores every token      gedi.py          class-conditional language models
caif.py           any sequence classifier, gated      vocabularies.py  the same tokens on both sides
attributes.py     labels and their log-probabilities  errors.py        the package's errors
training/         classifiers and experts from texts  commands.py      their commands

PPLM (Dathathri et al. 2020, arXiv 1912.02164) is left out: it follows gradients through the base model's cache at every
token, which is some 30 times slower than GeDi (2009.06367), weaker in every comparison read (DExperts' tables: 52 %
against 94 % positive), and no function of the logits, so it would compose with nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guidance.lazy_names import lazy_names

if TYPE_CHECKING:
    from classifiers.caif import Caif
    from classifiers.discriminator import Discriminator, Reader
    from classifiers.errors import ClassifierError, TrainingError
    from classifiers.fudge import Fudge
    from classifiers.gedi import GeDi
    from classifiers.one_pass import OnePassHead
    from classifiers.rescoring import ClassifierGuidance

__all__ = [
    "Caif",
    "ClassifierError",
    "ClassifierGuidance",
    "Discriminator",
    "Fudge",
    "GeDi",
    "OnePassHead",
    "Reader",
    "TrainingError",
]

# Names are imported when first used, so that ``guidance train-classifier --help`` need not wait for torch.
_HOMES = {
    "Caif": "classifiers.caif",
    "ClassifierError": "classifiers.errors",
    "ClassifierGuidance": "classifiers.rescoring",
    "Discriminator": "classifiers.discriminator",
    "Fudge": "classifiers.fudge",
    "GeDi": "classifiers.gedi",
    "OnePassHead": "classifiers.one_pass",
    "Reader": "classifiers.discriminator",
    "TrainingError": "classifiers.errors",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
