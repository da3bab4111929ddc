"""Supply the embedded classifiers, as our decoder runs them and as the transformers library does."""

from __future__ import annotations

import pytest

import guidance
from guidance.embedded import embedded_path


@pytest.fixture(scope="session")
def writer():
    """Return the model that is steered."""
    return guidance.load("embedded/writer")


@pytest.fixture(scope="session")
def sentiment():
    """Return the embedded classifier."""
    return guidance.load("embedded/sentiment")


@pytest.fixture(scope="session")
def slow_sentiment():
    """Return the same classifier in the transformers library."""
    from transformers import LlamaForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    return LlamaForSequenceClassification.from_pretrained(embedded_path("sentiment")).eval()
