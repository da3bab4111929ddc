"""Mark generated text so that whoever holds the key can recognise it, and recognise it.

settings.py      `Watermark`: the key, the scheme and its strength
seeds.py         the keyed hash of a context                    hashing.py     the hash of each token under a seed
windows.py       the state of a row: its last tokens            green_lists.py hard and soft red and green lists
gumbel.py        the exponential race (distortion-free)         tournament.py  SynthID's tournament (distortion-free)
scoring.py       what each token of a text says                 tails.py       exact tails of the null laws
detection.py     `detect_watermark` and its `Verdict`           entropy.py     weights from a model's entropy
foreign.py       texts watermarked by the transformers library  display.py     tokens in colour
retokenising.py  text to the tokens of a vocabulary             marking.py     what the ways of marking share

Generation and detection share the integer hash and nothing else; detection loads no torch.
"""

from __future__ import annotations

from guidance.watermark.detection import detect_watermark
from guidance.watermark.foreign import TransformersWatermark
from guidance.watermark.settings import Watermark
from guidance.watermark.verdict import Verdict, Window

__all__ = ["TransformersWatermark", "Verdict", "Watermark", "Window", "detect_watermark"]
