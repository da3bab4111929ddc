"""Train prefix classifiers, one-pass heads and experts from a file of texts and labels.

texts.py        JSON lines to labelled texts       batches.py     padded batches of tokens
fitting.py      the loop: schedule, progress, and what validation says along the way
classifier.py   classifiers and heads              expert.py      language models of one label
calibration.py  how right the scores are, by the length of the prefix
picture.py      the curves as a picture            saving.py      safetensors, tokenizer and report
"""

from __future__ import annotations

from classifiers.training.classifier import train_classifier
from classifiers.training.expert import train_expert
from classifiers.training.fitting import Schedule

__all__ = ["Schedule", "train_classifier", "train_expert"]
