"""Check that texts watermarked by the transformers library are read as that library reads them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fsm import Vocabulary
from guidance import detect_watermark
from guidance.errors import WatermarkError
from guidance.watermark import TransformersWatermark

SIZE = 280
LETTERS = Vocabulary([b"%d " % token for token in range(SIZE)])

SETTINGS = [
    {"seeding_scheme": "lefthash", "context_width": 1},
    {"seeding_scheme": "lefthash", "context_width": 3},
    {"seeding_scheme": "selfhash", "context_width": 1},
    {"seeding_scheme": "selfhash", "context_width": 4},
]


@pytest.fixture(scope="module")
def network():
    """Return a random model of the transformers library."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=SIZE,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            bos_token_id=1,
            eos_token_id=None,
            pad_token_id=0,
        )
    ).eval()


@pytest.mark.parametrize("settings", SETTINGS)
def test_texts_of_transformers_are_scored_as_its_own_detector_scores_them(network, settings):
    """Its generator writes, its detector and ours agree on every token, and ours calls the text marked."""
    from transformers import WatermarkDetector, WatermarkingConfig

    config = WatermarkingConfig(bias=5.0, **settings)
    torch.manual_seed(1)
    prompt = torch.tensor([[5, 6, 7, 8]])
    arguments = {"max_new_tokens": 60, "do_sample": True, "top_k": 0, "attention_mask": torch.ones_like(prompt)}
    text = network.generate(prompt, watermarking_config=config, **arguments)[:, 4:]
    text = text[0].tolist()
    theirs = WatermarkDetector(network.config, "cpu", config)
    mark = TransformersWatermark.from_config(config, SIZE)
    ours = detect_watermark(text, LETTERS, mark)
    is_self = int(settings["seeding_scheme"] == "selfhash")
    for place in np.flatnonzero(ours.scored).tolist():
        ngram = torch.tensor(text[place - mark.window_size : place + 1])
        assert bool(ours.values[place]) == bool(theirs._get_ngram_score(ngram if is_self else ngram[:-1], text[place]))
    assert not ours.scored[: mark.window_size].any()
    assert ours.num_scored + ours.num_repeated == len(text) - mark.window_size
    assert ours.is_watermarked
    assert not detect_watermark(list(range(60)), LETTERS, mark).is_watermarked


def test_other_configurations_are_refused():
    """SynthID's configuration of that library is no red and green list."""
    with pytest.raises(WatermarkError, match="WatermarkingConfig"):
        TransformersWatermark.from_config(object(), SIZE)


@pytest.mark.parametrize("settings", [{"scheme": "other"}, {"gamma": 0.0}, {"context_width": 0}])
def test_settings_without_lists_are_refused(settings):
    """By name."""
    with pytest.raises(WatermarkError, match="watermark: got"):
        TransformersWatermark(vocabulary_size=SIZE, **settings)
